// What enrolment leaves to other programs: edge-launcher's opinion of a configuration, and systemd's units.
#pragma once
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace edge::agent {

struct ProgramEnd {
    int status = 0;      // 128 and the signal's number where one ended it
    std::string said{};  // on both of its outputs, the first 64 KiB, without the last line's end
};
/// Waits for its end; without a shell. Errors: not_found (no such program), io.
Result<ProgramEnd> run_program(const std::vector<std::string>& words);

/// edge-launcher of this installation: beside this program, or in /usr/sbin.
std::string launcher_program();
/// Errors: not_found (no edge-launcher), bad_value (what it says is wrong, a line each).
Result<> check_lines_files(const std::string& folder);

/// `systemctl enable --now UNITS`. Errors: unavailable, with what it said.
Result<> start_units(const std::vector<std::string>& units);

}  // namespace edge::agent
