// The registry of probe kinds.
#pragma once
#include "probes/probe.hpp"

namespace edge::probes {

/// Makes the probe for a checked spec; start() it. A new kind is one line here.
ProbePtr make_probe(ProbeSpec spec, const Surroundings& around, ProbeEvents events);

}  // namespace edge::probes
