#include "broker/domain/conclusion.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/outbox.hpp"

namespace edge::broker {

void Conclusion::touch(const RunPtr& run) {
    // Results of one run come in a row: looking at the last one first is nearly always enough.
    if (!touched_.empty() && touched_.back() == run) return;
    if (std::find(touched_.begin(), touched_.end(), run) == touched_.end()) touched_.push_back(run);
}

void Conclusion::end(Task& task, TaskState how, std::uint32_t attempt) {
    const RunPtr run = state_.runs.owner(task);
    const TaskState was = std::exchange(task.written, how);
    task.recorded = attempt;
    unlist(task);
    batch_.push_back(SetTask{task.row, how, task.attempt, task.recorded, task.offered});
    items_.push_back(Item{run, &task, was, how, nullptr});
    touch(run);
}

void Conclusion::record(Task& task, const Spool& spool, std::shared_ptr<const ResultView> result) {
    const RunPtr run = state_.runs.owner(task);
    task.seen.push_back(result->result.attempt);
    batch_.push_back(AddResult{take_key(state_.next.next_result), spool.record.row, run->row, task.row, result});
    items_.push_back(Item{run, &task, {}, std::nullopt, std::move(result)});
    touch(run);
}

void Conclusion::received(Spool& spool) {
    SpoolRecord record = spool.record;
    record.committed = spool.received;
    record.newest_rid = std::max(spool.newest_rid, spool.newest_early);
    batch_.push_back(PutSpool{std::move(record)});
}

void Conclusion::show(const DomainState& state, const std::vector<Item>& items, Actions& out) {
    for (const auto& item : items) {
        if (item.state) ActiveRuns::show(*item.task, *item.state, out);
        if (!item.result) continue;
        ++item.run->results;
        if (item.run->watchers > 0) out.effects.push_back(Happened{item.run->id, item.result});
        if (state.is_followed) out.effects.push_back(Told{item.result});
    }
}

void Conclusion::finish(DomainState& state, const std::vector<RunPtr>& runs, Actions& out) {
    for (const auto& run : runs) {
        --run->writes;
        const bool all_shown = run->shown.queued == 0 && run->shown.running == 0;
        if (run->finished_at && all_shown && run->state == RunState::running) {
            run->state = RunState::finished;
            if (run->start_timer) state.timers.cancel(*run->start_timer);
            if (run->close_timer) state.timers.cancel(*run->close_timer);
            if (run->watchers > 0)
                out.effects.push_back(Happened{run->id, std::make_shared<const RunView>(ActiveRuns::view(*run))});
            out.effects.push_back(RunEnded{run->id});
        }
        state.tell(*run, out);
        state.runs.evict_if_done(run);
    }
}

// The counters move only here: another conclusion about the same runs may be written while this one is filled, and the
// store must never hold a count whose ends it does not have.
void Conclusion::count() {
    for (const auto& item : items_) {
        if (!item.state) continue;
        if (is_terminal(item.was)) --outcome(item.run->written, item.was);
        ++outcome(item.run->written, *item.state);
    }
}

void Conclusion::write(Now now, Actions& out, Journal::Then then) {
    count();
    for (const auto& item : items_) {
        if (item.result) outbox::tell_result(state_, *item.task->node, item.result, now, batch_);
    }
    for (const auto& run : touched_) {
        if (!run->finished_at && run->written.sum() == run->shown.total) {
            run->finished_at = now.wall;
            outbox::tell_finished(state_, *run, now, batch_);
        }
        batch_.push_back(SetRun{run->row, run->finished_at ? RunState::finished : RunState::running, run->finished_at,
                                run->written});
        ++run->writes;
    }
    state_.journal.write(out, std::move(batch_),
                         [state = &state_, items = std::move(items_), touched = std::move(touched_),
                          then = std::move(then)](Now at, Actions& after) {
                             show(*state, items, after);
                             finish(*state, touched, after);
                             if (then) then(at, after);
                         });
    batch_.clear();
    items_.clear();
    touched_.clear();
}

}  // namespace edge::broker
