// The node's target policy as the kernel can ask it: one entry a prefix, the longest that holds an address decides; and
// the ports that are open whatever it says. Pure.
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
    allow_tail = 2,
    allow_sixtofour = 3,
    allow_teredo = 4,
};

/// The last address of a prefix.
IpAddress last_of(const IpPrefix& prefix);

struct TargetEntry {
    IpPrefix prefix;
    TargetVerdict verdict = TargetVerdict::deny;
    friend bool operator==(const TargetEntry&, const TargetEntry&) = default;
};

/// One open port of one address, whatever verdict and list of ports say: a resolver's 53, and what `only` lists.
struct OpenPort {
    TargetPort target;
    bool udp = false;  // or TCP
    friend bool operator==(const OpenPort&, const OpenPort&) = default;
};

struct TargetTable {
    std::vector<TargetEntry> entries;
    std::vector<OpenPort> open;
    friend bool operator==(const TargetTable&, const TargetTable&) = default;
};

/// Says the same of every address as TargetPolicy of protocol/targets, which the worker asks; of an address that no
/// entry holds there is none: 0.0.0.0/0 and ::/0 are in it. `own` are the addresses of this host, of whatever device.
TargetTable target_table(const Targets& targets, const std::vector<IpAddress>& resolvers,
                         const std::vector<IpAddress>& own);

}  // namespace edge::launcher
