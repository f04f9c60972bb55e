// Which recurring jobs are due on this node: plans, what has fired and the time in, tasks out. No files, timers or
// clocks.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/moment.hpp"
#include "agent/plan/fired.hpp"
#include "protocol/link/envelopes.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::agent {

/// A line of a job, whatever its revision.
using LineKey = std::array<std::uint8_t, 16>;
LineKey line_key(JobId job, const LineName& line);

/// A stretch of fired ticks to be remembered.
struct FiredMark {
    LineKey key{};
    Fired::Stretch stretch;
    friend bool operator==(const FiredMark&, const FiredMark&) = default;
};

class Planner {
  public:
    explicit Planner(NodeId node) : node_(node) {}

    /// In place of what there was of the job. Errors: bad_value, its schedule is none, or no machine could do what it
    /// asks; nothing was changed.
    Result<> set(link::PlanSet plan, Moment now);
    void drop(JobId job);
    void reset();
    /// From the disk, before the first due().
    void fired(const FiredMark& mark) { fired_[mark.key].add(mark.stretch); }
    void contact_was(std::uint64_t wall_us, Moment now);
    /// The broker is there.
    void in_contact(Moment now);

    /// The tasks to begin now, those of a tick that is aligned together. Each is told once.
    std::vector<link::Task> due(Moment now);
    /// What became of it, to be written down before any of it begins.
    std::vector<FiredMark> take_marks() { return std::exchange(marks_, {}); }
    /// Events and their fields, for the log.
    std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
    /// The wall clock's moment to call due() at; none while there is nothing to wait for.
    std::optional<std::uint64_t> next() const;

    bool empty() const { return plans_.empty(); }
    std::string digest() const;
    std::vector<const link::PlanSet*> plans() const;
    /// What has fired, but for lines that no plan has any more and that fired more than an hour ago.
    std::vector<FiredMark> memory(std::uint64_t now_wall_us);

  private:
    struct Plan;
    struct PlanLine {
        Plan* plan = nullptr;
        LineName name;
        LineKey key{};
        std::uint64_t delay_us = 0;  // from a tick to its beginning
        std::uint64_t seen_us = 0;   // ticks up to here were looked at
        std::optional<std::uint64_t> due_us{};
    };
    struct Plan {
        link::PlanSet set;
        Ticks ticks;
        bool lapsed = false;  // its lease is over, and that was said
        std::vector<std::unique_ptr<PlanLine>> lines;
    };

    void seat(PlanLine& line, std::uint64_t wall_us);
    void queue(PlanLine& line);
    void unqueue(PlanLine& line);
    void look(PlanLine& line, Moment now, std::vector<link::Task>& tasks);
    void fire(PlanLine& line, std::uint64_t tick, Moment now, std::vector<link::Task>& tasks);
    bool has_lapsed(Plan& plan, Moment now);

    NodeId node_;
    std::map<JobId, std::unique_ptr<Plan>> plans_;
    std::map<LineKey, Fired> fired_;
    std::set<std::pair<std::uint64_t, PlanLine*>> queue_;  // by the wall clock's moment
    std::uint64_t wall_us_ = 0;                            // of the last look
    std::optional<Moment> contact_;
    std::vector<FiredMark> marks_;
    std::vector<std::string> notes_;
};

}  // namespace edge::agent
