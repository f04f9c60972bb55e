#include "probes/ping/ping_core.hpp"

#include <algorithm>
#include <cmath>

namespace edge::probes {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Steady = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxExtra = 64;  // duplicates listed one by one; all are counted

/// By the kernel's stamp where it is believable: not before the send, not longer than our own clock saw.
std::uint64_t round_trip_us(const Instant& sent, Steady seen, std::optional<nanoseconds> stamped) {
    nanoseconds rtt = seen - sent.steady;
    if (stamped) {
        const nanoseconds by_kernel = *stamped - sent.wall;
        if (by_kernel >= nanoseconds(0) && by_kernel <= rtt) rtt = by_kernel;
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration_cast<microseconds>(rtt).count()));
}

}  // namespace

PingCore::PingCore(const PingSpec& spec, bool v6, std::string target, const Cookie& cookie, Steady start)
    : spec_(spec), v6_(v6), target_(std::move(target)), cookie_(cookie), start_(start) {
    requests_.reserve(spec.count);
    replies_.reserve(spec.count);
}

PingCore::Step PingCore::tick(Steady now) {
    if (requests_.size() == spec_.count || now < next_send()) return step(now);
    const auto seq = static_cast<std::uint16_t>(requests_.size());
    requests_.push_back({});
    replies_.emplace_back().seq = seq;
    Step next = step(now);
    next.send = Packet{seq, encode_echo_request(v6_, seq, cookie_, spec_.size)};
    return next;
}

PingCore::Step PingCore::sent(std::uint16_t seq, Instant at) {
    requests_[seq].at = at;
    requests_[seq].is_sent = true;
    replies_[seq].tx_us = static_cast<std::uint64_t>(duration_cast<microseconds>(at.steady - start_).count());
    return step(at.steady);
}

/// An interval after the last one, however late that was: no burst after a pause.
Steady PingCore::next_send() const {
    return requests_.empty() ? start_ : requests_.back().at.steady + milliseconds(spec_.interval_ms);
}

PingCore::Step PingCore::send_failed(std::uint16_t seq, Instant at, std::string error) {
    sent(seq, at);
    return refused(seq, std::move(error), {}, at.steady);
}

PingCore::Step PingCore::arrived(const Arrival& arrival) {
    const auto reply = decode_echo_reply(v6_, arrival.message, cookie_, spec_.size);
    if (!reply || !is_ours(reply->seq)) {  // not ours, or before we sent it
        ++ignored_;
        return step(arrival.seen);
    }
    Request& request = requests_[reply->seq];
    PingReply known = replies_[reply->seq];
    known.error.reset();
    known.rtt_us = round_trip_us(request.at, arrival.seen, arrival.stamped);
    known.ttl = arrival.ttl;
    known.size = static_cast<std::uint32_t>(reply->payload);
    if (arrival.from != target_) known.from = arrival.from;
    const bool in_time = *known.rtt_us <= std::uint64_t{spec_.timeout_ms} * 1000;
    if (request.fate == Fate::received) {
        known.dup = true;
        if (extra_.size() < kMaxExtra) extra_.push_back(known);
        ++extra_count_;
    } else if (request.fate == Fate::open && in_time) {
        request.fate = Fate::received;
        ++received_;
        replies_[reply->seq] = known;
    } else {
        ++late_;
        return step(arrival.seen);
    }
    Step next = step(arrival.seen);
    next.news.insert(next.news.begin(), std::move(known));
    return next;
}

PingCore::Step PingCore::refused(std::uint16_t seq, std::string error, std::string from, Steady now) {
    if (!is_ours(seq) || requests_[seq].fate != Fate::open) {
        ++ignored_;
        return step(now);
    }
    requests_[seq].fate = Fate::error;
    PingReply& reply = replies_[seq];
    reply.error = std::move(error);
    if (!from.empty() && from != target_) reply.from = std::move(from);
    Step next = step(now);
    next.news.insert(next.news.begin(), reply);
    return next;
}

PingCore::Step PingCore::step(Steady now) {
    Step next;
    expire(now, next);
    while (first_open_ < requests_.size() && requests_[first_open_].fate != Fate::open) ++first_open_;
    const bool is_sending = !requests_.empty() && !requests_.back().is_sent;  // sent() comes next and knows the time
    if (requests_.size() < spec_.count && !is_sending) next.wake = next_send();
    if (first_open_ < requests_.size() && requests_[first_open_].is_sent) {
        const Steady expires = requests_[first_open_].at.steady + milliseconds(spec_.timeout_ms);
        next.wake = next.wake ? std::min(*next.wake, expires) : expires;
    }
    next.over = requests_.size() == spec_.count && first_open_ == requests_.size();
    return next;
}

void PingCore::expire(Steady now, Step& next) {
    for (std::size_t i = first_open_; i < requests_.size(); ++i) {
        Request& request = requests_[i];
        if (!request.is_sent || now < request.at.steady + milliseconds(spec_.timeout_ms)) break;  // sent in order
        if (request.fate != Fate::open) continue;
        request.fate = Fate::lost;
        next.news.push_back(replies_[i]);
    }
}

const PingReply* PingCore::first_error() const {
    for (const PingReply& reply : replies_) {
        if (reply.error) return &reply;
    }
    return nullptr;
}

PingDetail PingCore::detail() const {
    PingDetail detail;
    detail.dst_addr = target_;
    detail.size = spec_.size;
    detail.sent = static_cast<std::uint32_t>(requests_.size());
    detail.rcvd = received_;
    detail.dup = extra_count_;
    detail.late = late_;
    detail.ignored = ignored_;
    if (detail.sent > 0) detail.loss_percent = std::round(1000.0 * (detail.sent - received_) / detail.sent) / 10;
    double sum = 0, squares = 0;
    for (const PingReply& reply : replies_) {
        if (!reply.rtt_us) continue;
        const auto rtt = static_cast<double>(*reply.rtt_us);
        sum += rtt;
        squares += rtt * rtt;
        detail.min_us = std::min(detail.min_us.value_or(*reply.rtt_us), *reply.rtt_us);
        detail.max_us = std::max(detail.max_us.value_or(0), *reply.rtt_us);
    }
    if (received_ > 0) {
        const double mean = sum / received_;
        detail.avg_us = static_cast<std::uint64_t>(std::llround(mean));
        detail.mdev_us =
            static_cast<std::uint64_t>(std::llround(std::sqrt(std::max(0.0, squares / received_ - mean * mean))));
    }
    detail.replies = replies_;
    detail.replies.insert(detail.replies.end(), extra_.begin(), extra_.end());
    return detail;
}

}  // namespace edge::probes
