// The runs that are not finished, and finished ones for as long as a write of theirs is under way.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/domain/entities.hpp"
#include "broker/domain/fleet.hpp"

namespace edge::broker {

class ActiveRuns {
  public:
    enum class Origin {
        request,  // just made: no node knows of its tasks, they are queued
        store,  // offers are stored a little late: any task without an end may be at its node, and waits for its hello
    };
    /// Tasks without an end are listed with their nodes.
    RunPtr add(const LoadedRun& loaded, Json params, const Fleet& fleet, Now now, Origin origin);

    /// More tasks of a run that came back; those that are there already stay as they are.
    void add_tasks(Run& run, const std::vector<TaskRecord>& tasks, const Fleet& fleet, Origin origin);

    RunPtr find(RunId id) const;
    Task* task(TaskId id) const;
    RunPtr owner(const Task& task) const { return find(task.run->id); }
    std::size_t size() const { return runs_.size(); }
    std::vector<RunPtr> all() const;

    /// Changes what is shown, and tells who watches.
    static void show(Task& task, TaskState state, Actions& out);
    /// Out of memory, when it is finished and nothing of it is being written.
    void evict_if_done(const RunPtr& run);

    /// A look-up of finished runs is on its way, or was answered; answers come in the order asked. A run that is
    /// finished stays until those are answered that were asked before it was written: they may have read it as it was,
    /// or have not asked for what was in memory then.
    void look_up_asked() { ++asked_; }
    void look_up_answered();
    /// A look-up that was asked last did not ask for what this run has in memory: it stays until that is answered.
    void stay(const RunPtr& run);

    static RunView view(const Run& run);
    static TaskView view(const Task& task);

  private:
    void evict(Run& run);

    std::unordered_map<RunId, RunPtr> runs_;
    std::unordered_map<TaskId, Task*> tasks_;
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    std::deque<std::pair<std::uint64_t, RunPtr>> staying_;  // until as many look-ups are answered
};

/// The counter of a state, of a run's outcomes (terminal states only).
std::uint32_t& outcome(Outcomes& outcomes, TaskState state);

}  // namespace edge::broker
