// So many at once, and then one each while. Pure.
#pragma once
#include <algorithm>
#include <chrono>

namespace edge {

class Ration {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Ration(unsigned at_once, std::chrono::milliseconds each) : most_((at_once - 1) * each), each_(each) {}

    /// False: not now.
    bool take(Time now) {
        const Time spent = std::max(spent_, now);
        if (spent > now + most_) return false;
        spent_ = spent + each_;
        return true;
    }

  private:
    std::chrono::milliseconds most_, each_;
    Time spent_{};  // the moment up to which it is
};

}  // namespace edge
