// The probe inside this process, on this host's own routing: no line, nothing verified.
#pragma once
#include "probes/by_hand/outcome.hpp"

namespace edge::probes {

/// Seals this process (as a worker seals itself) before it speaks to anyone: afterwards no file can be opened.
Outcome run_here(ProbeSpec spec, const ShowProgress& show);

}  // namespace edge::probes
