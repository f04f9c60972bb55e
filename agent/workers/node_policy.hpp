// policy.toml as the launcher tells it, in the words of the link. Pure.
#pragma once
#include "protocol/launcher/messages.hpp"
#include "protocol/link/node_policy.hpp"

namespace edge::agent {

/// Adds what the entries say; one of a kind this agent does not know is skipped.
void add_entries(const launcher::PolicyPart& part, link::Policy& policy);

}  // namespace edge::agent
