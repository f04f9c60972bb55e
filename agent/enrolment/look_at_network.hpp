// The machine's network as it is now, asked of ip(8) and the resolver's files.
#pragma once
#include <string>

#include "agent/enrolment/network_facts.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// `prefix_file`: [health] prefix_file of agent.toml; empty: none. Blocks. Errors: unavailable (no ip(8)), bad_syntax
/// and bad_value (it printed what is not understood), io.
Result<NetworkFacts> look_at_network(const std::string& prefix_file);

}  // namespace edge::agent
