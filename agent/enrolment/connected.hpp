// Is the node connected? What the agent that runs says of it in its state directory.
#pragma once
#include <chrono>
#include <string>

#include "agent/link/link_state.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// What link.json says, of an agent that runs. Errors: unavailable (none runs with this directory), not_found (it has
/// come to no broker yet).
Result<LinkState> link_state_of(const std::string& state_dir);

/// Waits for it. Errors: timed_out, with why it is not.
Result<LinkState> wait_until_connected(const std::string& state_dir, std::chrono::seconds within);

}  // namespace edge::agent
