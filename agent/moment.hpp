// Now, on both clocks: intervals are taken from the one, times told to others from the other.
#pragma once
#include <chrono>
#include <cstdint>

namespace edge::agent {

using Time = std::chrono::steady_clock::time_point;

struct Moment {
    Time steady{};
    std::uint64_t wall_us = 0;  // since 1970
};

/// For shells only; what decides is told the moment.
Moment moment_now();

}  // namespace edge::agent
