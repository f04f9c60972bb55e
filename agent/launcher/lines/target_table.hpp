// The node's target policy as the kernel can ask it: one entry a prefix, the longest that holds an address decides.
// Pure.
#pragma once
#include <cstdint>
#include <vector>

#include "agent/launcher/config.hpp"
#include "protocol/ip.hpp"

namespace edge::launcher {

/// What holds for the addresses of a prefix. The `allow_…` forms: an IPv4 address inside must be allowed, too.
enum class TargetVerdict : std::uint32_t {
    deny = 0,
    allow = 1,
    dns_only = 2,  // UDP and TCP to port 53: a line's own resolver
    allow_tail = 3,
    allow_sixtofour = 4,
    allow_teredo = 5,
    allow_and_dns = 6,  // a line's own resolver where targets are allowed anyway: port 53 whatever ports are listed
};

struct TargetEntry {
    IpPrefix prefix;
    TargetVerdict verdict = TargetVerdict::deny;
    friend bool operator==(const TargetEntry&, const TargetEntry&) = default;
};

/// Says the same of every address as TargetPolicy of protocol/targets, which the worker asks; of an address that no
/// entry holds there is none: 0.0.0.0/0 and ::/0 are in it. `own` are the addresses of this host, of whatever device.
std::vector<TargetEntry> target_table(const Targets& targets, const std::vector<IpAddress>& resolvers,
                                      const std::vector<IpAddress>& own);

}  // namespace edge::launcher
