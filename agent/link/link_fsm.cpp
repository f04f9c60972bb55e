#include "agent/link/link_fsm.hpp"

#include <algorithm>

#include "protocol/json/described.hpp"
#include "protocol/link/fit_result.hpp"

namespace edge::agent {
namespace {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

constexpr auto kHandshake = 20s;   // dial to welcome
constexpr int kSilences = 3;       // heartbeats missed before the other side counts as dead
constexpr auto kAckWithin = 5min;  // a broker that lives and acknowledges nothing
constexpr Milliseconds kRejectedFrom = 5min;
constexpr Milliseconds kRejectedTo = 15min;
constexpr Milliseconds kOtherKeyWithin = 10s;
// An order to change the key that comes so soon after a change is the same one, come twice. Each change forgets the
// key before the last, and a broker that comes back from a backup may know no other.
constexpr auto kOneOrder = 1min;
constexpr const char* kShutOut =
    " consequence=\"results are kept, and nothing new is taken\" do=\"when an operator has made a join token for it: "
    "stop this agent, edge-agent enroll URL --replace --token-file FILE\"";
constexpr Milliseconds kAnotherWay = 1s;  // at most, until it is dialled; many nodes may lose one broker
constexpr std::uint64_t kWorkBytes = 1024 * 1024;

LinkActions one(LinkAction action) {
    LinkActions actions;
    actions.push_back(std::move(action));
    return actions;
}

bool is_shut_out(link::RejectCode code) {
    using enum link::RejectCode;
    return code == revoked || code == locked || code == stale_counter || code == unknown_node;
}

template <class T>
SendLine line_of(T envelope) {
    return SendLine{encode_envelope(link::Envelope(std::move(envelope)))};
}

}  // namespace

LinkFsm::LinkFsm(LinkSettings settings)
    : settings_(settings), backoff_(settings.first_retry, settings.seed), slots_(settings.work_slots) {}

LinkActions LinkFsm::start(Time now) {
    state_ = State::dialling;
    wake_ = now + kHandshake;
    return one(Dial{});
}

LinkActions LinkFsm::opened(Time now) {
    if (state_ != State::dialling) return {};
    state_ = State::challenge;
    heard_ = now;
    wake_ = now + kHandshake;
    return {};
}

LinkActions LinkFsm::received(link::Envelope envelope, const SpoolNumbers& spool, Moment now) {
    heard_ = now.steady;
    if (state_ == State::leaving || idle()) {
        if (const auto* ack = std::get_if<link::ResultAck>(&envelope); ack && state_ == State::leaving && was_live_)
            return on(*ack);
        return {};
    }
    if (const auto* challenge = std::get_if<link::Challenge>(&envelope)) return on(*challenge);
    if (const auto* welcome = std::get_if<link::Welcome>(&envelope)) return on(*welcome, spool);
    if (const auto* reject = std::get_if<link::Reject>(&envelope)) return on(*reject);
    if (const auto* error = std::get_if<link::ProtocolError>(&envelope)) return on(*error);
    if (const auto* unknown = std::get_if<link::UnknownEnvelope>(&envelope)) return on(*unknown);
    if (const auto* goaway = std::get_if<link::Goaway>(&envelope)) return on(*goaway, now.steady);
    if (const auto* heartbeat = std::get_if<link::Heartbeat>(&envelope)) return on(*heartbeat, now);
    if (state_ != State::live) return violation("too_early", "work before the welcome was confirmed");
    if (std::get_if<link::RotateKey>(&envelope)) return on_rotate_key(now.steady);
    if (auto* taken = std::get_if<link::KeyTaken>(&envelope)) {
        key_taken_ = now.steady;
        return one(TakeKey{std::move(taken->public_key)});
    }
    if (auto* pins = std::get_if<link::Pins>(&envelope)) return one(StorePins{std::move(*pins)});
    if (auto* task = std::get_if<link::Task>(&envelope)) return on(std::move(*task));
    if (const auto* cancel = std::get_if<link::CancelTask>(&envelope)) return on(*cancel);
    if (auto* set = std::get_if<link::PlanSet>(&envelope)) return on_plan(std::move(*set));
    if (auto* drop = std::get_if<link::PlanDrop>(&envelope)) return on_plan(std::move(*drop));
    if (auto* reset = std::get_if<link::PlanReset>(&envelope)) return on_plan(std::move(*reset));
    if (const auto* ack = std::get_if<link::ResultAck>(&envelope)) return on(*ack);
    if (const auto* credit = std::get_if<link::Credit>(&envelope)) return on(*credit);
    return violation("wrong_direction", "an envelope that only an agent sends");
}

LinkActions LinkFsm::on(const link::Challenge& challenge) {
    if (state_ != State::challenge) return violation("unexpected", "a challenge out of turn");
    if (std::find(challenge.proto.begin(), challenge.proto.end(), link::kProtocolVersion) == challenge.proto.end()) {
        return violation("version", "the broker does not speak protocol 1; upgrade edge-agent");
    }
    // Only a broker without TLS has a reason to ask for `none`, and this agent speaks nothing but TLS.
    if (challenge.binding != link::Binding::tls_exporter)
        return violation("binding", "a hello that is not bound to this TLS connection is refused");
    const auto nonce = from_base64(challenge.nonce);
    if (!nonce || nonce->size() != 32) return violation("nonce", "expected base64 of 32 bytes");
    state_ = State::hello_sent;
    takes_early_ = std::ranges::find(challenge.features, link::kEarlyResults) != challenge.features.end();
    return one(SayHello{std::string(nonce->begin(), nonce->end())});
}

LinkActions LinkFsm::on(const link::Welcome& welcome, const SpoolNumbers& spool) {
    if (state_ != State::hello_sent) return violation("unexpected", "a welcome out of turn");
    // It knows more than we ever wrote: our disk is an older one.
    if (welcome.results_acked > spool.last) {
        LinkActions actions = one(
            RenewSpool{"broker_acked_" + std::to_string(welcome.results_acked) + "_of_" + std::to_string(spool.last)});
        for (auto& action : leave(1000, "the spool begins anew")) actions.push_back(std::move(action));
        return actions;
    }
    state_ = State::storing;
    join_counter_ = welcome.join_counter;
    work_next_ = std::max<std::uint64_t>(welcome.work_from, 1);
    work_acked_ = work_next_ - 1;
    credit_ = welcome.credit;
    // It may know less than it acknowledged, when it came back from a backup. What is not here any more it goes
    // without.
    result_next_ = std::max(welcome.results_acked + 1, spool.first != 0 ? spool.first : spool.last + 1);
    result_acked_ = result_next_ - 1;
    early_next_ = spool.last + 1;
    in_flight_.clear();
    in_flight_bytes_ = 0;
    waits_since_.reset();
    max_message_ = std::clamp(std::size_t{welcome.limits.frame_bytes}, link::kLeastMessage, link::kMaxMessage);
    heartbeat_ = std::clamp(Milliseconds(welcome.limits.heartbeat_ms), Milliseconds(1s), Milliseconds(60s));
    if (settings_.heartbeat) heartbeat_ = std::min(heartbeat_, *settings_.heartbeat);
    LinkActions actions;
    if (result_acked_ < spool.acked)
        actions.push_back(RewindResults{result_acked_});
    else
        actions.push_back(ForgetResults{result_acked_});
    actions.push_back(StoreCounter{welcome.join_counter, welcome.generation});
    for (const link::AttemptRef& attempt : welcome.revoke) actions.push_back(StopWork{0, attempt});
    actions.push_back(Say{Level::info, "link_live session=" + welcome.session_id.text() +
                                           " epoch=" + std::to_string(welcome.epoch) +
                                           " results_acked=" + std::to_string(welcome.results_acked) +
                                           " work_from=" + std::to_string(work_next_)});
    return actions;
}

LinkActions LinkFsm::counter_stored(Time now) {
    if (state_ != State::storing) return {};
    state_ = State::live;
    was_live_ = true;
    going_away_ = false;
    backoff_.session_began(now);
    plan_heartbeat(now);
    work_granted_ = work_next_ - 1 + (draining_ ? 0 : slots_);
    LinkActions actions = one(line_of(link::WelcomeAck{join_counter_, {work_granted_, kWorkBytes}}));
    if (draining_) actions.push_back(line_of(link::Goaway{link::GoawayReason::maintenance, 0, 0}));
    return actions;
}

LinkActions LinkFsm::on(const link::Reject& reject) {
    using enum link::RejectCode;
    asks_others_ = reject.code != revoked && reject.code != locked && reject.code != stale_counter;
    if (reject.fatal) {
        wait_ = backoff_.uniform(kRejectedFrom, kRejectedTo);
    } else if (reject.retry_after_ms > 0) {
        const Milliseconds asked(std::min<std::uint64_t>(reject.retry_after_ms, 3'600'000));
        wait_ = backoff_.uniform(asked, asked + asked / 5);
    }
    LinkActions actions = one(Say{reject.fatal ? Level::error : Level::warn,
                                  "link_rejected code=" + std::string(enum_text(reject.code)) + " text=\"" +
                                      reject.text + "\"" + (is_shut_out(reject.code) ? kShutOut : "")});
    if (reject.code == link::RejectCode::bad_signature) actions.push_back(TryOtherKey{});
    for (auto& action : leave(1000, "rejected")) actions.push_back(std::move(action));
    return actions;
}

void LinkFsm::retry_soon() {
    wait_ = backoff_.uniform(Milliseconds(0), kOtherKeyWithin);
}

LinkActions LinkFsm::on_rotate_key(Time now) const {
    if (key_taken_ && now - *key_taken_ < kOneOrder) return {};
    return one(MakeKey{});
}

LinkActions LinkFsm::offer_key(link::NewKey key) {
    if (state_ != State::live) return {};
    return one(line_of(std::move(key)));
}

LinkFsm::Order LinkFsm::order_of(std::uint64_t n) const {
    if (n < work_next_) return Order::seen;
    return n == work_next_ && n <= work_granted_ ? Order::next : Order::broken;
}

LinkActions LinkFsm::on(link::Task&& task) {
    if (draining_) return {};  // neither accepted nor acknowledged: the broker keeps it for somebody else
    const Order order = order_of(task.n);
    if (order == Order::seen) return {};
    if (order == Order::broken)
        return violation("work_order", "work " + std::to_string(task.n) + ", expected " + std::to_string(work_next_) +
                                           " up to " + std::to_string(work_granted_));
    ++work_next_;
    return one(StartWork{std::move(task)});
}

LinkActions LinkFsm::on(const link::CancelTask& cancel) {
    const link::AttemptRef attempt{cancel.task_id, cancel.attempt};
    if (draining_) return one(StopWork{0, attempt});
    const Order order = order_of(cancel.n);
    if (order == Order::seen) return {};
    if (order == Order::broken)
        return violation("work_order",
                         "cancel " + std::to_string(cancel.n) + ", expected " + std::to_string(work_next_));
    ++work_next_;
    return one(StopWork{cancel.n, attempt});
}

template <class Change>
LinkActions LinkFsm::on_plan(Change&& change) {
    if (draining_) return {};  // the next process is told what differs
    const Order order = order_of(change.n);
    if (order == Order::seen) return {};
    if (order == Order::broken)
        return violation("work_order", "plan " + std::to_string(change.n) + ", expected " + std::to_string(work_next_));
    ++work_next_;
    return one(ChangePlan{std::forward<Change>(change)});
}

LinkActions LinkFsm::on(const link::ResultAck& ack) {
    if (ack.n <= result_acked_) return {};
    if (ack.n >= result_next_) return violation("ack", "result " + std::to_string(ack.n) + " was never sent");
    result_acked_ = ack.n;
    while (!in_flight_.empty() && in_flight_.front().first <= ack.n) {
        in_flight_bytes_ -= in_flight_.front().second;
        in_flight_.pop_front();
    }
    waits_since_.reset();
    if (!in_flight_.empty()) waits_since_ = heard_;
    LinkActions actions = one(ForgetResults{ack.n});
    if (going_away_ && in_flight_.empty() && state_ == State::live) {
        for (auto& action : leave(1012, "as asked")) actions.push_back(std::move(action));
    }
    return actions;
}

LinkActions LinkFsm::on(const link::Credit& credit) {
    credit_ = {std::max(credit_.upto_n, credit.upto_n), credit.bytes};  // one that comes again takes nothing back
    if (in_flight_.empty()) waits_since_.reset();
    return {};
}

LinkActions LinkFsm::on(const link::Heartbeat& heartbeat, Moment now) {
    if (heartbeat.echo_us || state_ != State::live) return {};  // nothing may come before the welcome_ack
    return one(line_of(link::Heartbeat{now.wall_us, heartbeat.at_us}));
}

LinkActions LinkFsm::on(const link::Goaway& goaway, Time now) {
    using enum link::GoawayReason;
    const bool for_long = goaway.reason == revoked || goaway.reason == upgrade_required || goaway.reason == taken_over;
    if (for_long) {
        wait_ = backoff_.uniform(kRejectedFrom, kRejectedTo);
    } else if (goaway.window_ms > 0) {
        wait_ = backoff_.uniform(Milliseconds(0), Milliseconds(std::min<std::uint64_t>(goaway.window_ms, 3'600'000)));
    }
    LinkActions actions =
        one(Say{for_long ? Level::error : Level::info, "link_goaway reason=" + std::string(enum_text(goaway.reason)) +
                                                           (goaway.reason == revoked ? kShutOut : "")});
    if (goaway.alternative && !for_long) actions.push_back(PreferBroker{*goaway.alternative});
    if (state_ != State::live || in_flight_.empty()) {
        for (auto& action : leave(1012, "as asked")) actions.push_back(std::move(action));
        return actions;
    }
    going_away_ = true;
    wake_ = now + Milliseconds(std::min<std::uint64_t>(goaway.deadline_ms, 60'000));
    return actions;
}

LinkActions LinkFsm::on(const link::ProtocolError& error) {
    was_live_ = false;  // the same would happen again at once: take the growing back-off
    LinkActions actions = one(Say{Level::error, "link_refused_by_broker code=" + error.code.substr(0, 64) + " text=\"" +
                                                    error.text.substr(0, 256) + "\""});
    for (auto& action : leave(1000, "protocol error at the broker")) actions.push_back(std::move(action));
    return actions;
}

LinkActions LinkFsm::on(const link::UnknownEnvelope& unknown) {
    if (unknown.must) return violation("unknown_type", "this agent does not know " + unknown.type);
    ++unknown_;
    return {};
}

LinkActions LinkFsm::garbled(const Error& error) {
    return violation(std::string(name(error.code)), error.message());
}

LinkActions LinkFsm::give_up(std::string reason) {
    was_live_ = false;
    return leave(1011, reason);
}

LinkActions LinkFsm::violation(const std::string& code, const std::string& text) {
    LinkActions actions;
    actions.push_back(Say{Level::error, "link_protocol_error code=" + code + " text=\"" + text + "\""});
    actions.push_back(line_of(link::ProtocolError{code, text}));
    was_live_ = false;
    for (auto& action : leave(1002, code)) actions.push_back(std::move(action));
    return actions;
}

LinkActions LinkFsm::leave(std::uint16_t code, const std::string& reason) {
    state_ = State::leaving;
    left_because_ = reason;
    return one(Hangup{code, reason});
}

LinkActions LinkFsm::cut(const std::string& reason) {
    state_ = State::leaving;
    left_because_ = reason;
    return one(Cut{reason});
}

LinkActions LinkFsm::closed(const Closed& why, Time now) {
    if (idle()) return {};
    if (draining_ && state_ == State::leaving) {
        state_ = State::finished;
        return {};
    }
    const Milliseconds asked = why.retry_after;
    Milliseconds wait = was_live_ ? backoff_.after_session(now) : backoff_.after_failure();
    if (why.another_way) wait = std::min(wait, backoff_.uniform(Milliseconds(0), kAnotherWay));
    if (asked > Milliseconds(0)) wait = backoff_.uniform(asked, asked + asked / 5);
    if (wait_) wait = why.another_way && asks_others_ ? std::min(*wait_, wait) : *wait_;
    wait_.reset();
    asks_others_ = false;
    was_live_ = false;
    going_away_ = false;
    in_flight_.clear();
    in_flight_bytes_ = 0;
    waits_since_.reset();
    state_ = State::waiting;
    wake_ = now + wait;
    down_because_ = left_because_.empty() ? why.reason : left_because_;
    left_because_.clear();
    return one(Say{Level::warn, "link_down reason=\"" + down_because_ + "\" retry_ms=" + std::to_string(wait.count())});
}

LinkActions LinkFsm::tick(Moment now) {
    if (state_ == State::waiting && now.steady >= wake_) return start(now.steady);
    if (shaking_hands() && now.steady >= wake_) return leave(1002, "no welcome within 20 s");
    if (state_ != State::live) return {};
    if (now.steady - heard_ >= kSilences * heartbeat_) return cut("no sign of life from the broker");
    if (going_away_ && now.steady >= wake_) return leave(1012, "as asked");
    if (waits_since_ && now.steady - *waits_since_ >= kAckWithin)
        return leave(1002, in_flight_.empty() ? "no credit for results came within 5 min"
                                              : "results were not acknowledged within 5 min");
    if (now.steady < heartbeat_at_) return {};
    plan_heartbeat(now.steady);
    return one(line_of(link::Heartbeat{now.wall_us, std::nullopt}));
}

std::optional<Time> LinkFsm::deadline() const {
    if (state_ == State::waiting || shaking_hands()) return wake_;
    if (state_ != State::live) return std::nullopt;
    const Time dead = heard_ + kSilences * heartbeat_;
    return std::min({heartbeat_at_, dead, going_away_ ? wake_ : dead});
}

void LinkFsm::plan_heartbeat(Time now) {
    heartbeat_at_ = now + backoff_.uniform(heartbeat_ * 4 / 5, heartbeat_ * 6 / 5);
}

void LinkFsm::wrote(Time now) {
    if (!in_flight_.empty() && !waits_since_) waits_since_ = now;
    plan_heartbeat(now);
}

void LinkFsm::held(std::uint64_t last_committed, Time now) {
    const bool waits = state_ == State::live && result_next_ <= last_committed && result_next_ > credit_.upto_n;
    if (waits && !waits_since_) waits_since_ = now;
}

LinkActions LinkFsm::work_durable() {
    if (state_ != State::live || work_acked_ == work_next_ - 1) return {};
    work_acked_ = work_next_ - 1;
    return one(line_of(link::WorkAck{work_acked_}));
}

LinkActions LinkFsm::slots_free(std::uint32_t free) {
    slots_ = free;
    if (state_ != State::live || draining_ || going_away_) return {};
    const std::uint64_t grant = work_next_ - 1 + free;
    const std::uint64_t step = std::max<std::uint64_t>(settings_.work_slots / 4, 1);
    // Absolute credit never shrinks; a grant of every single slot would be an envelope a task.
    if (grant < work_granted_ + step) return {};
    work_granted_ = grant;
    return one(line_of(link::Credit{work_granted_, kWorkBytes}));
}

LinkActions LinkFsm::drain() {
    draining_ = true;
    if (state_ != State::live) return {};
    LinkActions actions = one(line_of(link::Goaway{link::GoawayReason::maintenance, 0, 0}));
    actions.push_back(line_of(link::Credit{work_next_ - 1, kWorkBytes}));
    return actions;
}

LinkActions LinkFsm::moved(Time now) {
    state_ = State::challenge;
    heard_ = now;
    wake_ = now + kHandshake;
    was_live_ = false;
    in_flight_.clear();
    in_flight_bytes_ = 0;
    return one(Say{Level::info, "link_moves"});
}

LinkActions LinkFsm::uplink_lost(const std::string& why) {
    if (state_ != State::live && !shaking_hands()) return {};
    return cut(why);
}

LinkActions LinkFsm::end_session(const std::string& why) {
    if (state_ != State::live) return {};
    return leave(1000, why);
}

LinkActions LinkFsm::finish() {
    draining_ = true;
    if (state_ == State::waiting || state_ == State::unborn) state_ = State::finished;
    if (idle() || state_ == State::leaving) return {};
    return leave(1001, "the agent stops");
}

bool LinkFsm::has_credit(std::size_t bytes) const {
    return in_flight_.empty() || in_flight_bytes_ + bytes <= credit_.bytes;
}

std::optional<std::uint64_t> LinkFsm::next_result(std::uint64_t last_committed) const {
    if (state_ != State::live || result_next_ > last_committed || result_next_ > credit_.upto_n) return std::nullopt;
    return result_next_;
}

std::optional<std::uint64_t> LinkFsm::next_early(std::uint64_t last_committed) const {
    const bool waits = result_next_ < early_next_;  // else it would go in its turn
    if (state_ != State::live || !takes_early_ || !waits || early_next_ > last_committed) return std::nullopt;
    return early_next_;
}

void LinkFsm::result_sent(std::uint64_t n, std::size_t bytes) {
    in_flight_.emplace_back(n, bytes);
    in_flight_bytes_ += bytes;
    result_next_ = n + 1;
}

}  // namespace edge::agent
