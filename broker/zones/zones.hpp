// Time zones by name, as the system has them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::broker {

/// How far the zone is ahead of UTC from `from_us` on, for ten years; nothing of UTC. Executor: any thread; reads a
/// file. Errors: not_found (no such zone; detail names the nearest), io.
Result<std::vector<ZoneOffset>> zone_offsets(const std::string& folder, const std::string& zone, std::uint64_t from_us);

inline constexpr const char* kZonesFolder = "/usr/share/zoneinfo";

}  // namespace edge::broker
