#include "broker/webhooks/schedule.hpp"

#include <algorithm>
#include <array>

namespace edge::broker::webhooks {
namespace {

constexpr WallTime kSecond = 1'000'000;
constexpr WallTime kMinute = 60 * kSecond;
constexpr WallTime kHour = 60 * kMinute;
constexpr std::array<WallTime, kMostAttempts - 1> kDelays{5 * kSecond, 5 * kMinute, 30 * kMinute, 2 * kHour, 5 * kHour,
                                                          10 * kHour,  14 * kHour,  20 * kHour,   24 * kHour};

}  // namespace

std::uint64_t jittered(std::uint64_t span, std::uint64_t random) {
    const std::uint64_t tenth = span / 10;
    return span - tenth + random % (2 * tenth + 1);
}

std::optional<WallTime> next_attempt(std::uint32_t attempts, WallTime created_at, WallTime now, std::uint64_t random) {
    if (attempts == 0) return now;
    if (attempts >= kMostAttempts) return std::nullopt;
    const WallTime due = now + jittered(kDelays[attempts - 1], random);
    return attempts + 1 == kMostAttempts ? std::max(due, created_at + kScheduleSpan) : due;
}

}  // namespace edge::broker::webhooks
