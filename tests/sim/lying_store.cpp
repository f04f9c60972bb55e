#include "tests/sim/lying_store.hpp"

#include <memory>

#include "tests/sim/ledger.hpp"

namespace edge::sim {
namespace {

constexpr std::uint32_t kNobodys = 1'000;  // attempts of a task are far fewer

/// The same of another attempt.
broker::AddResult attempt_of(broker::AddResult change, std::uint32_t attempt, bool superseded) {
    auto view = std::make_shared<broker::ResultView>(*change.view);
    view->result.attempt = attempt;
    view->superseded = superseded;
    change.view = std::move(view);
    return change;
}

}  // namespace

void LyingStore::alter(broker::Batch& batch) {
    switch (broken_) {
        case Break::recovered_dropped:
            drop_recovered(batch);
            break;
        case Break::task_end_dropped:
            std::erase_if(batch, [](const broker::Change& change) {
                const auto* set = std::get_if<broker::SetTask>(&change);
                return set && is_end(set->state);
            });
            break;
        case Break::run_end_dropped:
            std::erase_if(batch, [](const broker::Change& change) {
                const auto* set = std::get_if<broker::SetRun>(&change);
                return set && set->state == broker::RunState::finished;
            });
            break;
        case Break::run_miscounted:
            for (auto& change : batch) {
                if (auto* set = std::get_if<broker::SetRun>(&change)) ++set->outcomes.succeeded;
            }
            break;
        case Break::gap_untold:
            std::erase_if(batch, [](const broker::Change& change) {
                const auto* add = std::get_if<broker::AddEvent>(&change);
                return add && add->event.kind == broker::NodeEventKind::results_gap;
            });
            break;
        default:
            break;
    }
}

broker::Batch LyingStore::made_up(std::span<const broker::Batch> batches) const {
    broker::Batch batch;
    for (const auto& one : batches) {
        for (const auto& change : one) std::visit([&](const auto& of) { make_up(of, batch); }, change);
    }
    return batch;
}

void LyingStore::make_up(const broker::AddResult& change, broker::Batch& batch) const {
    const std::uint32_t attempt = change.view->result.attempt;
    if (broken_ == Break::write_twice) batch.push_back(change);
    if (broken_ == Break::attempt_made_up) batch.push_back(attempt_of(change, attempt + kNobodys, false));
    if (broken_ == Break::result_made_up) batch.push_back(attempt_of(change, attempt + kNobodys, true));
}

void LyingStore::make_up(const broker::AddPlannedRun& change, broker::Batch& batch) const {
    if (broken_ == Break::tick_twice) batch.push_back(change);
}

void LyingStore::make_up(const broker::SetTask& change, broker::Batch& batch) const {
    if (broken_ != Break::end_undone || !is_end(change.state)) return;
    broker::SetTask undone = change;
    undone.state = broker::TaskState::running;
    batch.push_back(undone);
}

/// All that a recovered task brings along.
void LyingStore::drop_recovered(broker::Batch& batch) {
    const auto row = [](auto key) { return static_cast<std::int64_t>(key); };
    std::erase_if(batch, [&](const broker::Change& change) {
        if (const auto* made = std::get_if<broker::AddRun>(&change); made && made->run.recovered) {
            dropped_runs_.insert(row(made->run.row));
            for (const auto& task : made->tasks) dropped_tasks_.insert(row(task.row));
            return true;
        }
        if (const auto* made = std::get_if<broker::AddTask>(&change);
            made && dropped_runs_.contains(row(made->task.run))) {
            dropped_tasks_.insert(row(made->task.row));
            return true;
        }
        if (const auto* set = std::get_if<broker::SetRun>(&change)) return dropped_runs_.contains(row(set->run));
        if (const auto* set = std::get_if<broker::SetTask>(&change)) return dropped_tasks_.contains(row(set->task));
        const auto* result = std::get_if<broker::AddResult>(&change);
        return result && dropped_tasks_.contains(row(result->task));
    });
}

}  // namespace edge::sim
