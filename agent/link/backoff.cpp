#include "agent/link/backoff.hpp"

#include <algorithm>

namespace edge::agent {
namespace {
constexpr Backoff::Milliseconds kLongestFirst{30'000};
constexpr Backoff::Milliseconds kStep{2'000};
constexpr Backoff::Milliseconds kCap{60'000};
constexpr std::chrono::seconds kStable{60};
constexpr std::uint32_t kMaxSteps = 5;  // 2 s · 2^5 is above the cap
}  // namespace

Backoff::Backoff(Milliseconds first, std::uint64_t seed) : first_(std::min(first, kLongestFirst)), random_(seed) {}

Backoff::Milliseconds Backoff::uniform(Milliseconds from, Milliseconds to) {
    if (to <= from) return from;
    return Milliseconds(std::uniform_int_distribution<std::int64_t>(from.count(), to.count())(random_));
}

Backoff::Milliseconds Backoff::after_session(Time now) {
    if (now - began_ >= kStable) steps_ = 0;
    return steps_ == 0 ? uniform(Milliseconds(0), first_) : after_failure();
}

Backoff::Milliseconds Backoff::after_failure() {
    const Milliseconds longest = std::min(kCap, kStep * (1u << std::min(steps_, kMaxSteps)));
    if (steps_ < kMaxSteps) ++steps_;
    return uniform(Milliseconds(0), longest);
}

}  // namespace edge::agent
