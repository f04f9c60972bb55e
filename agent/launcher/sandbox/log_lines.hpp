// A worker's standard error as lines for our log: short, printable, and few. Pure: it is handed bytes and the time.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edge::launcher {

class LogLines {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kMaxLength = 300;  // a longer line is cut
    static constexpr unsigned kPerSecond = 20;      // more are counted, not kept

    /// The lines that are complete now. Control characters, quotes and what is not ASCII become '?':
    /// a line stands in quotes in our log, and may not add fields to it.
    std::vector<std::string> feed(std::string_view bytes, Time now);
    /// What stands without its newline at the end.
    std::optional<std::string> rest();
    /// Set while the budget of this second is used up: no need to read before then.
    std::optional<Time> paused_until() const { return paused_until_; }
    /// How many lines were dropped since the last call.
    std::size_t take_dropped();

  private:
    std::string line_;
    Time second_begins_{};
    unsigned used_ = 0;
    std::size_t dropped_ = 0;
    std::optional<Time> paused_until_;
};

}  // namespace edge::launcher
