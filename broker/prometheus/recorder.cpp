#include "broker/prometheus/recorder.hpp"

#include <chrono>
#include <utility>

namespace edge::broker::prometheus {
namespace {

WallTime now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<WallTime>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

void Recorder::event(const FleetEvent& event) {
    if (const auto* run = std::get_if<std::shared_ptr<const RunView>>(&event))
        return hold([run = *run](ResultSeries& series, WallTime at) { series.take(*run, at); });
    if (const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event))
        return hold([result = *result](ResultSeries& series, WallTime at) { series.take(*result, at); });
}

void Recorder::leave_out(const RunId& run) {
    hold([run](ResultSeries& series, WallTime) { series.leave_out(run); });
}

void Recorder::with(const std::function<void(ResultSeries&, WallTime now)>& use) {
    const std::lock_guard alone(series_mutex_);
    take_held();
    use(series_, now());
}

void Recorder::hold(Change change) {
    {
        const std::lock_guard lock(held_mutex_);
        held_.push_back(std::move(change));
    }
    if (const std::unique_lock alone(series_mutex_, std::try_to_lock); alone) take_held();
}

void Recorder::take_held() {
    std::vector<Change> changes;
    {
        const std::lock_guard lock(held_mutex_);
        changes.swap(held_);
    }
    for (const auto& change : changes) change(series_, now());
}

}  // namespace edge::broker::prometheus
