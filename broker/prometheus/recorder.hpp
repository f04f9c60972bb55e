// Follows the fleet and keeps its series for whoever scrapes.
#pragma once
#include <functional>
#include <mutex>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/prometheus/result_series.hpp"

namespace edge::broker::prometheus {

/// Executor: event() on the domain's thread, with() on any other. The domain never waits for a scrape: what happens
/// meanwhile is held and taken by whoever comes next.
class Recorder final : public FleetSubscriber {
  public:
    explicit Recorder(std::uint64_t most) : series_(most) {}

    void event(const FleetEvent& event) override;
    /// This run is answered to who asked for it, and is no series.
    void leave_out(const RunId& run);
    /// Alone with the series, up to date.
    void with(const std::function<void(ResultSeries&, WallTime now)>& use);

  private:
    using Change = std::function<void(ResultSeries&, WallTime)>;
    void hold(Change change);
    void take_held();

    std::mutex held_mutex_;  // for moments only
    std::vector<Change> held_;
    std::mutex series_mutex_;  // as long as a scrape writes
    ResultSeries series_;
};

}  // namespace edge::broker::prometheus
