// Work between its arrival and the commit that makes it ours: nothing starts, and nothing is acknowledged, before.
// Pure.
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/moment.hpp"
#include "agent/spool/spool.hpp"
#include "agent/start_gate.hpp"
#include "agent/workers/verdict.hpp"

namespace edge::agent {

class AcceptedWork {
  public:
    explicit AcceptedWork(Spool& spool) : spool_(spool) {}

    /// What was accepted and has no result died with the process before this one: each is given one. Answers which.
    std::vector<link::AttemptRef> answer_for_the_last_process(std::uint64_t now_wall_us);

    /// By the broker, or by the node's own plan; then it has no number.
    void offered(link::Task task, Moment now);
    /// Its result, for the next commit.
    void finished(Finished finished);
    /// A task of the plan that is not taken on: it ends at once.
    void refuse(link::Task task, std::string why, Moment now);
    /// Tasks of the plan that have no end yet. The broker did not give them, and is not told of them in a hello.
    const std::set<link::AttemptRef>& planned() const { return planned_; }
    /// `n` is 0 where it has no number.
    void canceled(std::uint64_t n, const link::AttemptRef& attempt);

    /// After the spool's commit: what may start now, and what is to stop, each told once. Tasks that are to begin
    /// together are told together; what is to stop is told as starting first, if it was not yet.
    std::vector<Accepted> starting(Time now);
    std::vector<link::AttemptRef> stopping() { return std::exchange(stopping_, {}); }
    bool waits() const { return !starting_.empty() || gate_.waits(); }
    /// When to look for what starts though nothing came.
    std::optional<Time> deadline() const { return gate_.deadline(); }

  private:
    Spool& spool_;
    std::vector<Accepted> starting_;
    StartGate gate_;
    std::vector<link::AttemptRef> stopping_;
    std::set<link::AttemptRef> planned_;
};

}  // namespace edge::agent
