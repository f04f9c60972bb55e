// Who is connected: joining, confirming, taking over, leaving.
#pragma once
#include <string>

#include "broker/domain/dispatch.hpp"
#include "broker/domain/domain_state.hpp"
#include "broker/domain/node_keys.hpp"
#include "broker/domain/plan_targets.hpp"
#include "broker/domain/recovery.hpp"

namespace edge::broker {

inline constexpr std::size_t kMostLinesOfNode = 32;
inline constexpr std::size_t kMostChecksOfLine = 32;
inline constexpr const char* kTooManyLines = "a node has at most 32 lines, and a line at most 32 checks";
inline constexpr const char* kSameLineTwice = "a node has one line of a name";
inline constexpr std::size_t kMostPolicyBytes = 32 * 1024;  // what policy.toml may say is less
inline constexpr const char* kTooMuchPolicy = "a policy is at most 32 KiB";

class Sessions {
  public:
    Sessions(DomainState& state, Dispatch& dispatch, Recovery& recovery, PlanTargets& targets, NodeKeys& keys)
        : state_(state), dispatch_(dispatch), recovery_(recovery), targets_(targets), keys_(keys) {}

    /// `key`: the hello is signed with it.
    void join(Ticket ticket, link::Hello hello, const PublicKey& key, Now now, Actions& out);
    void confirm(SessionId id, const link::WelcomeAck& ack, Now now, Actions& out);
    void leave(SessionId id, Now now, Actions& out);
    /// Nothing, or what is wrong with them; then nothing was changed. What comes too often is written later.
    const char* lines(Session& session, link::Lines lines, Now now, Actions& out);
    /// As lines().
    const char* policy(Session& session, link::Policy policy, Now now, Actions& out);
    void measured(SessionId id, std::uint64_t rtt_us, std::int64_t clock_offset_us, Now now);

    /// What the node's record says of it now holds for its live session too: it ends, or is asked for a new key.
    void apply_standing(Node& node, Now now, Actions& out);

    /// The agent broke the protocol: it is told, and may come again.
    void fail(Session& session, std::string code, std::string text, Now now, Actions& out);
    /// How far results may come now, if it is worth saying; if it is too soon, it is said when it is time.
    std::optional<link::Credit> more_credit(Session& session, Now now);
    /// After a start: who was there and does not come back is told as gone.
    void await_those_that_were_there(Now now);
    /// From now on a session's end is not its node's.
    void stop_soon() { is_stopping_ = true; }
    /// The shell is about to stop: every session ends, and it is known when each was last seen.
    void close_all(Now now, Actions& out);

  private:
    std::optional<link::Reject> objection(const Node& node, const link::Hello& hello) const;
    void lock(Node& node, std::string reason, link::Reject answer, Ticket ticket, Now now, Actions& out);
    void begin(Node& node, link::Hello hello, const PublicKey& key, Ticket ticket, Now now, Actions& out);
    std::uint64_t may_come(const Session& session, Now now) const;
    link::Welcome welcome(Session& session, Now now) const;
    void note_spool(Session& session, Now now, Batch& batch, Actions& out) const;
    void close(Session& session, link::Goaway why, Now now, Actions& out);
    /// It is over, and its node gone with it.
    void remove(Session& session, Now now, Actions& out);
    /// It is over; of its node nothing is told.
    void forget(Session& session, Now now, Actions& out);
    void tell_gone(Node& node, Now now, Actions& out, Journal::Then then);
    void tell_missing(Now now, Actions& out);
    void take_told(Session& session, Now now, Actions& out);
    void write_told(Session& session, Now now, Actions& out);

    DomainState& state_;
    Dispatch& dispatch_;
    Recovery& recovery_;
    PlanTargets& targets_;
    NodeKeys& keys_;
    bool is_stopping_ = false;
};

}  // namespace edge::broker
