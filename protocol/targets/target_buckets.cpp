#include "protocol/targets/target_buckets.hpp"

#include <algorithm>

namespace edge {

bool TargetBuckets::take(std::string_view target, std::uint32_t tokens, std::uint64_t now_us) {
    if (per_s_ == 0) return true;
    const auto found = by_target_.find(target);
    const bool known = found != by_target_.end();
    const std::uint64_t empty_until = known ? std::max(found->second->full_at_us, now_us) : now_us;
    const std::uint64_t full_at = empty_until + cost_us(tokens);
    if (full_at > now_us + cost_us(burst_)) return false;
    if (known) {
        found->second->full_at_us = full_at;
        buckets_.splice(buckets_.begin(), buckets_, found->second);
        return true;
    }
    if (buckets_.size() == most_) {
        by_target_.erase(buckets_.back().target);
        buckets_.pop_back();
    }
    buckets_.push_front({std::string(target), full_at});
    by_target_[buckets_.front().target] = buckets_.begin();
    return true;
}

void TargetBuckets::give_back(std::string_view target, std::uint32_t tokens) {
    if (per_s_ == 0) return;
    const auto found = by_target_.find(target);
    if (found == by_target_.end()) return;  // forgotten meanwhile, and so full
    std::uint64_t& full_at = found->second->full_at_us;
    full_at -= std::min(full_at, cost_us(tokens));
}

}  // namespace edge
