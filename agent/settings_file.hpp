// agent.toml, read for a command.
#pragma once
#include <string>
#include <variant>

#include "agent/settings.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// The file's text. Errors: io, not_found.
Result<std::string> settings_text(const std::string& file);

/// The settings, or the status to end with; all problems are said.
std::variant<Settings, int> load_settings(const std::string& file);

}  // namespace edge::agent
