// How the sender is doing, for the metrics. Values; read on any thread.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace edge::broker::webhooks {

/// How long attempts take. Units: microseconds.
class Durations {
  public:
    /// From a receiver next door to the longest that [webhooks] timeout_ms allows unless it is changed.
    static constexpr std::array<std::uint64_t, 11> kBounds{
        10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 20'000'000};

    void add(std::uint64_t us) {
        sum_ += us;
        ++each_[static_cast<std::size_t>(std::ranges::lower_bound(kBounds, us) - kBounds.begin())];
    }
    std::uint64_t sum() const { return sum_; }
    /// Of each bucket alone; the last one is beyond every bound.
    const std::array<std::uint64_t, kBounds.size() + 1>& each() const { return each_; }

  private:
    std::array<std::uint64_t, kBounds.size() + 1> each_{};
    std::uint64_t sum_ = 0;
};

struct Counters {
    std::uint64_t delivered = 0;  // attempts that succeeded
    std::uint64_t failed = 0;     // attempts that did not
    std::uint64_t refused = 0;    // of them: the URL or the address may not be spoken to
    std::uint64_t timed_out = 0;  // of them: too slow
    Durations durations{};        // of all attempts
    std::uint64_t gave_up = 0;    // deliveries that used up their attempts, or were to be tried once
    std::uint64_t in_flight = 0;  // now
};

}  // namespace edge::broker::webhooks
