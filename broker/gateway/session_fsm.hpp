// An agent's session without its socket: handshake, strikes, heartbeat. Pure: events and the time go in, actions come
// out.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/domain/domain.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::broker::gateway {

struct Now {
    std::chrono::steady_clock::time_point steady;
    std::uint64_t wall_us = 0;
};

struct SessionTerms {
    std::string nonce;     // 32 bytes
    std::string exporter;  // 32 bytes; empty with Binding::none
    link::Binding binding = link::Binding::tls_exporter;
    link::Limits limits{};
    std::uint32_t seed = 0;                       // of the heartbeat's jitter
    std::chrono::milliseconds handshake{10'000};  // from challenge to welcome_ack
    std::chrono::milliseconds silence{45'000};    // then the peer is dead: the channel's
    unsigned strikes = 3;                         // malformed messages until we close
};

/// WebSocket close codes. Source: RFC 6455 section 7.4.1 and IANA's registry.
enum class CloseCode : std::uint16_t {
    normal = 1000,
    protocol = 1002,
    not_text = 1003,
    policy = 1008,
    too_big = 1009,
    service_restart = 1012
};

namespace action {
struct Send {
    link::Envelope envelope;
};
struct FindKey {
    NodeId node;
};
struct AskToJoin {
    link::Hello hello;
    PublicKey key{};  // it is signed with
};
struct Confirm {
    SessionId session;
    link::WelcomeAck ack;
};
/// The handshake is over.
struct Live {
    NodeId node;
    SessionId session;
};
struct Deliver {
    SessionId session;
    std::vector<link::Received> envelopes;
};
/// Once a minute, and when it is other than it was.
struct Measured {
    SessionId session;
    std::uint64_t rtt_us = 0;
    std::int64_t clock_offset_us = 0;
};
/// The domain's session is over; before Close or Cut.
struct Leave {
    SessionId session;
};
/// By WebSocket's closing handshake, after what was sent.
struct Close {
    CloseCode code = CloseCode::normal;
    std::string reason;
};
/// At once: nobody is there.
struct Cut {
    std::string reason;
};
}  // namespace action

using Action = std::variant<action::Send, action::FindKey, action::AskToJoin, action::Confirm, action::Live,
                            action::Deliver, action::Measured, action::Leave, action::Close, action::Cut>;
using Actions = std::vector<Action>;

class SessionFsm {
  public:
    explicit SessionFsm(SessionTerms terms);

    Actions start(Now now);
    Actions message(Now now, std::string_view text);
    /// A binary message: the link is text.
    Actions binary(Now now);
    /// A message in more frames than it may have.
    Actions fragmented();
    /// Any frame, pings among them.
    void sign_of_life(Now now) { heard_ = now.steady; }
    /// Something of the domain's was sent.
    void sent(Now now) { told_ = now.steady; }
    Actions key(Now now, Result<NodeKey> key);
    Actions joined(Now now, std::variant<link::Welcome, link::Reject> answer);
    Actions timer(Now now);
    /// We want the agent to go: the broker stops, or the domain says so.
    Actions go_away(Now now, link::Goaway why);
    /// The shell ends it: a slow consumer.
    Actions cut(std::string reason);
    /// The socket is gone.
    Actions gone();

    /// When to call timer() next, if nothing happens.
    std::optional<std::chrono::steady_clock::time_point> deadline() const;

    bool is_closed() const { return phase_ == Phase::closed; }
    const NodeId& node() const { return node_; }
    std::uint64_t unknown_envelopes() const { return unknown_; }

  private:
    static constexpr std::chrono::seconds kMeasuredEvery{60};
    enum class Phase { fresh, awaits_hello, finds_key, joins, awaits_ack, live, leaving, closed };

    Actions hello(std::string_view text);
    Actions acknowledged(Now now, std::string_view text);
    Actions live_message(Now now, std::string_view text);
    void take(Now now, link::Received received, std::vector<link::Received>& batch, Actions& actions);
    void heartbeat(Now now, const link::Heartbeat& heard, Actions& actions);
    static bool is_other(const action::Measured& before, const action::Measured& now);
    void strike(std::string code, std::string text, Actions& actions);
    void protocol_error(std::string code, std::string text, Actions& actions);
    Actions reject(link::RejectCode code, std::string text, std::uint64_t retry_after_ms, bool fatal);
    void close(CloseCode code, std::string reason, Actions& actions);
    void leave(Actions& actions);
    Actions refuse(CloseCode code, std::string reason);
    void send_heartbeat(Now now, Actions& actions);
    std::chrono::steady_clock::time_point heartbeat_due() const;
    bool has_session() const { return phase_ == Phase::awaits_ack || is_live(); }
    bool is_live() const { return phase_ == Phase::live || phase_ == Phase::leaving; }

    SessionTerms terms_;
    Phase phase_ = Phase::fresh;
    NodeId node_;
    SessionId session_;
    std::optional<link::SignedHello> hello_;
    std::chrono::steady_clock::time_point handshake_until_;
    std::chrono::steady_clock::time_point leave_at_;
    std::chrono::steady_clock::time_point heard_;  // last frame from the agent
    std::chrono::steady_clock::time_point told_;   // last envelope to it
    std::chrono::steady_clock::time_point asked_;  // last heartbeat of ours
    std::optional<std::uint64_t> asked_wall_us_;   // of a heartbeat not yet answered
    std::optional<action::Measured> measured_;     // told the domain last
    std::chrono::steady_clock::time_point measured_at_;
    std::chrono::milliseconds interval_{15'000};  // to the next heartbeat, jitter included
    std::minstd_rand random_;
    unsigned strikes_ = 0;
    std::uint64_t unknown_ = 0;
};

}  // namespace edge::broker::gateway
