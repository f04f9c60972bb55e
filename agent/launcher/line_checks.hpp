// What is wrong with the lines of lines.toml, each and beside the others, told at its place in the file. Pure.
#pragma once
#include <vector>

#include "agent/launcher/config.hpp"
#include "protocol/config/toml.hpp"

namespace edge::launcher {

/// `checker` has read them.
void check_lines(const std::vector<Line>& lines, TomlChecker& checker);

/// What the launcher cannot do as it was started, of lines that are good otherwise.
void check_startable(const std::vector<Line>& lines, const Started& started, TomlChecker& checker);

}  // namespace edge::launcher
