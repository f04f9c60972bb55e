// How a person runs a command where a line is.
#pragma once
#include <string>

namespace edge::launcher {

/// What stands before the command: nothing, or what enters the network namespace that lines.toml names, by its name or
/// by a path.
inline std::string inside_netns(const std::string& netns) {
    if (netns.empty()) return {};
    return netns.front() == '/' ? "nsenter --net=" + netns + " " : "ip netns exec " + netns + " ";
}

}  // namespace edge::launcher
