// Runs of recurring jobs: made at each tick, and for a result that comes before.
#pragma once
#include <optional>

#include "broker/domain/dispatch.hpp"
#include "broker/domain/domain_state.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::broker {

class PlanRuns {
  public:
    PlanRuns(DomainState& state, Dispatch& dispatch) : state_(state), dispatch_(dispatch) {}

    /// From now on its ticks make runs, those behind `made_until` first.
    void begin(Revision& revision, Now now);
    void stop(Revision& revision);
    /// The result is of a revision that is known here: no one else may make its run.
    bool makes(const link::TaskResult& result) const;
    /// For a result whose task no run in memory and none in the store has: its run, or its task in a run that there is,
    /// where it is of a tick of a job that the node was given.
    void make_for(const Session& session, const link::TaskResult& result, Now now, Actions& out);
    /// A turn of the domain: somebody may have set the clock.
    void look_at_clock(Now now);
    /// A run that was loaded: its nodes may still bring what they did meanwhile.
    void give_time(Run& run, Now now) const;

  private:
    void arm(Now now);
    void due(Now now, Actions& out);
    std::size_t make_newest(Revision& revision, Now now, Actions& out);
    std::size_t make_missed(Revision& revision, std::size_t most, Now now, Actions& out);
    void queue(Revision& revision);
    bool may_have_run(const Node& node, WallTime tick) const;
    std::vector<TaskRecord> tasks_of(const Revision& revision, RunId run, WallTime tick, const Node* teller);
    /// Nothing where nobody was asked.
    RunPtr make(Revision& revision, WallTime tick, const Node* teller, Batch batch, Now now, Actions& out);
    static const LineRef* line_of(const Revision& revision, const Session& session, const link::TaskResult& result);
    void add_task(Run& run, const Revision& revision, const Node& node, const LineRef& line, TaskId id, Actions& out);
    static void give_up(Revision& revision, WallTime behind, WallTime upto);
    static void note_made(Revision& revision, WallTime tick, Batch& batch);

    DomainState& state_;
    Dispatch& dispatch_;
    std::optional<Timers::Handle> timer_;
    std::int64_t wall_ahead_ = 0;  // of the monotonic clock
};

}  // namespace edge::broker
