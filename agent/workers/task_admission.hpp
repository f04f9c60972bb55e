// What this node takes on now: what its policy lends, as often as one destination may be bothered, while the host has
// nothing better to do. Pure.
#pragma once
#include <optional>
#include <string>

#include "agent/workers/lines.hpp"
#include "agent/workers/verdict.hpp"
#include "protocol/probes/destination.hpp"
#include "protocol/targets/target_buckets.hpp"

namespace edge::agent {

class TaskAdmission {
  public:
    void policy(const link::Policy& policy);
    /// From now on no new task is taken, and why; empty: they are again.
    void busy(std::string why) { busy_ = std::move(why); }

    /// The end of a task that is not to be started. A destination is counted for every task that is.
    std::optional<ProbeReport> refusal(const link::Task& task, const Line& line, Moment now);

  private:
    const std::optional<Destination>& destination(const link::Task& task);

    std::optional<std::vector<std::string>> services_;  // none: the launcher has not told yet, the worker knows
    TargetBuckets destinations_{0, 0, 0};
    link::PolicyDestination limits_;
    std::string busy_;
    // Of the last task: those of one run come in a row, and ask the same.
    Service last_service_ = Service::ping;
    Json last_params_;
    std::optional<Destination> last_destination_;
};

}  // namespace edge::agent
