// A file of the system's time zones, as its bytes. Pure. Source: RFC 8536.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::broker {

/// How far the zone is ahead of UTC from `from` on, each change before `to` with it. Units: seconds since 1970.
/// Errors: bad_syntax.
Result<std::vector<ZoneOffset>> offsets_in(std::string_view tzif, std::int64_t from, std::int64_t to);

}  // namespace edge::broker
