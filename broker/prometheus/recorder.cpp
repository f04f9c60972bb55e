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

void Recorder::events(const std::vector<FleetEvent>& events) {
    with([events](ResultSeries& series, WallTime at) {
        for (const FleetEvent& event : events) {
            if (const auto* run = std::get_if<std::shared_ptr<const RunView>>(&event)) series.take(**run, at);
            if (const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event)) series.take(**result, at);
        }
    });
}

void Recorder::leave_out(const RunId& run) {
    with([run](ResultSeries& series, WallTime) { series.leave_out(run); });
}

void Recorder::with(std::function<void(ResultSeries&, WallTime now)> use) {
    post_([weak = weak_from_this(), use = std::move(use)] {
        if (const auto self = weak.lock()) use(self->series_, now());
    });
}

}  // namespace edge::broker::prometheus
