// Who a probe is going to bother, as far as its spec says it: what a policy can look at before a name is resolved.
// Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/ip.hpp"
#include "protocol/probes/spec.hpp"

namespace edge {

struct Destination {
    std::string host;                  // a name in lower case without its last dot, or an address as RFC 5952 writes it
    std::optional<IpAddress> address;  // where the host is one
    std::optional<std::uint16_t> port;  // none: ICMP
};

/// None: a DNS question to the line's own resolvers, or a URL that only libcurl can take apart; the worker looks again.
std::optional<Destination> destination_of(const ProbeSpec& spec);

}  // namespace edge
