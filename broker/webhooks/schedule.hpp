// When a delivery that failed is tried again. Source: Standard Webhooks 1.0.0, "Deliverability and reliability". Pure.
#pragma once
#include <cstdint>
#include <optional>

#include "broker/domain/webhook_views.hpp"

namespace edge::broker::webhooks {

inline constexpr std::uint32_t kMostAttempts = 10;
/// From the first attempt to the last, which is never earlier than this, whatever the jitter. Units: microseconds.
inline constexpr WallTime kScheduleSpan = WallTime{75 * 3'600 + 35 * 60 + 5} * 1'000'000;

/// `attempts` made so far, the last of them just now; `random` is any number. Nothing: there is no other.
std::optional<WallTime> next_attempt(std::uint32_t attempts, WallTime created_at, WallTime now, std::uint64_t random);

/// A tenth more or less.
std::uint64_t jittered(std::uint64_t span, std::uint64_t random);

}  // namespace edge::broker::webhooks
