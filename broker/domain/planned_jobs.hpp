// Recurring jobs in memory: each with its revision that is in force, and those that nodes may still go by.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "broker/domain/entities.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::broker {

struct Revision {
    Revision(JobRecord stored, ProbeSpec what, Schedule reckoned, Ticks when)
        : record(std::move(stored)), spec(std::move(what)), schedule(std::move(reckoned)), ticks(std::move(when)) {}

    JobRecord record;  // its made_until is what was made, written with it
    ProbeSpec spec;
    Schedule schedule;  // with the offsets of its zone, its phase and its start
    Ticks ticks;
    bool is_limited = false;                          // its selector has limit:N, so any node may change whom it asks
    std::map<NodeRow, std::vector<LineRef>> lines{};  // whom it asks
    WallTime looked_until = 0;                        // ticks up to here were made, or wait behind made_until
    std::set<WallTime> early{};                       // ticks later than made_until that have a run
    // Ticks in these stretches (behind the first, up to the second) were made no run of, since nobody was thought to do
    // them; and those of them that were done all the same.
    std::vector<std::pair<WallTime, WallTime>> given_up{};
    std::set<WallTime> made_late{};
    std::optional<WallTime> due{};  // where it stands in the queue
    bool is_changing = false;       // what it becomes is being written

    bool is_active() const { return record.state == JobState::active; }
    bool was_given_up(WallTime tick) const {
        return !made_late.contains(tick) && std::ranges::any_of(given_up, [tick](const auto& stretch) {
            return stretch.first < tick && tick <= stretch.second;
        });
    }
    bool has_backlog() const { return record.made_until < looked_until; }
};
/// Owners: PlannedJobs, and writes under way.
using RevisionPtr = std::shared_ptr<Revision>;

struct PlannedJobs {
    WallTime alive_until = 0;                    // the last that is known of the broker before this one
    std::map<JobId, RevisionPtr> current;        // active and paused
    std::multimap<JobId, RevisionPtr> ended;     // replaced and deleted, for as long as a node may go by them
    std::set<std::pair<WallTime, JobId>> queue;  // of those that are active, by their next tick

    RevisionPtr find(JobId job) const {
        const auto at = current.find(job);
        return at == current.end() ? nullptr : at->second;
    }
    RevisionPtr find(JobId job, std::uint64_t revision) const {
        if (auto now = find(job); now && now->record.revision == revision) return now;
        for (auto [at, end] = ended.equal_range(job); at != end; ++at) {
            if (at->second->record.revision == revision) return at->second;
        }
        return nullptr;
    }
};

}  // namespace edge::broker
