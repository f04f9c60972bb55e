// What the lines lack that is not ours to make: told to the operator as the commands that mend it. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/lines/device_plan.hpp"

namespace edge::launcher {

/// A line, and what there is for it now. Borrows both.
struct LineSeen {
    const Line& line;
    const Devices& devices;                           // of its network namespace; none where that is not there
    std::optional<std::vector<TableRoute>> routes{};  // of its table, ours or not; none: nobody was asked
    std::optional<std::vector<Rule>> rules{};         // of its namespace, ours or not; none: they are ours to add
};

struct Missing {
    std::string line;  // its name
    std::string todo;  // a command
    friend bool operator==(const Missing&, const Missing&) = default;
};

/// Routing of all lines first, then their devices. What an `external` line lacks in its table is the default routes of
/// its addresses' families. Rules that are not ours: what is bound to the line's device goes by its table, and so does
/// what has its address.
std::vector<Missing> missing(const std::vector<LineSeen>& lines);

}  // namespace edge::launcher
