// Hidden: `edge-probe payload NAME FD` tries to get out of the sandbox it runs in. edge-launcher starts it where it
// would start a worker, for tests and for `edge-agent doctor`; it does nothing that a compromised worker could not do.
#pragma once
#include <string>
#include <vector>

namespace edge::probes {

/// Reads one line of facts from FD, says `trying`, tries, and says `stopped WHY` or `through WHAT`, a line each. Stays
/// until FD is closed, so that what it left behind can be looked at. `--sealed` puts the worker's own filter and
/// Landlock on first. Exit status: 0, or 64 for arguments that are none.
int run_payload(const std::vector<std::string>& arguments);

}  // namespace edge::probes
