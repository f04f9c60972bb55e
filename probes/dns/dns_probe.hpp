// dns: the shell that carries out what QueryCore decides.
#pragma once
#include "probes/probe.hpp"

namespace edge::probes {

/// Progress: `{"try":{"n":1,"server":"192.0.2.53","transport":"udp"}}` as each message is sent.
ProbePtr make_dns_probe(DnsSpec spec, const Surroundings& around, ProbeEvents events);

}  // namespace edge::probes
