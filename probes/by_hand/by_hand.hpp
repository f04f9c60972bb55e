// A probe by hand: composes command line, the probe here or on a line, and what is printed.
#pragma once

namespace edge::probes {

/// Exit status: 0 ok, 1 the probe failed or was refused, 2 usage, 69 the launcher is not there, 77 no privilege.
int run_by_hand(int argc, char** argv);

}  // namespace edge::probes
