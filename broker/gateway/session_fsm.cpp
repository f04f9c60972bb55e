#include "broker/gateway/session_fsm.hpp"

#include <algorithm>
#include <cstdlib>

#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// An agent that came with a wrong key or name may be repaired by its operator; it should not hammer meanwhile.
constexpr std::uint64_t kRetryAfterRefusal = 300'000;
constexpr std::uint64_t kRetrySoon = 5'000;

bool is_signed_by(const link::SignedHello& hello, const PublicKey& key, const SessionTerms& terms) {
    const std::string input = link::hello_signing_input(terms.nonce, terms.exporter, hello.line);
    Signature signature{};
    if (hello.signature.size() != signature.size()) return false;
    std::copy(hello.signature.begin(), hello.signature.end(), signature.begin());
    return verify_ed25519(key, as_bytes(input), signature);
}

/// What an agent may say once it is in.
struct IsForBroker {
    bool operator()(const link::WorkAck&) const { return true; }
    bool operator()(const link::TaskResult&) const { return true; }
    bool operator()(const link::Credit&) const { return true; }
    bool operator()(const link::Progress&) const { return true; }
    bool operator()(const link::Lines&) const { return true; }
    bool operator()(const link::Policy&) const { return true; }
    bool operator()(const link::Facts&) const { return true; }
    bool operator()(const link::Goaway&) const { return true; }
    bool operator()(const link::NewKey&) const { return true; }
    template <class Other>
    bool operator()(const Other&) const {
        return false;
    }
};

}  // namespace

SessionFsm::SessionFsm(SessionTerms terms) : terms_(std::move(terms)), random_(terms_.seed) {}

Actions SessionFsm::start(Now now) {
    phase_ = Phase::awaits_hello;
    handshake_until_ = now.steady + terms_.handshake;
    heard_ = told_ = asked_ = now.steady;
    link::Challenge challenge;
    challenge.proto = {link::kProtocolVersion};
    challenge.nonce = to_base64(as_bytes(terms_.nonce));
    challenge.server_time_us = now.wall_us;
    challenge.binding = terms_.binding;
    challenge.limits = terms_.limits;
    challenge.features = {link::kEarlyResults};
    return {action::Send{std::move(challenge)}};
}

Actions SessionFsm::message(Now now, std::string_view text) {
    heard_ = now.steady;
    switch (phase_) {
        case Phase::awaits_hello:
            return hello(text);
        case Phase::awaits_ack:
            return acknowledged(now, text);
        case Phase::live:
        case Phase::leaving:
            return live_message(now, text);
        case Phase::finds_key:
        case Phase::joins:
            return reject(link::RejectCode::protocol_error, "a message before welcome", kRetryAfterRefusal, false);
        default:
            return {};
    }
}

Actions SessionFsm::binary(Now) {
    return refuse(CloseCode::not_text, "messages are text");
}

Actions SessionFsm::fragmented() {
    return refuse(CloseCode::too_big, "a message in too many fragments");
}

Actions SessionFsm::refuse(CloseCode code, std::string reason) {
    Actions actions;
    if (phase_ == Phase::closed) return actions;
    leave(actions);
    close(code, std::move(reason), actions);
    return actions;
}

Actions SessionFsm::hello(std::string_view text) {
    auto decoded = link::decode_hello(text);
    if (!decoded) return reject(link::RejectCode::protocol_error, decoded.error().message(), kRetryAfterRefusal, false);
    const link::Hello& said = decoded.value().hello;
    node_ = said.node_id;
    if (said.proto != link::kProtocolVersion) {
        return reject(link::RejectCode::unsupported_version,
                      "this broker speaks protocol 1, the agent " + std::to_string(said.proto), kRetryAfterRefusal,
                      true);
    }
    hello_ = std::move(decoded.value());
    phase_ = Phase::finds_key;
    return {action::FindKey{node_}};
}

Actions SessionFsm::key(Now, Result<NodeKey> key) {
    if (phase_ != Phase::finds_key) return {};
    if (!key && key.error().code == Errc::not_found) {
        return reject(link::RejectCode::unknown_node, "this broker knows no such node; enroll it with a new join token",
                      kRetryAfterRefusal, true);
    }
    if (!key) return reject(link::RejectCode::overloaded, "try again later", kRetrySoon, false);
    const NodeKey& known = key.value();
    const bool by_current = is_signed_by(*hello_, known.key, terms_);
    if (!by_current && !(known.next && is_signed_by(*hello_, *known.next, terms_))) {
        return reject(link::RejectCode::bad_signature,
                      "the hello is not signed with this node's key for this connection", kRetryAfterRefusal, true);
    }
    phase_ = Phase::joins;
    link::Hello said = std::move(hello_->hello);
    hello_.reset();
    return {action::AskToJoin{std::move(said), by_current ? known.key : *known.next}};
}

