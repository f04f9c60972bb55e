// Numbers as people read them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edge::cli {

std::string duration_text(std::uint64_t us);  // 812 µs, 12.3 ms, 1.24 s
std::string percent_text(double percent);     // 0%, 0.5%, 25%
std::string bytes_text(std::uint64_t bytes);  // 61 B, 1.2 kB, 3.4 MB
std::string hex_text(std::uint32_t value);    // 0x101

/// Seconds since 1970 of the API's RFC 3339 text in UTC; nothing if it is no such text.
std::optional<std::int64_t> seconds_of(std::string_view rfc3339);
/// 12s, 3m, 5h, 2d.
std::string age_text(std::int64_t seconds);

}  // namespace edge::cli
