// The domain without threads: events and `now` in, actions out. The shell (local_domain) carries them out and answers.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/dispatch.hpp"
#include "broker/domain/enrolment.hpp"
#include "broker/domain/intake.hpp"
#include "broker/domain/jobs.hpp"
#include "broker/domain/node_keys.hpp"
#include "broker/domain/node_orders.hpp"
#include "broker/domain/plans.hpp"
#include "broker/domain/recovery.hpp"
#include "broker/domain/sessions.hpp"
#include "broker/domain/webhooks.hpp"

namespace edge::broker {

/// Executor: one thread at a time. Owns: all state. Neither copied nor moved: its parts refer to each other.
class DomainFsm {
  public:
    DomainFsm(DomainOptions options, Entropy& entropy);
    DomainFsm(const DomainFsm&) = delete;
    DomainFsm& operator=(const DomainFsm&) = delete;

    /// First of all, and once: what the store holds.
    void load(Loaded loaded, Now now, Actions& out);

    // ── gateway ──
    Result<NodeKey> find_key(NodeId node, Now now) const;
    void join(Ticket ticket, link::Hello hello, const PublicKey& key, Now now, Actions& out) {
        sessions_.join(ticket, std::move(hello), key, now, out);
    }
    void confirm(SessionId id, const link::WelcomeAck& ack, Now now, Actions& out) {
        sessions_.confirm(id, ack, now, out);
    }
    void receive(SessionId id, std::vector<link::Received> message, Now now, Actions& out) {
        intake_.receive(id, std::move(message), now, out);
    }
    void measured(SessionId id, std::uint64_t rtt_us, std::int64_t offset_us, Now now) {
        sessions_.measured(id, rtt_us, offset_us, now);
    }
    void leave(SessionId id, Now now, Actions& out) { sessions_.leave(id, now, out); }
    void stop_soon() { sessions_.stop_soon(); }
    void enroll(Ticket ticket, const Enrolling& enrolling, Now now, Actions& out) {
        enrolment_.enroll(ticket, enrolling, now, out);
    }

    // ── API ──
    Result<Principal> authenticate(std::string_view bearer) const { return enrolment_.authenticate(bearer); }
    void create_job(Ticket ticket, JobRequest request, Now now, Actions& out) {
        jobs_.create(ticket, std::move(request), now, out);
    }
    void create_plan(Ticket ticket, JobRequest request, Now now, Actions& out) {
        plans_.create(ticket, std::move(request), now, out);
    }
    void change_plan(Ticket ticket, JobId id, JobChange change, Now now, Actions& out) {
        plans_.change(ticket, id, std::move(change), now, out);
    }
    void remove_plan(Ticket ticket, JobId id, Now now, Actions& out) { plans_.remove(ticket, id, now, out); }
    /// What the store does not know of a recurring job: its next ticks, whom it asks.
    void complete(JobView& view, Now now) const { plans_.complete(view, now); }
    /// False: it is not active. Otherwise a JobAnswer tells the run, once what ended here is in the store.
    bool cancel_run(Ticket ticket, RunId id, Now now, Actions& out);
    void order_node(Ticket ticket, std::string_view id_or_name, NodeOrder order, std::string reason, TokenId by,
                    Now now, Actions& out);
    void create_join_tokens(Ticket ticket, std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                            Now now, Actions& out) {
        enrolment_.create_join_tokens(ticket, std::move(wanted), ttl_ms, by, now, out);
    }
    void revoke_join_token(Ticket ticket, TokenId id, TokenId by, Now now, Actions& out) {
        enrolment_.revoke_join_token(ticket, id, by, now, out);
    }
    std::vector<JoinTokenView> join_tokens() const { return enrolment_.join_tokens(); }
    std::vector<NodeView> nodes() const { return state_.fleet.views(); }
    /// Errors: not_found.
    Result<NodeView> node(std::string_view id_or_name) const;
    /// Errors: not_found.
    Result<UsageView> usage(std::string_view id_or_name) const;
    std::vector<UsageView> usages() const { return state_.fleet.usages(); }
    /// A run that is not finished; others are in the store alone.
    RunPtr active(RunId id) const;
    /// Tasks of a run as the store has them become what they are now. False: it is not active, the store has the last
    /// word of it.
    bool bring_up_to_date(RunId run, std::vector<TaskView>& tasks) const;
    /// From now on, or no longer, events of this run are wanted.
    void watch(RunId id) { change_watchers(id, 1); }
    void unwatch(RunId id) { change_watchers(id, -1); }

    /// What there is: every node and every run that goes on. From now on everything is Told.
    std::vector<FleetEvent> follow();
    const Fleet& fleet() const { return state_.fleet; }

    Webhooks& webhooks() { return webhooks_; }

    // ── answers of the store ──
    void committed(WriteId id, Now now, Actions& out) { state_.journal.committed(id, now, out); }
    void failed(WriteId id, const Error& error, Now now, Actions& out) { state_.journal.failed(id, error, now, out); }
    void looked_up(SessionId id, const LookedUp& found, Now now, Actions& out) {
        intake_.looked_up(id, found, now, out);
    }
    void key_found(Ticket ticket, Result<std::optional<FoundKey>> found, Now now, Actions& out) {
        if (!plans_.key_found(ticket, found, now, out)) jobs_.key_found(ticket, std::move(found), now, out);
    }

    // ── time ──
    std::optional<std::uint64_t> next_deadline() const { return state_.timers.next(); }
    void tick(Now now, Actions& out) {
        plan_runs_.look_at_clock(now);
        state_.timers.fire(now, out);
    }
    /// Before the end: all sessions are sent away, what is only in memory is written.
    void stop(Now now, Actions& out) { sessions_.close_all(now, out); }

    std::size_t writes_under_way() const { return state_.journal.under_way(); }
    StoreView store() const;
    /// Those that wait for an operator: of a node that is shut out nothing is to be done.
    std::size_t nodes_ahead() const;
    const Counters& counters() const { return state_.counters; }
    std::size_t active_runs() const { return state_.runs.size(); }
    /// With a session each: a node has one.
    std::size_t nodes_connected() const { return state_.sessions.size(); }

  private:
    Result<Node*> node_named(std::string_view id_or_name) const;
    void change_watchers(RunId id, int by);

    DomainState state_;
    Dispatch dispatch_;
    PlanTargets plan_targets_;
    PlanRuns plan_runs_;
    Plans plans_;
    Recovery recovery_;
    NodeKeys keys_;
    Sessions sessions_;
    Intake intake_;
    Jobs jobs_;
    Enrolment enrolment_;
    NodeOrders orders_;
    Webhooks webhooks_;
};

}  // namespace edge::broker
