#include "tests/sim/ledger.hpp"

#include "protocol/json/described.hpp"

namespace edge::sim {
namespace {

std::string text(const Attempt& attempt) {
    return attempt.first.text() + " attempt " + std::to_string(attempt.second);
}

[[noreturn]] void broken(const std::string& promise, const std::string& by) {
    throw Violation(promise + ": " + by);
}

}  // namespace

void Ledger::started(Agent agent, const Attempt& attempt) {
    if (!accepted_[agent].contains(attempt)) broken("accepted before started", text(attempt));
    if (!started_.insert(attempt).second) broken("started once", text(attempt));
}

void Ledger::durable(Agent agent, std::uint64_t n, const Attempt& attempt) {
    ++made_;
    held_[agent][n] = attempt;
    if (!store_.results.contains(attempt)) owed_[agent].insert(attempt);
}

void Ledger::acknowledged(const Attempt& attempt) {
    if (!store_.results.contains(attempt)) broken("acknowledged is stored", text(attempt));
    acknowledged_.insert(attempt);
}

void Ledger::disk_lost(Agent agent) {
    lost_with_a_disk_ += owed_[agent].size();
    for (const auto& attempt : accepted_[agent]) {
        if (before_restore_.contains(attempt) && !store_.results.contains(attempt)) started_.erase(attempt);
    }
    owed_[agent].clear();
    accepted_[agent].clear();
    held_[agent].clear();
}

void Ledger::gave_up(Agent agent, std::uint64_t upto) {
    const auto& held = held_[agent];
    for (auto one = held.begin(); one != held.end() && one->first <= upto; ++one) {
        if (owed_[agent].erase(one->second) > 0) in_gaps_.insert(one->second);
    }
}

void Ledger::kept_from(Agent agent, std::uint64_t n) {
    auto& held = held_[agent];
    const auto end = held.lower_bound(n);
    for (auto one = held.begin(); one != end; ++one) {
        if (!acknowledged_.contains(one->second) || owed_[agent].erase(one->second) == 0) continue;
        started_.erase(one->second);
        ++given_up_;
    }
    held.erase(held.begin(), end);
}

std::shared_ptr<const Ledger::Backup> Ledger::backup() const {
    return std::make_shared<const Backup>(Backup{store_});
}

void Ledger::restored(const Backup& backup) {
    std::map<Attempt, Agent> holders;
    for (const auto& [agent, held] : held_) {
        for (const auto& [n, attempt] : held) holders[attempt] = agent;
    }
    for (const auto& attempt : store_.results) {
        if (backup.store.results.contains(attempt)) continue;
        if (const auto holder = holders.find(attempt); holder != holders.end()) {
            owed_[holder->second].insert(attempt);
            ++owed_again_;
        } else {
            started_.erase(attempt);
            ++given_up_;
        }
    }
    // A backup may be newer than what it replaces, itself an older one.
    for (auto& [agent, owed] : owed_) {
        std::erase_if(owed, [&backup](const Attempt& attempt) { return backup.store.results.contains(attempt); });
    }
    store_ = backup.store;
    before_restore_ = started_;
}

void Ledger::committed(const broker::Batch& batch) {
    for (const auto& change : batch) {
        std::visit([this](const auto& one) { take(one); }, change);
    }
}

void Ledger::take(const broker::AddPlannedRun& change) {
    if (!store_.planned.insert({change.run.job, change.run.tick}).second)
        broken("a tick has one run", change.run.id.text());
    add(change.run, change.tasks);
}

void Ledger::take(const broker::AddTask& change) {
    Run& run = store_.runs.at(change.task.run);
    store_.tasks[change.task.row] = {change.task.id, change.task.run, change.task.state};
    ++run.total;
    recovered_tasks_ += run.recovered;
    elsewhere_ += !change.task.offered;  // one that was made of a result has been
}

void Ledger::add(const broker::RunRecord& run, const std::vector<broker::TaskRecord>& tasks) {
    store_.runs[run.row] = {run.id, run.total, run.recovered, run.state, run.outcomes};
    recovered_tasks_ += run.recovered ? tasks.size() : 0;
    for (const auto& task : tasks) store_.tasks[task.row] = {task.id, task.run, task.state};
}

void Ledger::take(const broker::SetTask& change) {
    Task& task = store_.tasks.at(change.task);
    if (is_end(task.state) && !is_end(change.state)) broken("an end stands", task.id.text() + " goes on");
    task.state = change.state;
}

void Ledger::take(const broker::SetRun& change) {
    Run& run = store_.runs.at(change.run);
    run.state = change.state;
    run.outcomes = change.outcomes;
}

void Ledger::take(const broker::AddResult& change) {
    const auto& result = change.view->result;
    const Attempt attempt{result.task_id, result.attempt};
    if (!store_.results.insert(attempt).second) broken("stored once", text(attempt));
    for (auto& [agent, owed] : owed_) owed.erase(attempt);
    in_gaps_.erase(attempt);  // the broker had it, and had not written it yet
    if (change.view->superseded) {
        ++store_.superseded;
        return;
    }
    Task& task = store_.tasks.at(change.task);
    if (++task.counted > 1) broken("counted once", task.id.text());
}

void Ledger::take(const broker::AddEvent& change) {
    const broker::NodeEvent& event = change.event;
    if (event.kind == broker::NodeEventKind::results_gap)
        store_.told_in_gaps += std::stoull(event.became) - std::stoull(event.was) + 1;
}

std::size_t Ledger::unended_runs() const {
    std::size_t count = 0;
    for (const auto& [row, run] : store_.runs) count += run.state != broker::RunState::finished;
    return count;
}

void Ledger::check_end() const {
    for (const auto& [agent, owed] : owed_) {
        if (!owed.empty())
            broken("nothing lost",
                   std::to_string(owed.size()) + " of agent " + std::to_string(agent) + ", as " + text(*owed.begin()));
    }
    std::map<broker::RunRow, broker::Outcomes> ends;
    for (const auto& [row, task] : store_.tasks) {
        if (!is_end(task.state))
            broken("everything ended", task.id.text() + " is " + std::string(enum_text(task.state)));
        broker::Outcomes& end = ends[task.run];
        std::uint32_t broker::Outcomes::*const kOf[]{&broker::Outcomes::succeeded, &broker::Outcomes::failed,
                                                     &broker::Outcomes::timed_out, &broker::Outcomes::canceled,
                                                     &broker::Outcomes::expired,   &broker::Outcomes::lost};
        ++(end.*kOf[static_cast<std::size_t>(task.state) - static_cast<std::size_t>(broker::TaskState::succeeded)]);
    }
    for (const auto& [row, run] : store_.runs) {
        if (run.state != broker::RunState::finished) broken("everything ended", run.id.text());
        if (!(run.outcomes == ends[row]) || run.outcomes.sum() != run.total)
            broken("counts are of tasks", run.id.text());
    }
}

}  // namespace edge::sim
