// How often each target may be bothered: a token bucket a target, the least recently used forgotten first. Pure.
#pragma once
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace edge {

/// Units: `now_us` microseconds of a clock that never goes back. A rate of 0 is no limit.
class TargetBuckets {
  public:
    TargetBuckets(std::uint32_t per_s, std::uint32_t burst, std::size_t most)
        : per_s_(per_s), burst_(burst), most_(most) {}

    /// Takes so many tokens, or none and says false.
    bool take(std::string_view target, std::uint32_t tokens, std::uint64_t now_us);
    /// What take() took for something that did not happen.
    void give_back(std::string_view target, std::uint32_t tokens);
    std::size_t size() const { return buckets_.size(); }

  private:
    struct Bucket {
        std::string target;
        std::uint64_t full_at_us = 0;  // when all that was taken is back
    };
    std::uint64_t cost_us(std::uint64_t tokens) const { return tokens * 1'000'000 / per_s_; }

    std::uint32_t per_s_;
    std::uint32_t burst_;
    std::size_t most_;
    std::list<Bucket> buckets_;                                                    // the most recently used first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_target_;  // views into buckets_
};

}  // namespace edge
