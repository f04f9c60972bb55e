#include "broker/domain/plan_runs.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/choice.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/schedule/plan_ids.hpp"

namespace edge::broker {
namespace {

// A turn makes so many tasks at most, since others wait for the domain meanwhile.
constexpr std::size_t kTasksOfTurn = 2'000;
constexpr std::uint64_t kNextTurn = 1'000;
constexpr std::uint64_t kLater = 1'000'000;
constexpr std::size_t kMostWrites = 1'000;           // under way; more runs wait until the store has taken some
constexpr std::uint64_t kLateAfter = 10'000'000;     // a run that is made so late was missed
constexpr std::uint64_t kMostAhead = 7'200'000'000;  // of a node's clock
constexpr std::int64_t kClockWasSet = 500'000;

}  // namespace

void PlanRuns::begin(Revision& revision, Now now) {
    queue(revision);
    arm(now);
}

void PlanRuns::stop(Revision& revision) {
    if (revision.due) state_.planned.queue.erase({*revision.due, revision.record.id});
    revision.due.reset();
}

void PlanRuns::queue(Revision& revision) {
    stop(revision);
    revision.due = revision.ticks.next(revision.looked_until);
    if (revision.due) state_.planned.queue.emplace(*revision.due, revision.record.id);
}

void PlanRuns::arm(Now now) {
    if (timer_) state_.timers.cancel(*timer_);
    timer_.reset();
    wall_ahead_ = static_cast<std::int64_t>(now.wall - now.mono);
    std::optional<std::uint64_t> at;
    if (!state_.planned.queue.empty()) {
        const WallTime due = state_.planned.queue.begin()->first;
        at = due > now.wall ? now.mono + (due - now.wall) : now.mono + kNextTurn;
    }
    const bool has_backlog = std::ranges::any_of(
        state_.planned.current, [](const auto& one) { return one.second->is_active() && one.second->has_backlog(); });
    const bool is_full = state_.journal.under_way() > kMostWrites ||
                         (has_backlog && state_.fleet.open_tasks() >= state_.options.open_tasks / 2);
    if (has_backlog) at = std::min(at.value_or(now.mono + kNextTurn), now.mono + kNextTurn);
    if (at && is_full) at = std::max(*at, now.mono + kLater);
    if (at) timer_ = state_.timers.set(*at, [this](Now when, Actions& out) { due(when, out); });
}

void PlanRuns::look_at_clock(Now now) {
    const auto ahead = static_cast<std::int64_t>(now.wall - now.mono);
    if (timer_ && std::abs(ahead - wall_ahead_) > kClockWasSet) arm(now);
}

void PlanRuns::due(Now now, Actions& out) {
    timer_.reset();
    std::size_t made = 0;
    auto& queue = state_.planned.queue;
    while (!queue.empty() && queue.begin()->first <= now.wall && made < kTasksOfTurn &&
           state_.journal.under_way() <= kMostWrites)
        made += make_newest(*state_.planned.find(queue.begin()->second), now, out);
    const bool has_room = state_.fleet.open_tasks() < state_.options.open_tasks / 2;
    for (const auto& [id, revision] : state_.planned.current) {
        if (made >= kTasksOfTurn || !has_room) break;
        if (revision->is_active() && revision->has_backlog())
            made += make_missed(*revision, kTasksOfTurn - made, now, out);
    }
    arm(now);
}

/// The last tick there is; the ones before it, if any, are behind made_until and wait for a quieter moment.
std::size_t PlanRuns::make_newest(Revision& revision, Now now, Actions& out) {
    const auto tick = revision.ticks.last(revision.looked_until, now.wall);
    const bool is_next = !revision.has_backlog() && tick == revision.due;
    revision.looked_until = tick.value_or(now.wall);
    std::size_t made = 1;  // looking costs something as well
    if (tick && !revision.early.contains(*tick)) {
        Batch batch;
        if (is_next)
            note_made(revision, *tick, batch);
        else
            revision.early.insert(*tick);
        if (const RunPtr run = make(revision, *tick, nullptr, std::move(batch), now, out)) made += run->tasks.size();
    } else if (is_next) {
        revision.record.made_until = *tick;
        revision.early.erase(*tick);
    }
    queue(revision);
    return made;
}

std::size_t PlanRuns::make_missed(Revision& revision, std::size_t most, Now now, Actions& out) {
    std::size_t made = 0;
    Batch batch;
    while (revision.has_backlog() && made < most) {
        const auto tick = revision.ticks.next(revision.record.made_until);
        const bool anybody = tick && std::ranges::any_of(revision.lines, [&](const auto& one) {
                                 return may_have_run(*state_.fleet.find(one.first), *tick);
                             });
        // Later nobody did any either.
        const WallTime upto = tick && *tick <= revision.looked_until && anybody ? *tick : revision.looked_until;
        const bool is_made = revision.early.contains(upto);
        if (anybody && !is_made && tick == upto) {
            note_made(revision, upto, batch);
            if (const RunPtr run = make(revision, upto, nullptr, std::exchange(batch, {}), now, out))
                made += run->tasks.size();
        } else {
            if (!is_made) give_up(revision, revision.record.made_until, upto);
            note_made(revision, upto, batch);
            ++made;
        }
    }
    if (!batch.empty()) state_.journal.write(out, std::move(batch), nullptr);
    return made;
}

void PlanRuns::give_up(Revision& revision, WallTime behind, WallTime upto) {
    auto& all = revision.given_up;
    const auto next = all.empty() ? std::nullopt : revision.ticks.next(all.back().second);
    if (next && *next > behind && all.back().second <= upto)  // no tick lies between them
        all.back().second = upto;
    else
        all.emplace_back(behind, upto);
}

void PlanRuns::note_made(Revision& revision, WallTime tick, Batch& batch) {
    revision.record.made_until = tick;
    revision.early.erase(revision.early.begin(), revision.early.upper_bound(tick));
    batch.push_back(SetMade{revision.record.row, tick});
}

/// Did it hear of us lately enough?
bool PlanRuns::may_have_run(const Node& node, WallTime tick) const {
    if (node.is_connected()) return true;
    WallTime heard = node.record.last_seen_at.value_or(0);
    if (node.record.is_there) heard = std::max(heard, state_.planned.alive_until);
    return heard + state_.options.plan_lease_ms * 1'000 >= tick;
}

std::vector<TaskRecord> PlanRuns::tasks_of(const Revision& revision, RunId run, WallTime tick, const Node* teller) {
    const bool is_over = revision.record.ended_at != 0 && tick > revision.record.ended_at;
    std::vector<TaskRecord> tasks;
    for (std::uint32_t round = 0; round < revision.record.terms.repeat; ++round) {
        for (const auto& [row, lines] : revision.lines) {
            const Node& node = *state_.fleet.find(row);
            // A node that was heard of since knows that it is over.
            const bool was_told =
                node.is_connected() || node.record.last_seen_at.value_or(0) >= revision.record.ended_at;
            const bool goes_on = !is_over || !was_told;
            if (&node != teller && (!goes_on || !may_have_run(node, tick))) continue;
            for (const LineRef& line : lines) {
                tasks.push_back(TaskRecord{.row = take_key(state_.next.next_task),
                                           .id = planned_task(run, node.record.id, line.name, round),
                                           .run = {},
                                           .node = row,
                                           .line = line,
                                           .offered = true});
            }
        }
    }
    return tasks;
}

RunPtr PlanRuns::make(Revision& revision, WallTime tick, const Node* teller, Batch batch, Now now, Actions& out) {
    const JobRecord& job = revision.record;
    LoadedRun made;
    made.job = job;
    RunRecord& record = made.run;
    record.row = take_key(state_.next.next_run);
    record.id = planned_run(job.id, job.revision, tick);
    record.job = job.row;
    record.created_at = record.tick = tick;
    record.start_within_ms = job.terms.start_within_ms + static_cast<std::uint32_t>(revision.schedule.jitter_ms);
    record.run_within_ms = run_within_ms(revision.spec, job.terms);
    made.tasks = tasks_of(revision, made.run.id, tick, teller);
    if (made.tasks.empty()) {
        give_up(revision, tick - 1, tick);
        if (!batch.empty()) state_.journal.write(out, std::move(batch), nullptr);
        return nullptr;
    }
    for (TaskRecord& task : made.tasks) task.run = made.run.row;
    made.run.total = static_cast<std::uint32_t>(made.tasks.size());
    batch.push_back(AddPlannedRun{made.run, made.tasks});
    const RunPtr run =
        state_.runs.add(made, encode_spec(revision.spec), state_.fleet, now, ActiveRuns::Origin::request);
    for (Task& task : run->tasks) {
        if (task.node->is_connected()) ActiveRuns::show(task, TaskState::leased, out);
    }
    if (tick > now.wall) run->start_deadline += tick - now.wall;
    if (now.wall > tick + kLateAfter) give_time(*run, now);
    state_.journal.write(out, std::move(batch), [this, run](Now, Actions& after) { state_.tell(*run, after); });
    dispatch_.begin(run, now, out);
    return run;
}

void PlanRuns::give_time(Run& run, Now now) const {
    if (run.tick > 0)
        run.start_deadline =
            std::max(run.start_deadline, now.mono + std::uint64_t{state_.options.come_back_ms} * 1'000);
}

const LineRef* PlanRuns::line_of(const Revision& revision, const Session& session, const link::TaskResult& result) {
    const auto lines = revision.lines.find(session.node->record.row);
    if (lines == revision.lines.end()) return nullptr;
    const auto line = std::ranges::find(lines->second, result.line, &LineRef::name);
    return line == lines->second.end() ? nullptr : &*line;
}

void PlanRuns::make_for(const Session& session, const link::TaskResult& result, Now now, Actions& out) {
    if (!result.plan) return;
    const auto& [job, number, tick] = *result.plan;
    const RevisionPtr revision = state_.planned.find(job, number);
    const bool is_tick = revision && result.run_id == planned_run(job, number, tick) && tick <= now.wall + kMostAhead &&
                         revision->ticks.contains(tick);
    const LineRef* line = is_tick ? line_of(*revision, session, result) : nullptr;
    if (!line) return;
    if (const RunPtr run = state_.runs.find(result.run_id))
        return add_task(*run, *revision, *session.node, *line, result.task_id, out);
    // What was made until then is in the store, where it was looked for.
    if (revision->early.contains(tick)) return;
    if (tick <= revision->record.made_until && !revision->was_given_up(tick)) return;
    (tick <= revision->record.made_until ? revision->made_late : revision->early).insert(tick);
    make(*revision, tick, session.node, {}, now, out);
}

/// Nobody thought that this node would do the tick, by this line: it did.
void PlanRuns::add_task(Run& run, const Revision& revision, const Node& node, const LineRef& line, TaskId id,
                        Actions& out) {
    bool is_its_name = false;
    for (std::uint32_t round = 0; round < revision.record.terms.repeat; ++round)
        is_its_name = is_its_name || planned_task(run.id, node.record.id, line.name, round) == id;
    if (!is_its_name) return;
    const TaskRecord task{.row = take_key(state_.next.next_task),
                          .id = id,
                          .run = run.row,
                          .node = node.record.row,
                          .line = line,
                          .offered = true};
    ++run.shown.total;
    state_.runs.add_tasks(run, {task}, state_.fleet, ActiveRuns::Origin::request);
    state_.journal.write(out, Batch{AddTask{task}}, nullptr);
}

bool PlanRuns::makes(const link::TaskResult& result) const {
    return result.plan && state_.planned.find(result.plan->job_id, result.plan->revision);
}

}  // namespace edge::broker