Actions SessionFsm::joined(Now, std::variant<link::Welcome, link::Reject> answer) {
    auto* welcome = std::get_if<link::Welcome>(&answer);
    if (phase_ != Phase::joins) {
        // The socket went while the domain decided: its session ends before it began.
        if (welcome) return {action::Leave{welcome->session_id}};
        return {};
    }
    if (!welcome) {
        auto& refusal = std::get<link::Reject>(answer);
        return reject(refusal.code, std::move(refusal.text), refusal.retry_after_ms, refusal.fatal);
    }
    phase_ = Phase::awaits_ack;
    session_ = welcome->session_id;
    return {action::Send{std::move(*welcome)}};
}

Actions SessionFsm::acknowledged(Now now, std::string_view text) {
    Actions actions;
    auto decoded = link::decode_message(text);
    auto* ack = decoded && !decoded.value().empty() ? std::get_if<link::WelcomeAck>(&decoded.value().front().envelope)
                                                    : nullptr;
    if (!ack) {
        protocol_error("bad_envelope", decoded ? "expected welcome_ack" : decoded.error().message(), actions);
        return actions;
    }
    phase_ = Phase::live;
    actions.push_back(action::Confirm{session_, *ack});
    actions.push_back(action::Live{node_, session_});
    send_heartbeat(now, actions);  // at once: the first round trip is known before the first task
    std::vector<link::Received> batch;
    for (std::size_t i = 1; i < decoded.value().size() && is_live(); ++i)
        take(now, std::move(decoded.value()[i]), batch, actions);
    if (!batch.empty()) actions.insert(actions.begin() + 2, action::Deliver{session_, std::move(batch)});
    return actions;
}

Actions SessionFsm::live_message(Now now, std::string_view text) {
    Actions actions;
    auto decoded = link::decode_message(text);
    if (!decoded) {
        strike("bad_envelope", decoded.error().message(), actions);
        return actions;
    }
    std::vector<link::Received> batch;
    batch.reserve(decoded.value().size());
    for (auto& received : decoded.value()) {
        if (is_live()) take(now, std::move(received), batch, actions);
    }
    // What came before an error in the same message counts; it goes to the domain before the session ends.
    if (!batch.empty()) actions.insert(actions.begin(), action::Deliver{session_, std::move(batch)});
    return actions;
}

// Waking the domain costs as much as all else of a heartbeat.
bool SessionFsm::is_other(const action::Measured& before, const action::Measured& now) {
    constexpr std::int64_t kClockStepUs = 100'000;
    return now.rtt_us > 2 * before.rtt_us + 10'000 || before.rtt_us > 2 * now.rtt_us + 10'000 ||
           std::abs(now.clock_offset_us - before.clock_offset_us) > kClockStepUs;
}

void SessionFsm::take(Now now, link::Received received, std::vector<link::Received>& batch, Actions& actions) {
    if (const auto* heard = std::get_if<link::Heartbeat>(&received.envelope)) return heartbeat(now, *heard, actions);
    if (const auto* unknown = std::get_if<link::UnknownEnvelope>(&received.envelope)) {
        ++unknown_;
        if (unknown->must)
            protocol_error("unknown_type", "this broker does not know \"" + unknown->type + "\"", actions);
        return;
    }
    if (const auto* error = std::get_if<link::ProtocolError>(&received.envelope)) {
        leave(actions);
        return close(CloseCode::normal, "the agent says: " + error->code.substr(0, 60), actions);
    }
    if (std::visit(IsForBroker{}, received.envelope)) {
        batch.push_back(std::move(received));
    } else {
        strike("bad_envelope", "not an envelope an agent sends now", actions);
    }
}

void SessionFsm::heartbeat(Now now, const link::Heartbeat& heard, Actions& actions) {
    if (!heard.echo_us) {
        actions.push_back(action::Send{link::Heartbeat{now.wall_us, heard.at_us}});
        told_ = now.steady;
        return;
    }
    if (!asked_wall_us_ || *heard.echo_us != *asked_wall_us_) return;  // of an earlier question
    const auto rtt = std::chrono::duration_cast<std::chrono::microseconds>(now.steady - asked_).count();
    const auto middle = static_cast<std::int64_t>(*asked_wall_us_) + rtt / 2;
    asked_wall_us_.reset();
    const action::Measured measured{session_, static_cast<std::uint64_t>(rtt),
                                    static_cast<std::int64_t>(heard.at_us) - middle};
    if (measured_ && now.steady - measured_at_ < kMeasuredEvery && !is_other(*measured_, measured)) return;
    measured_ = measured;
    measured_at_ = now.steady;
    actions.push_back(measured);
}

