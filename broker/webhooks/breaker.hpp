// A receiver that fails again and again is asked seldom, one delivery at a time, until it answers. Pure.
#pragma once
#include <algorithm>
#include <cstdint>

#include "broker/webhooks/schedule.hpp"

namespace edge::broker::webhooks {

class Breaker {
  public:
    static constexpr std::uint32_t kFailures = 5;
    static constexpr WallTime kFirst = 30 * 1'000'000ULL;
    static constexpr WallTime kLongest = 600 * 1'000'000ULL;

    bool is_open() const { return failures_ >= kFailures; }
    /// While it is open: when one may be tried.
    WallTime until() const { return until_; }

    void succeeded() { failures_ = 0; }
    /// What was under way when it opened counts no more.
    void failed(WallTime now, std::uint64_t random) {
        if (is_open() && now < until_) return;
        ++failures_;
        if (!is_open()) return;
        const std::uint32_t doublings = std::min(failures_ - kFailures, 10U);
        until_ = now + jittered(std::min(kFirst << doublings, kLongest), random);
    }

  private:
    std::uint32_t failures_ = 0;  // in a row
    WallTime until_ = 0;
};

}  // namespace edge::broker::webhooks
