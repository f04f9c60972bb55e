// What the lines lack that is not ours to make: told to the operator as the commands that mend it. Pure.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/lines/device_plan.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// By which table the kernel sends to nowhere in particular; 0: by none.
struct TablesTaken {
    std::array<std::uint32_t, 2> by_device{};               // from a worker's socket, IPv4 and IPv6
    std::array<std::uint32_t, kMaxAddresses> by_address{};  // from each of the line's addresses, bound to no device
};

/// A line, and what there is for it now. Borrows both.
struct LineSeen {
    const Line& line;
    const Devices& devices;                           // of its network namespace; none where that is not there
    std::optional<std::vector<TableRoute>> routes{};  // of its table, ours or not; none: nobody was asked
    std::optional<std::vector<Rule>> rules{};         // of its namespace, ours or not; none: they are ours to add
    TablesTaken taken{};
};

/// What leads into the line's table is one rule by its device and one by each address, or whatever else has that
/// effect; what leads out of it, a default route or others. Rules that are ours to add lack nothing.
Lacking lacking(const LineSeen& seen);

struct Missing {
    std::string line;  // its name
    std::string todo;  // a command
    friend bool operator==(const Missing&, const Missing&) = default;
};

/// Routing of all lines first, then their devices.
std::vector<Missing> missing(const std::vector<LineSeen>& lines);

}  // namespace edge::launcher
