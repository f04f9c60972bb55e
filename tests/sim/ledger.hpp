// What the promises are held against: a book of every result, kept beside the system and not by it.
#pragma once
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/store/store.hpp"
#include "tests/sim/timeline.hpp"

namespace edge::sim {

/// A promise that was broken; what() says which and by what.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Attempt = std::pair<TaskId, std::uint32_t>;
using Agent = std::size_t;  // by number

/// Throws Violation. Promises: `started once`, `accepted before started`, `stored once`, `acknowledged is stored`,
/// `counted once`, and at the end `nothing lost` and `everything ended`.
class Ledger {
  public:
    // ── of agents ──
    /// The accept is on the disk.
    void accepted(Agent agent, const Attempt& attempt) { accepted_[agent].insert(attempt); }
    void started(Agent agent, const Attempt& attempt);
    bool was_accepted(Agent agent, const Attempt& attempt) const {
        const auto of = accepted_.find(agent);
        return of != accepted_.end() && of->second.contains(attempt);
    }
    /// The result is on the disk: from now on it may not be lost.
    void durable(Agent agent, const Attempt& attempt);
    /// The agent was told that the broker has it.
    void acknowledged(const Attempt& attempt);
    /// Its disk is gone, and with it what was on it only.
    void disk_lost(Agent agent);

    // ── of the broker: what is committed ──
    void committed(const broker::Batch& batch);

    // ── at the end, when all is healed and nothing is under way ──
    void check_end() const;

    std::size_t stored() const { return stored_.size(); }
    std::size_t superseded() const { return superseded_; }
    std::size_t lost_with_a_disk() const { return lost_with_a_disk_; }
    std::size_t runs() const { return runs_.size(); }
    std::size_t tasks() const { return tasks_.size(); }
    std::size_t planned_runs() const { return planned_.size(); }
    std::size_t unended_runs() const;

  private:
    struct Task {
        TaskId id;
        broker::RunRow run{};
        broker::TaskState state = broker::TaskState::queued;
        std::size_t counted = 0;  // results that are not superseded
    };
    struct Run {
        RunId id;
        std::uint32_t total = 0;
        broker::RunState state = broker::RunState::running;
        broker::Outcomes outcomes;
    };
    void take(const broker::AddRun& change) { add(change.run, change.tasks); }
    void take(const broker::AddPlannedRun& change);
    void add(const broker::RunRecord& run, const std::vector<broker::TaskRecord>& tasks);
    void take(const broker::SetTask& change);
    void take(const broker::SetRun& change);
    void take(const broker::AddResult& change);
    template <class Other>
    void take(const Other&) {}

    std::map<Agent, std::set<Attempt>> accepted_;
    std::set<Attempt> started_;
    std::map<Agent, std::set<Attempt>> owed_;  // durable, and not stored yet
    std::set<Attempt> stored_;
    std::map<broker::TaskRow, Task> tasks_;
    std::map<broker::RunRow, Run> runs_;
    std::set<std::pair<broker::JobRow, broker::WallTime>> planned_;  // ticks that have a run
    std::size_t superseded_ = 0;
    std::size_t lost_with_a_disk_ = 0;
};

}  // namespace edge::sim
