// What ip(8) prints with -N -j of addresses, routes and rules, as facts. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/enrolment/network_facts.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// `ip -N -j address`. Source: iproute2's ip/ipaddress.c; the numbers of link_type are those of linux/if_arp.h.
/// Errors: bad_syntax, bad_value.
Result<> add_devices(std::string_view printed, NetworkFacts& facts);

/// `ip -N -j -4 route show table all default`, or with -6. What edge-launcher wrote (protocol 237) is no uplink of
/// the machine's; its table is in use. Errors: bad_syntax, bad_value.
Result<> add_routes(std::string_view printed, bool v6, NetworkFacts& facts);

/// `ip -N -j -4 rule`, or with -6. Errors: bad_syntax, bad_value.
Result<> add_rules(std::string_view printed, NetworkFacts& facts);

/// The name servers of a resolv.conf(5), but for those on loopback, which are a stub's.
std::vector<IpAddress> resolvers_in(std::string_view resolv_conf);

/// DNS= of a lease that systemd-networkd wrote: addresses with a space between them.
std::vector<IpAddress> resolvers_in_lease(std::string_view lease);

}  // namespace edge::agent