void SessionFsm::strike(std::string code, std::string text, Actions& actions) {
    if (++strikes_ >= terms_.strikes) return protocol_error(std::move(code), std::move(text), actions);
    actions.push_back(action::Send{link::ProtocolError{std::move(code), std::move(text)}});
}

void SessionFsm::protocol_error(std::string code, std::string text, Actions& actions) {
    std::string reason = "protocol error: " + code;
    actions.push_back(action::Send{link::ProtocolError{std::move(code), std::move(text)}});
    leave(actions);
    close(CloseCode::protocol, std::move(reason), actions);
}

Actions SessionFsm::reject(link::RejectCode code, std::string text, std::uint64_t retry_after_ms, bool fatal) {
    std::string reason = "rejected: " + std::string(enum_text(code));
    Actions actions{action::Send{link::Reject{code, std::move(text), retry_after_ms, fatal}}};
    close(CloseCode::policy, std::move(reason), actions);
    return actions;
}

Actions SessionFsm::timer(Now now) {
    Actions actions;
    const auto deadline_now = deadline();
    if (!deadline_now || now.steady < *deadline_now) return actions;
    if (!is_live()) return cut("the handshake took too long");
    if (now.steady >= heard_ + terms_.silence) return cut("silent");
    if (phase_ == Phase::leaving && now.steady >= leave_at_) {
        leave(actions);
        close(CloseCode::service_restart, "asked to go", actions);
        return actions;
    }
    if (now.steady >= heartbeat_due()) send_heartbeat(now, actions);
    return actions;
}

Actions SessionFsm::go_away(Now now, link::Goaway why) {
    if (phase_ == Phase::closed || phase_ == Phase::leaving) return {};
    if (phase_ == Phase::fresh) return cut("the broker stops");
    if (phase_ == Phase::awaits_ack) {
        Actions actions;
        leave(actions);
        close(CloseCode::service_restart, "the broker stops", actions);
        return actions;
    }
    if (phase_ != Phase::live)
        return reject(link::RejectCode::overloaded, "the broker stops", std::max<std::uint64_t>(why.window_ms, 1'000),
                      false);
    Actions actions;
    leave_at_ = now.steady + milliseconds(why.deadline_ms);
    phase_ = Phase::leaving;
    const bool at_once = why.deadline_ms == 0;
    actions.push_back(action::Send{std::move(why)});
    if (at_once) {
        leave(actions);
        close(CloseCode::service_restart, "asked to go", actions);
    }
    return actions;
}

Actions SessionFsm::cut(std::string reason) {
    Actions actions;
    if (phase_ == Phase::closed) return actions;
    leave(actions);
    phase_ = Phase::closed;
    actions.push_back(action::Cut{std::move(reason)});
    return actions;
}

Actions SessionFsm::gone() {
    Actions actions;
    leave(actions);
    phase_ = Phase::closed;
    return actions;
}

void SessionFsm::leave(Actions& actions) {
    if (has_session()) actions.push_back(action::Leave{session_});
    phase_ = Phase::closed;
}

void SessionFsm::close(CloseCode code, std::string reason, Actions& actions) {
    phase_ = Phase::closed;
    actions.push_back(action::Close{code, std::move(reason)});
}

void SessionFsm::send_heartbeat(Now now, Actions& actions) {
    actions.push_back(action::Send{link::Heartbeat{now.wall_us, std::nullopt}});
    asked_ = told_ = now.steady;
    asked_wall_us_ = now.wall_us;
    // ±20 %: agents that came together do not stay together.
    const auto base = static_cast<std::uint32_t>(terms_.limits.heartbeat_ms);
    std::uniform_int_distribution<std::uint32_t> jitter(base - base / 5, base + base / 5);
    interval_ = milliseconds(jitter(random_));
}

/// Quiet in either direction: the agent must see us alive, and we it.
steady_clock::time_point SessionFsm::heartbeat_due() const {
    return std::max(asked_, std::min(heard_, told_)) + interval_;
}

std::optional<steady_clock::time_point> SessionFsm::deadline() const {
    switch (phase_) {
        case Phase::fresh:
        case Phase::closed:
            return std::nullopt;
        case Phase::live:
            return std::min(heard_ + terms_.silence, heartbeat_due());
        case Phase::leaving:
            return std::min({heard_ + terms_.silence, heartbeat_due(), leave_at_});
        default:
            return handshake_until_;
    }
}

}  // namespace edge::broker::gateway
