#include "broker/domain/leases.hpp"

#include "broker/domain/conclusion.hpp"
#include "broker/domain/dispatch.hpp"
#include "broker/domain/replacements.hpp"

namespace edge::broker {
namespace {

// Looks for other lines, each through the whole fleet, before others have their turn.
constexpr std::size_t kMostSearches = 64;
constexpr std::uint64_t kOthersTurn = 10'000;

/// The node may be at it, and is not waited for.
bool ends_with_lease(const Task& task) {
    return task.offered && task.run->terms.when_unknown != WhenUnknown::wait;
}

}  // namespace

void Leases::arm(const Task& task, Now now) {
    Node& node = *task.node;
    if (node.lease_timer || !ends_with_lease(task)) return;
    node.lease_timer =
        state_.timers.set(now.mono + state_.options.lease_ms * 1'000ULL, [this, &node](Now at, Actions& o) {
            std::vector<TaskId> due;
            for (const Task* one : node.open)
                if (ends_with_lease(*one)) due.push_back(one->id);
            passed(node, due, at, o);
        });
}

void Leases::end(Node& node) {
    if (node.lease_timer) state_.timers.cancel(*node.lease_timer);
    node.lease_timer.reset();
}

// A task that goes elsewhere is a new one, so that the old one's result, if it comes after all, is told from it.
void Leases::passed(Node& node, std::span<const TaskId> due, Now now, Actions& out) {
    node.lease_timer.reset();
    if (node.session) return;  // back; if it does not get as far as `live`, this begins anew
    Replacements replacements(state_.fleet, node);
    Conclusion lost(state_);
    std::vector<std::pair<RunPtr, TaskRecord>> made;
    for (; !due.empty() && replacements.searches() < kMostSearches; due = due.subspan(1)) {
        Task* task = state_.runs.task(due.front());
        if (!task || !is_open(*task) || !ends_with_lease(*task)) continue;
        const RunPtr run = state_.runs.owner(*task);
        if (run->terms.when_unknown == WhenUnknown::elsewhere) {
            const bool may_begin = now.mono < run->start_deadline && !run->canceled;
            const Chosen* other = may_begin ? replacements.of(*run, task->line) : nullptr;
            if (!other) continue;  // its own node is the best there is
            made.emplace_back(run, TaskRecord{.row = take_key(state_.next.next_task),
                                              .id = state_.make_id<TaskId>(now),
                                              .run = run->row,
                                              .node = other->node->record.row,
                                              .line = other->line});
            lost.add(AddTask{made.back().second});
            ++run->shown.total;
        }
        lost.end(*task, TaskState::lost, 0);
    }
    if (!due.empty())  // others have their turn meanwhile
        node.lease_timer =
            state_.timers.set(now.mono + kOthersTurn, [this, &node, rest = std::vector<TaskId>(due.begin(), due.end())](
                                                          Now at, Actions& o) { passed(node, rest, at, o); });
    if (lost.empty()) return;
    lost.write(now, out, [this, made = std::move(made)](Now at, Actions& after) { begin_elsewhere(made, at, after); });
}

void Leases::begin_elsewhere(const std::vector<std::pair<RunPtr, TaskRecord>>& made, Now now, Actions& out) {
    Conclusion too_late(state_);
    for (const auto& [run, record] : made) {
        state_.runs.add_tasks(*run, {record}, state_.fleet, ActiveRuns::Origin::request);
        Task& task = *state_.runs.task(record.id);
        if (run->watchers > 0)
            out.effects.push_back(Happened{run->id, std::make_shared<const TaskView>(ActiveRuns::view(task))});
        // While it was written: nobody else ends it for that any more.
        if (run->canceled || now.mono >= run->start_deadline)
            too_late.end(task, run->canceled ? TaskState::canceled : TaskState::expired, 0);
        else if (task.node->session)
            dispatch_.offer(*task.node->session, now, out);
    }
    if (!too_late.empty()) too_late.write(now, out);
}

}  // namespace edge::broker
