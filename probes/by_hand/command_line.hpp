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

/// When there is nothing to run: the text of --help or --version with status 0, or a mistake in one line with 2.
struct Told {
    int status = 0;
    std::string text;
};

std::variant<Command, Told> read_command_line(int argc, const char* const* argv);

}  // namespace edge::probes
