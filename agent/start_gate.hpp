// Tasks that are to begin together wait here for each other. Pure.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "agent/moment.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

struct Accepted {
    link::Task task;
    Moment received;
};

class StartGate {
  public:
    /// The longest that one waits: some may have been sent before, or never come.
    static constexpr std::chrono::seconds kLongestWait{1};

    /// Those that begin now: of what came whatever waits for nobody, and runs that are complete.
    std::vector<Accepted> pass(std::vector<Accepted> came, Time now);
    /// It is to be stopped, and need not wait for that.
    std::optional<Accepted> take(const link::AttemptRef& attempt);
    /// When to call pass() again.
    std::optional<Time> deadline() const;
    bool waits() const { return !held_.empty(); }

  private:
    struct Held {
        std::vector<Accepted> tasks;
        Time until{};
    };
    std::map<RunId, Held> held_;
};

}  // namespace edge::agent
