#include "broker/domain/active_runs.hpp"

#include <algorithm>

namespace edge::broker {
namespace {

std::uint32_t& counter(TaskCounts& counts, TaskState state) {
    switch (state) {
        case TaskState::queued:
            return counts.queued;
        case TaskState::leased:
        case TaskState::running:
        case TaskState::unknown:
            return counts.running;
        case TaskState::succeeded:
            return counts.succeeded;
        case TaskState::failed:
            return counts.failed;
        case TaskState::timed_out:
            return counts.timed_out;
        case TaskState::canceled:
            return counts.canceled;
        case TaskState::expired:
            return counts.expired;
        case TaskState::lost:
            return counts.lost;
    }
    return counts.running;
}

/// The monotonic moment `within_ms` after a wall clock time; a clock that was set back does not make it longer.
std::uint64_t deadline(WallTime begun, std::uint64_t within_ms, Now now) {
    const std::uint64_t within = within_ms * 1'000;
    const std::uint64_t passed = now.wall > begun ? now.wall - begun : 0;
    return now.mono + (within > passed ? within - passed : 0);
}

TaskState state_to_show(const TaskRecord& record) {
    if (is_terminal(record.state) || !record.offered) return record.state;
    return TaskState::unknown;
}

}  // namespace

std::uint32_t& outcome(Outcomes& outcomes, TaskState state) {
    switch (state) {
        case TaskState::succeeded:
            return outcomes.succeeded;
        case TaskState::failed:
            return outcomes.failed;
        case TaskState::timed_out:
            return outcomes.timed_out;
        case TaskState::canceled:
            return outcomes.canceled;
        case TaskState::expired:
            return outcomes.expired;
        default:
            return outcomes.lost;
    }
}

RunPtr ActiveRuns::add(const LoadedRun& loaded, Json params, const Fleet& fleet, Now now, Origin origin) {
    const auto run = std::make_shared<Run>();
    const RunRecord& r = loaded.run;
    run->row = r.row;
    run->id = r.id;
    run->job_id = loaded.job.id;
    run->origin = loaded.job.origin;
    run->service = loaded.job.service;
    run->target = loaded.job.target;
    run->selector = loaded.job.selector;
    run->params = std::move(params);
    run->envelope_bytes = loaded.job.params.size() + 320;
    run->state = r.state;
    run->created_at = r.created_at;
    run->finished_at = r.finished_at;
    run->terms = loaded.job.terms;
    run->start_within_ms = r.start_within_ms;
    run->run_within_ms = r.run_within_ms;
    run->start_deadline = deadline(r.created_at, r.start_within_ms, now);
    run->written = r.outcomes;
    run->shown = TaskCounts{.total = r.total,
                            .succeeded = r.outcomes.succeeded,
                            .failed = r.outcomes.failed,
                            .timed_out = r.outcomes.timed_out,
                            .canceled = r.outcomes.canceled,
                            .expired = r.outcomes.expired,
                            .lost = r.outcomes.lost};
    run->tick = r.tick;
    run->recovered = r.recovered;
    if (loaded.job.terms.align) {
        for (const TaskRecord& task : loaded.tasks) ++run->together[fleet.find(task.node)];
    }
    runs_[run->id] = run;
    add_tasks(*run, loaded.tasks, fleet, origin);
    return run;
}

void ActiveRuns::add_tasks(Run& run, const std::vector<TaskRecord>& tasks, const Fleet& fleet, Origin origin) {
    for (const auto& t : tasks) {
        Node* node = fleet.find(t.node);
        if (!node || tasks_.contains(t.id)) continue;  // a task's node is never removed
        Task& task = run.tasks.emplace_back();
        task.row = t.row;
        task.id = t.id;
        task.run = &run;
        task.node = node;
        task.line = t.line;
        task.state = state_to_show(t);
        task.written = t.state;
        task.attempt = t.attempt;
        task.recorded = t.recorded;
        if (t.recorded != 0) task.seen.push_back(t.recorded);
        task.offered = t.offered || origin == Origin::store;
        task.offer_saved = t.offered;
        if (task.recorded != 0) ++run.results;
        tasks_[task.id] = &task;
        if (!is_open(task)) continue;
        ++counter(run.shown, task.state);
        list_open(task);
        if (!task.offered) enqueue(task);
    }
}

RunPtr ActiveRuns::find(RunId id) const {
    const auto at = runs_.find(id);
    return at == runs_.end() ? nullptr : at->second;
}

Task* ActiveRuns::task(TaskId id) const {
    const auto at = tasks_.find(id);
    return at == tasks_.end() ? nullptr : at->second;
}

std::vector<RunPtr> ActiveRuns::all() const {
    std::vector<RunPtr> runs;
    for (const auto& [id, run] : runs_) runs.push_back(run);
    std::sort(runs.begin(), runs.end(), [](const RunPtr& a, const RunPtr& b) { return a->row < b->row; });
    return runs;
}

void ActiveRuns::show(Task& task, TaskState state, Actions& out) {
    if (task.state == state) return;
    --counter(task.run->shown, task.state);
    ++counter(task.run->shown, state);
    task.state = state;
    if (task.run->watchers > 0)
        out.effects.push_back(Happened{task.run->id, std::make_shared<const TaskView>(view(task))});
}

void ActiveRuns::evict_if_done(const RunPtr& run) {
    if (run->state != RunState::finished || run->writes > 0) return;
    if (asked_ == answered_) return evict(*run);
    stay(run);
}

void ActiveRuns::stay(const RunPtr& run) {
    if (run->stays_until == asked_) return;
    run->stays_until = asked_;
    staying_.emplace_back(asked_, run);
}

void ActiveRuns::look_up_answered() {
    ++answered_;
    while (!staying_.empty() && staying_.front().first <= answered_) {
        const auto [until, run] = std::move(staying_.front());
        staying_.pop_front();
        // Written again since then: that write's end sees to it.
        if (run->state == RunState::finished && run->writes == 0 && run->stays_until == until) evict(*run);
    }
}

void ActiveRuns::evict(Run& run) {
    for (auto& task : run.tasks) {
        unlist(task);
        tasks_.erase(task.id);
    }
    runs_.erase(RunId(run.id));  // of a copy: the run may go with its entry
}

RunView ActiveRuns::view(const Run& run) {
    return RunView{.id = run.id,
                   .job_id = run.job_id,
                   .origin = run.origin,
                   .service = run.service,
                   .target = run.target,
                   .selector = run.selector,
                   .state = run.state,
                   .created_at = run.created_at,
                   .finished_at = run.state == RunState::finished ? run.finished_at : std::nullopt,
                   .tasks = run.shown,
                   .recovered = run.recovered,
                   .notes = {},
                   .tick = run.tick > 0 ? std::optional(run.tick) : std::nullopt,
                   .timeouts = timeouts_of(run.start_within_ms, run.run_within_ms)};
}

TaskView ActiveRuns::view(const Task& task) {
    return TaskView{
        .id = task.id, .node = task.node->ref(), .line = task.line, .state = task.state, .attempt = task.attempt};
}

}  // namespace edge::broker
