// The node's plan and its two files.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/disk/disk.hpp"
#include "agent/plan/planner.hpp"

namespace edge::agent {

/// Executor: one thread. What is told to it is durable after commit(), and nothing of it may be acknowledged or started
/// before.
class Plans {
  public:
    Plans(Disk& disk, NodeId node) : disk_(disk), planner_(node) {}

    /// What is on the disk. A damaged file is set aside and the broker asked for its content by another digest.
    /// Errors: unsupported (a newer format; nothing was touched), io.
    Result<> open(Moment now);

    void set(link::PlanSet plan, Moment now);
    void drop(JobId job);
    void reset();
    /// The broker is there; written down every ten minutes.
    void in_contact(Moment now);
    std::vector<link::Task> due(Moment now) { return planner_.due(now); }
    std::optional<std::uint64_t> next() const { return planner_.next(); }
    std::string digest() const { return planner_.digest(); }
    std::vector<const link::PlanSet*> plans() const { return planner_.plans(); }
    std::vector<std::string> take_notes();

    bool dirty() const { return dirty_; }
    /// Errors: unavailable (no space: nothing is lost, call again), io.
    Result<> commit(Moment now);

  private:
    Result<> read_plans(Moment now);
    Result<> read_log(Moment now);
    Result<> set_aside(const char* file, const Error& why);
    Result<> write_log(Moment now);
    Result<> append(const std::string& records);

    Disk& disk_;
    Planner planner_;
    bool dirty_ = false;  // the plans differ from the file
    std::size_t log_bytes_ = 0;
    std::vector<FiredMark> unwritten_;
    std::optional<std::uint64_t> contact_us_;
    std::optional<Time> contact_written_;
    bool contact_due_ = false;
    std::vector<std::string> notes_;
};

}  // namespace edge::agent
