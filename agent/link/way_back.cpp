#include "agent/link/way_back.hpp"

#include <utility>

namespace edge::agent {

void WayBack::moved(Time now) {
    moved_ = now;
}

void WayBack::better(std::optional<std::size_t> uplink, Time now) {
    if (uplink == uplink_) return;
    uplink_ = uplink;
    well_since_.reset();
    stale_ = trying_;
    next_ = now;
}

std::optional<std::size_t> WayBack::due(Time now) {
    if (trying_ || !uplink_ || now < next_) return std::nullopt;
    trying_ = true;
    stale_ = false;
    return uplink_;
}

bool WayBack::answered(bool well, Time now) {
    trying_ = false;
    if (std::exchange(stale_, false)) return false;
    next_ = now + terms_.steady / 3;
    if (!well) {
        well_since_.reset();
        return false;
    }
    if (!well_since_) well_since_ = now;
    if (now - *well_since_ < terms_.steady) return false;
    return !moved_ || now - *moved_ >= terms_.every;
}

std::optional<Time> WayBack::deadline() const {
    if (trying_ || !uplink_) return std::nullopt;
    return next_;
}

}  // namespace edge::agent
