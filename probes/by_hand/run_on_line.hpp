// The probe in a sandboxed worker on a line, as the agent would run it: the launcher spawns, we send the task, and
// evidence is what socket, route and line agree on.
#pragma once
#include "probes/by_hand/command_line.hpp"
#include "probes/by_hand/outcome.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

/// Errors: of the launcher (unavailable, denied, not_found, …). A worker that dies is a failed report, not an error.
Result<Outcome> run_on_line(const Command& command, const ShowProgress& show);

}  // namespace edge::probes
