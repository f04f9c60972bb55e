// http: resolve, vet, transfer, follow redirects, within one deadline.
#pragma once
#include "probes/probe.hpp"

namespace edge::probes {

/// Progress: `{"phase":{"hop":0,"name":"resolve","us":1234}}`; names resolve, connect, tls, first_byte, in that order.
ProbePtr make_http_probe(HttpSpec spec, const Surroundings& around, ProbeEvents events);

}  // namespace edge::probes
