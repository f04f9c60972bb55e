// What enrolment writes into /etc/edge, and shows before it does. Pure.
#pragma once
#include <string>

#include "agent/enrolment/propose_lines.hpp"

namespace edge::agent {

/// lines.toml, each line with what it is guessed from and what may want a hand.
std::string lines_text(const Proposal& proposal);
/// policy.toml that lends the three services and opens no range that is closed by itself.
std::string policy_text();
/// agent.toml, all defaults.
std::string agent_text();
/// The proposal for a person, a line's facts below its name.
std::string shown(const Proposal& proposal);

}  // namespace edge::agent
