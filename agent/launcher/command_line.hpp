// What edge-launcher was told by its command line.
#pragma once
#include <string>

#include "agent/launcher/launcher.hpp"

namespace edge::launcher {

inline constexpr const char* kNoGroup = "none";  // of --cgroup: without root

enum class Mode { serve, cleanup, check_config };

struct CommandLine {
    Options options;
    Mode mode = Mode::serve;
    std::string level = "info";
    GuardChoice guard = GuardChoice::automatic;
};

/// Complete: what may be missing depends on the mode, and some values on each other and on who we are. Prints for
/// --help and --version, and ends the process. Errors: bad_syntax, denied (not root), not_found (edge-probe).
Result<CommandLine> read_command_line(int argc, char** argv);

}  // namespace edge::launcher
