// What a person typed, as a command with its values.
#pragma once
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/completion.hpp"
#include "cli/show/style.hpp"

namespace edge::cli {

struct Invocation {
    Command command;
    ColourChoice colour = ColourChoice::automatic;
};

/// Errors: usage, saying what is wrong and where to read more.
Answer<Invocation> parse_command_line(std::vector<std::string> arguments);

/// Of the words behind `edgectl`, the last of which is not finished and may be empty.
Completion complete_command_line(const std::vector<std::string>& words);

}  // namespace edge::cli
