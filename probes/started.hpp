// When a probe began, on both clocks, and what a report says of it.
#pragma once
#include <chrono>

#include "protocol/probes/report.hpp"

namespace edge::probes {

struct Started {
    std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
    std::chrono::system_clock::time_point wall = std::chrono::system_clock::now();

    std::uint64_t elapsed_us() const {
        const auto spent = std::chrono::steady_clock::now() - steady;
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
    }
    void stamp(ProbeReport& report) const {
        const auto since_1970 = std::chrono::duration_cast<std::chrono::microseconds>(wall.time_since_epoch());
        report.started_us = static_cast<std::uint64_t>(since_1970.count());
        report.summary.duration_us = elapsed_us();
    }
};

}  // namespace edge::probes
