// What root added for a line, read from what ip(8) shows. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/workers/lines.hpp"

namespace edge::agent {

/// The commands for a line's rules that are missing in one family, as edge-launcher logs them where rules are not its
/// to add: by its device, and by each of its addresses. Nothing: `shown` is none of `ip -N -j rule show`.
std::optional<std::vector<std::string>> missing_rules(const std::string& shown, const Line& line, bool v6);

/// Of `ip -N -j route show table T`, which shows nothing of a table that is empty.
bool has_default_route(const std::string& shown);

/// Those of one family.
std::vector<std::string> of_family(const std::vector<std::string>& addresses, bool v6);

}  // namespace edge::agent
