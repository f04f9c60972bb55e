// ping: the shell that carries out what PingCore decides.
#pragma once
#include "probes/probe.hpp"

namespace edge::probes {

/// Progress: `{"reply":{…}}` with the fields of PingReply, for each reply, loss and ICMP error as it is known.
ProbePtr make_ping_probe(PingSpec spec, const Surroundings& around, ProbeEvents events);

}  // namespace edge::probes
