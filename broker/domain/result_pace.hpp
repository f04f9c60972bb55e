// How many results a node may send: a token bucket that is asked how far credit may go, so that nothing is refused and
// who sends too much waits. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

namespace edge::broker {

/// Units: times are monotonic, in microseconds. `per_s` 0 is no limit; a second's worth may come at once.
class ResultPace {
  public:
    /// So many may come now.
    std::uint64_t room(std::uint32_t per_s, std::uint64_t now) const {
        if (per_s == 0) return std::numeric_limits<std::uint32_t>::max();
        const std::uint64_t spent = full_at_ns_ > now * 1'000 ? full_at_ns_ - now * 1'000 : 0;
        const std::uint64_t missing = (spent * per_s + kSecondNs - 1) / kSecondNs;
        return per_s - std::min<std::uint64_t>(missing, per_s);
    }
    /// When room() is so many, if nothing comes; `count` is at most `per_s`.
    std::uint64_t when(std::uint32_t per_s, std::uint64_t count) const {
        const std::uint64_t spent = cost(per_s, per_s - count);
        return full_at_ns_ > spent ? (full_at_ns_ - spent) / 1'000 + 1 : 0;
    }
    void took(std::uint32_t per_s, std::uint64_t now) {
        if (per_s != 0) full_at_ns_ = std::max(full_at_ns_, now * 1'000) + cost(per_s, 1);
    }

  private:
    static constexpr std::uint64_t kSecondNs = 1'000'000'000;
    static std::uint64_t cost(std::uint32_t per_s, std::uint64_t count) { return count * kSecondNs / per_s; }

    std::uint64_t full_at_ns_ = 0;  // when all that came is forgotten
};

}  // namespace edge::broker
