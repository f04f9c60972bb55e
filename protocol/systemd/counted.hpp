// `1 task`, `2 tasks`: how a status counts.
#pragma once
#include <cstddef>
#include <string>

namespace edge::systemd {

inline std::string counted(std::size_t count, const std::string& thing) {
    return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

}  // namespace edge::systemd
