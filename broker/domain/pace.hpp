// How often something may be written for one who decides himself how often he says it: some at once, then one a second.
#pragma once
#include <algorithm>
#include <cstdint>

namespace edge::broker {

/// Times are monotonic, in microseconds.
class Pace {
  public:
    static constexpr std::uint64_t kAtOnce = 120;

    /// When the next may be; not later than `now`: it may be now.
    std::uint64_t next() const { return spent_ > kAtOnce * kEach ? spent_ - kAtOnce * kEach : 0; }
    void spend(std::size_t count, std::uint64_t now) {
        spent_ = std::min(std::max(spent_, now) + count * kEach, now + (kAtOnce + kLongest) * kEach);
    }

  private:
    static constexpr std::uint64_t kEach = 1'000'000;
    static constexpr std::uint64_t kLongest = 30;  // nobody waits longer, whatever he spent
    std::uint64_t spent_ = 0;                      // until then all that may be is used
};

}  // namespace edge::broker
