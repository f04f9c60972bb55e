// `edge-probe ping|dns|http TARGET …` as a person types it.
#pragma once
#include <string>
#include <variant>

#include "protocol/probes/spec.hpp"

namespace edge::probes {

inline constexpr int kExitMistake = 2;

struct Command {
    ProbeSpec spec;
    std::string line;  // empty: this host's own routing
    std::string launcher = "/run/edge/launcher.sock";
    bool as_json = false;
};

/// A command, or the exit status when there is nothing to run: 0 after --help or --version, 2 after a mistake that was
/// told on stderr.
std::variant<Command, int> read_command_line(int argc, char** argv);

}  // namespace edge::probes
