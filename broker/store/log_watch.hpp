// Whether the log beside the store is longer than it should be, told when that changes. Pure.
#pragma once
#include <cstdint>
#include <optional>

namespace edge::broker {

class LogWatch {
  public:
    explicit LogWatch(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

    /// True: it has just grown beyond the most it should be. False: it is back. Nothing: it is as it was.
    std::optional<bool> saw(std::uint64_t bytes) {
        const bool is_long = bytes > most_bytes_;
        if (is_long == is_long_) return std::nullopt;
        is_long_ = is_long;
        return is_long;
    }

    bool is_long() const { return is_long_; }

  private:
    std::uint64_t most_bytes_;
    bool is_long_ = false;
};

}  // namespace edge::broker
