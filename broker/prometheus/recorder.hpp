// Follows the fleet and keeps its series for whoever scrapes.
#pragma once
#include <functional>
#include <memory>

#include "broker/domain/domain.hpp"
#include "broker/prometheus/result_series.hpp"

namespace edge::broker::prometheus {

/// Makes a turn of its work, one after the other, on one thread.
using Post = std::function<void(std::function<void()>)>;

/// Executor: what is public may be called from any thread; the series are touched by turns of `post` alone, so that
/// the domain never waits for a scrape. Owners: who serves the API, and the domain; turns know it weakly.
class Recorder final : public FleetSubscriber, public std::enable_shared_from_this<Recorder> {
  public:
    Recorder(std::uint64_t most, Post post) : post_(std::move(post)), series_(most) {}

    void events(const std::vector<FleetEvent>& events) override;
    /// This run is answered to who asked for it, and is no series.
    void leave_out(const RunId& run);
    /// A turn with the series, after all that was told before.
    void with(std::function<void(ResultSeries&, WallTime now)> use);

  private:
    Post post_;
    ResultSeries series_;
};

}  // namespace edge::broker::prometheus
