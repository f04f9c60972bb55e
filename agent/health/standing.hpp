// What all that is known of a line comes to. Pure.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "agent/health/checks.hpp"
#include "agent/health/prefix_lines.hpp"

namespace edge::agent {

struct Egress {
    std::string address;           // empty: not known
    std::optional<Origin> origin;  // by the prefix file
    friend bool operator==(const Egress&, const Egress&) = default;
};

struct WatchedLine {
    Line line;
    bool disabled = false;
    std::string expected;  // `AS4134`, or a carrier as lines.toml names it; empty: nothing
    std::vector<Check> checks;
    std::array<Egress, 2> egress;  // IPv4, IPv6
};

/// disabled; down: no link, no address, no route, or nothing behind the line answers; degraded: something of it fails,
/// or it leaves by another network than it should; else up.
Standing standing_of(const WatchedLine& watched);

}  // namespace edge::agent
