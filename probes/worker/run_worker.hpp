// `edge-probe worker …`: started only by the launcher, in a sandbox, on one line.
#pragma once
#include <string>
#include <vector>

namespace edge::probes {

/// Serves until the agent's end of the stream closes. The exit status of the program (sysexits).
int run_worker(const std::vector<std::string>& arguments);

}  // namespace edge::probes
