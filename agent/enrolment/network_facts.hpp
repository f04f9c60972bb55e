// What the kernel and the resolver's files say of a machine's uplinks, as far as lines are proposed from it. Values.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/health/prefix_lines.hpp"
#include "protocol/ip.hpp"

namespace edge::agent {

/// An address that can be a line's: global, its duplicate detection over, not about to go.
struct FoundAddress {
    IpAddress ip{};
    std::uint8_t length = 0;  // of the network it stands in
    bool is_leased = false;   // by DHCP or a router's advertisement: it may be another one tomorrow
};

struct FoundDevice {
    std::string name;
    std::vector<std::string> other_names;
    std::uint32_t index = 0;
    bool is_tunnel = false;  // tun, WireGuard, GRE and the like: what goes in there leaves by another device
    bool has_carrier = true;
    std::vector<FoundAddress> addresses;
};

/// A default route that is a way out. One with several next hops is several.
struct FoundRoute {
    bool v6 = false;
    std::string device;
    std::optional<IpAddress> gateway{};  // none: a point-to-point device
    std::uint32_t table = 254;
    std::uint32_t metric = 0;
    std::optional<IpAddress> source{};
};

/// What a rule asks of a packet's mark.
struct FoundMark {
    std::uint32_t value = 0, mask = 0xffffffff;
};

struct NetworkFacts {
    std::vector<FoundDevice> devices;  // in the kernel's order
    std::vector<FoundRoute> routes;
    std::set<std::uint32_t> tables;                              // that something uses already
    std::vector<FoundMark> marks;                                // likewise
    std::map<std::string, std::vector<IpAddress>> resolvers_of;  // of one device, as its lease says
    std::vector<IpAddress> resolvers;                            // the host's own
    std::map<IpAddress, Origin> origins;                         // of addresses that the node's prefix file knows
};

}  // namespace edge::agent
