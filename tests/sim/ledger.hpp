// What the promises are held against: a book of every result, kept beside the system and not by it.
#pragma once
#include <map>
#include <memory>
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

inline bool is_end(broker::TaskState state) {
    return state >= broker::TaskState::succeeded;
}

using Attempt = std::pair<TaskId, std::uint32_t>;
using Agent = std::size_t;  // by number

/// Throws Violation. Promises: `started once`, `accepted before started`, `stored once`, `acknowledged is stored`,
/// `counted once`, `an end stands`, `a tick has one run`, and at the end `nothing lost`, `everything ended` and `counts
/// are of tasks`.
class Ledger {
  public:
    // ── of agents ──
    /// The accept is on the disk.
    void accepted(Agent agent, const Attempt& attempt) {
        accepted_[agent].insert(attempt);
        ever_accepted_[agent].insert(attempt);
    }
    void started(Agent agent, const Attempt& attempt);
    /// On this disk or one before: what fired is remembered on another, and a clock that was set comes to it again.
    bool was_accepted(Agent agent, const Attempt& attempt) const {
        const auto of = ever_accepted_.find(agent);
        return of != ever_accepted_.end() && of->second.contains(attempt);
    }
    /// The result with this number is on the disk: from now on it may not be lost.
    void durable(Agent agent, std::uint64_t n, const Attempt& attempt);
    /// Lower numbers are kept no longer. That may befall only what was acknowledged before, and what of that a broker
    /// that came back from a backup is owed again is given up.
    void kept_from(Agent agent, std::uint64_t n);
    /// The agent was told that the broker has it.
    void acknowledged(const Attempt& attempt);
    /// It has no place for what it holds up to this number, and says so.
    void gave_up(Agent agent, std::uint64_t upto);
    /// Its disk is gone, and with it what was on it only: what a broker that came back from a backup has forgotten as
    /// well, nobody knows, and it may be done again.
    void disk_lost(Agent agent);

    // ── of the broker: what is committed ──
    void committed(const broker::Batch& batch);
    /// What the broker's store holds now, and that it holds no more than that again. What came since is owed once more
    /// by who keeps it; what nobody keeps may be done again.
    struct Backup;
    std::shared_ptr<const Backup> backup() const;
    void restored(const Backup& backup);

    // ── at the end, when all is healed and nothing is under way ──
    void check_end() const;

    std::size_t stored() const { return store_.results.size(); }
    std::size_t superseded() const { return store_.superseded; }
    /// Given up unstored, for want of room.
    std::size_t in_gaps() const { return in_gaps_.size(); }
    /// That events of nodes tell of.
    std::uint64_t told_in_gaps() const { return store_.told_in_gaps; }
    /// Durable at an agent once.
    std::size_t made() const { return made_; }
    std::size_t lost_with_a_disk() const { return lost_with_a_disk_; }
    /// Owed again after a restore, and not kept by then.
    std::size_t given_up() const { return given_up_; }
    std::size_t owed_again() const { return owed_again_; }
    std::size_t recovered_tasks() const { return recovered_tasks_; }
    /// Tasks in place of those of nodes that were gone.
    std::size_t elsewhere() const { return elsewhere_; }
    std::size_t runs() const { return store_.runs.size(); }
    std::size_t tasks() const { return store_.tasks.size(); }
    std::size_t planned_runs() const { return store_.planned.size(); }
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
        bool recovered = false;
        broker::RunState state = broker::RunState::running;
        broker::Outcomes outcomes;
    };
    void take(const broker::AddRun& change) { add(change.run, change.tasks); }
    void take(const broker::AddPlannedRun& change);
    void take(const broker::AddTask& change);
    void add(const broker::RunRecord& run, const std::vector<broker::TaskRecord>& tasks);
    void take(const broker::SetTask& change);
    void take(const broker::SetRun& change);
    void take(const broker::AddResult& change);
    void take(const broker::AddEvent& change);
    template <class Other>
    void take(const Other&) {}

    /// What the broker's store holds.
    struct Stored {
        std::set<Attempt> results;
        std::map<broker::TaskRow, Task> tasks;
        std::map<broker::RunRow, Run> runs;
        std::set<std::pair<broker::JobRow, broker::WallTime>> planned;  // ticks that have a run
        std::size_t superseded = 0;
        std::uint64_t told_in_gaps = 0;  // by events of nodes
    };

    std::map<Agent, std::set<Attempt>> accepted_;
    std::map<Agent, std::set<Attempt>> ever_accepted_;
    std::set<Attempt> started_;
    std::set<Attempt> before_restore_;  // of those, what the broker may have forgotten that it gave out
    std::map<Agent, std::map<std::uint64_t, Attempt>> held_;  // on its disk, by number
    std::map<Agent, std::set<Attempt>> owed_;                 // durable, and not stored yet
    std::set<Attempt> acknowledged_;
    Stored store_;
    std::size_t made_ = 0;
    std::set<Attempt> in_gaps_;
    std::size_t lost_with_a_disk_ = 0;
    std::size_t given_up_ = 0;
    std::size_t owed_again_ = 0;
    std::size_t recovered_tasks_ = 0;
    std::size_t elsewhere_ = 0;
};

struct Ledger::Backup {
    Stored store;
};

}  // namespace edge::sim
