// Does the host have other things to do? Readings in, whether new tasks are taken out. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "agent/moment.hpp"
#include "protocol/link/facts.hpp"
#include "protocol/link/node_policy.hpp"

namespace edge::agent {

/// Past a threshold it is busy at once; it has to stay below three quarters of every threshold for 30 s to be free
/// again.
class PressureFsm {
  public:
    void thresholds(const link::PolicyHost& thresholds) { thresholds_ = thresholds; }
    /// True: busy() says something else now.
    bool sample(const link::HostFacts& host, Time now);
    /// Why no new tasks are taken, as one sentence; empty when they are.
    const std::string& busy() const { return busy_; }

  private:
    link::PolicyHost thresholds_;
    std::string busy_;
    std::optional<Time> quiet_since_;
};

}  // namespace edge::agent
