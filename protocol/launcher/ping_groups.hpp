// Who may make ping sockets, by net.ipv4.ping_group_range, and the command that lets more.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>

namespace edge::launcher {

/// The command that lets groups `first` to `last` have ping sockets, and whoever had them; none where `range`, the text
/// of the setting, does already. It stands for nobody as `1 0`, which is the kernel's default.
inline std::optional<std::string> ping_command(const std::string& range, std::uint64_t first, std::uint64_t last) {
    std::uint64_t low = 1, high = 0;
    std::istringstream(range) >> low >> high;
    if (low <= first && last <= high) return std::nullopt;
    const bool nobody = low > high;
    return "sysctl -w net.ipv4.ping_group_range='" + std::to_string(nobody ? first : std::min(low, first)) + " " +
           std::to_string(nobody ? last : std::max(high, last)) + "'";
}

}  // namespace edge::launcher
