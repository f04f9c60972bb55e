// The agent's state directory, when a command cannot use it: whose it is to be, and what to do.
#pragma once
#include <optional>
#include <string>

#include "protocol/result.hpp"

namespace edge::agent {

/// Says why it could not be opened or locked; the status to end with.
int complain_of_directory(const Error& error, const std::string& path);
/// Root would leave files that the agent's user cannot open. Nothing when all is well.
std::optional<int> complain_of_owner(const std::string& directory);

}  // namespace edge::agent
