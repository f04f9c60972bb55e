// When to look whether a daemon's status is another: at once, and again a second later at the earliest. Pure.
#pragma once
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace edge::systemd {

class StatusPace {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kApart{1};

    /// Something that the status tells may be another.
    void changed(Time now) {
        if (!due_) due_ = looked_ ? std::max(now, *looked_ + kApart) : now;
    }
    std::optional<Time> due() const { return due_; }
    /// Is it time to look? Then it counts as looked.
    bool look(Time now) {
        if (!due_ || now < *due_) return false;
        due_.reset();
        looked_ = now;
        return true;
    }
    /// Is it worth saying? Then it counts as said.
    bool is_news(const std::string& status) { return std::exchange(said_, status) != status; }

  private:
    std::optional<Time> due_, looked_;
    std::string said_;
};

}  // namespace edge::systemd
