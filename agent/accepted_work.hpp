// Work between its arrival and the commit that makes it ours: nothing starts, and nothing is acknowledged, before.
// Pure.
#pragma once
#include <utility>
#include <vector>

#include "agent/moment.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

struct Accepted {
    link::Task task;
    Moment received;
};

class AcceptedWork {
  public:
    explicit AcceptedWork(Spool& spool) : spool_(spool) {}

    /// What was accepted and has no result died with the process before this one: each is given one. Answers which.
    std::vector<link::AttemptRef> answer_for_the_last_process(std::uint64_t now_wall_us);

    void offered(link::Task task, Moment now);
    /// `n` is 0 where it has no number.
    void canceled(std::uint64_t n, const link::AttemptRef& attempt);

    /// After the spool's commit: what may start now, and what is to stop, each told once.
    std::vector<Accepted> starting() { return std::exchange(starting_, {}); }
    std::vector<link::AttemptRef> stopping() { return std::exchange(stopping_, {}); }
    bool waits() const { return !starting_.empty(); }

  private:
    Spool& spool_;
    std::vector<Accepted> starting_;
    std::vector<link::AttemptRef> stopping_;
};

}  // namespace edge::agent
