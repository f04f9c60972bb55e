// What the broker is told once a minute, made of totals: lines as deltas since the last time. Pure.
#pragma once
#include <map>
#include <vector>

#include "agent/moment.hpp"
#include "protocol/link/facts.hpp"

namespace edge::agent {

class MinuteFacts {
  public:
    /// `totals`: since the launcher began to count; one that is smaller than before began anew.
    link::Facts make(const link::HostFacts& host, std::vector<link::LineUsage> totals,
                     std::vector<link::SandboxUsage> sandboxes, Moment now);

  private:
    std::map<LineName, link::LineUsage> before_;
    std::optional<Time> last_;
};

}  // namespace edge::agent
