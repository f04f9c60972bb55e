// Work on its way to nodes: queues, offers under the agent's credit, acceptance, deadlines.
#pragma once
#include <vector>

#include "broker/domain/conclusion.hpp"
#include "broker/domain/domain_state.hpp"
#include "broker/domain/leases.hpp"

namespace edge::broker {

class Dispatch {
  public:
    explicit Dispatch(DomainState& state) : state_(state), leases_(state, *this) {}
    Dispatch(const Dispatch&) = delete;

    /// A run came into memory: its deadlines begin, its tasks go to the nodes that are there.
    void begin(const RunPtr& run, Now now, Actions& out);
    /// What no node has, and what a node has that is away, ends here: `then` runs when that is in the store, at once if
    /// there is none. Nodes that are there are told to stop theirs, and answer with results.
    void cancel(const RunPtr& run, Now now, Actions& out, Journal::Then then);
    /// What the node's plan is to become, then as much of its queue as the session's credit allows.
    void offer(Session& session, Now now, Actions& out);

    /// The agent confirmed its session: its open tasks and what it says it is doing are brought together.
    void reconcile(Session& session, Now now, Actions& out);
    /// The attempts in a hello that are no longer wanted.
    std::vector<link::AttemptRef> unwanted(const Node& node, const link::Hello& hello, bool is_recovering) const;
    /// The spool's backlog is stored: what it did not answer is offered again.
    void drained(Session& session, Now now, Actions& out);
    /// The session is over: what the node has is unknown until it comes back, or until its lease has passed.
    void abandon(Session& session, Now now, Actions& out);

    /// False: the agent acknowledged what was never sent.
    bool acknowledged(Session& session, std::uint64_t n, Now now, Actions& out);
    void progress(Session& session, const link::Progress& progress, Actions& out);
    /// Offers that the store does not know of yet, written now (else within a second).
    void save_offers(Actions& out);

  private:
    void start_passed(RunId id, Now now, Actions& out);
    void close_passed(RunId id, Now now, Actions& out);
    void accept_passed(SessionId id, Now now, Actions& out);
    void arm_accept(Session& session);
    void release_held(Session& session, bool drained, Now now, Actions& out);
    void forget_all(Session& session, Actions& out);
    void note_offer(Task& task, Now now);
    link::Envelope envelope(Session& session, Task& task, Now now);
    void send_cancels(Session& session, Now now, Actions& out);
    void send_plans(Session& session, Now now, Actions& out);

    DomainState& state_;
    Leases leases_;
    std::vector<TaskId> unsaved_;  // offered since the last save
};

}  // namespace edge::broker
