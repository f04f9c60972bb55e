// Whether a line can carry anything, by what the launcher says of it.
#pragma once
#include <string>

#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// Why it cannot; empty: it can, as far as its device tells.
inline std::string why_down(const LineInfo& line) {
    if (line.closed == Closed::no_namespace) return "its network namespace is not there";
    if (line.closed == Closed::day_spent) return "day's bytes are spent";
    if (line.ifindex == 0) return "the device is not there";
    return line.link_up == 0 ? "no carrier on the device" : "";
}

}  // namespace edge::launcher
