// A time as people and programs read it.
#pragma once
#include <cstdint>
#include <string>

namespace edge {

/// `2026-01-01T00:00:00.000Z`. `unix_us`: microseconds since 1970.
std::string rfc3339_ms(std::uint64_t unix_us);

}  // namespace edge
