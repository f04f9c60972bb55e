// policy.toml as the agent is told it, to be passed on to the broker. Pure.
#pragma once
#include <vector>

#include "agent/launcher/config.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// Everything the policy says, in entries of a fixed size.
std::vector<PolicyEntry> policy_entries(const Policy& policy);

/// The part of that number. Errors: not_found.
Result<PolicyPart> policy_part(const std::vector<PolicyEntry>& entries, std::uint32_t part);

}  // namespace edge::launcher
