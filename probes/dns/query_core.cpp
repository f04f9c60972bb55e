#include "probes/dns/query_core.hpp"

#include "probes/dns/answer.hpp"
#include "probes/failures.hpp"

namespace edge::probes {
namespace {

std::uint64_t micros(std::chrono::steady_clock::duration spent) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
}

}  // namespace

QueryCore::QueryCore(const DnsSpec& spec, Question question, std::string server,
                     std::function<std::uint16_t()> random_id)
    : spec_(spec), question_(std::move(question)), random_id_(std::move(random_id)) {
    detail_.server = std::move(server);
    detail_.port = static_cast<std::uint16_t>(spec.port);
}

QueryCore::Action QueryCore::start(Time now) {
    detail_.tries = 1;
    return ask(spec_.transport, now);
}

QueryCore::Action QueryCore::ask(DnsTransport transport, Time now) {
    transport_ = transport;
    detail_.transport = transport == DnsTransport::tcp ? "tcp" : "udp";
    detail_.connect_us.reset();
    is_connected_ = false;
    asked_ = sent_ = now;
    id_ = random_id_();
    const auto size = static_cast<std::uint16_t>(spec_.udp_payload_size);
    return Ask{transport, encode_query(id_, question_, spec_.rd, size),
               now + std::chrono::milliseconds(spec_.timeout_ms)};
}

void QueryCore::connected(Time now) {
    is_connected_ = true;
    detail_.connect_us = micros(now - asked_);
    sent_ = now;
}

void QueryCore::sent(Time now) {
    sent_ = now;
}

QueryCore::Action QueryCore::received(std::span<const std::uint8_t> message, Time now) {
    const auto head = match_answer(message, id_, question_);
    if (!head) {
        ++detail_.ignored;
        if (transport_ == DnsTransport::udp) return Wait{};
        return next_try(Failure{Source::resolver, "read", "malformed", "the TCP answer was to another question"}, now);
    }
    if (head->truncated && transport_ == DnsTransport::udp) return ask(DnsTransport::tcp, now);
    detail_.query_us = micros(now - sent_);
    detail_.size = message.size();
    failure_.reset();
    if (const auto read = read_answer(message, detail_); !read) {
        failure_ = Failure{Source::resolver, "read", "malformed", "the answer is malformed: " + read.error().detail};
        return Over{};
    }
    const std::string& rcode = detail_.header->rcode;
    if (rcode != "NOERROR" && rcode != "NXDOMAIN") {
        failure_ = Failure{Source::resolver, "read", rcode, detail_.server + " answers " + rcode};
    }
    return Over{};
}

QueryCore::Action QueryCore::failed(int os_errno, const std::string& phase, Time now) {
    Failure failure = errno_failure(os_errno, phase, detail_.server);
    if (failure.source == Source::target) failure.source = Source::resolver;
    return next_try(std::move(failure), now);
}

QueryCore::Action QueryCore::closed(Time now) {
    return next_try(
        Failure{Source::resolver, "read", "closed", detail_.server + " closed the connection without an answer"}, now);
}

QueryCore::Action QueryCore::timed_out(Time now) {
    return next_try(probes::timed_out(Source::resolver, phase(), detail_.server + " did not answer in time"), now);
}

QueryCore::Action QueryCore::next_try(Failure failure, Time now) {
    failure_ = std::move(failure);
    if (detail_.tries >= spec_.tries) return Over{};
    ++detail_.tries;
    return ask(spec_.transport, now);
}

const char* QueryCore::phase() const {
    return transport_ == DnsTransport::tcp && !is_connected_ ? "connect" : "wait";
}

void QueryCore::conclude(ProbeReport& report) const {
    report.status = failure_ ? Status::failed : Status::ok;
    report.failure = failure_;
    if (!detail_.header) return;
    report.summary.rtt_us = detail_.query_us;
    report.summary.code = detail_.header->rcode;
    report.summary.bytes = detail_.size;
}

}  // namespace edge::probes
