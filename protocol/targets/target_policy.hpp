// May this probe talk to that address? Decided for every address before a packet leaves, and again for each redirect.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/targets/target_port.hpp"

namespace edge {

enum class Transport { tcp, udp };

/// What the node's operator allows, as the launcher passes it on.
struct TargetPolicy {
    std::vector<Service> services;         // what may run at all
    std::vector<std::uint16_t> ports;      // TCP and UDP destination ports; empty: any
    std::vector<IpPrefix> allow;           // lifts the built-in ranges
    std::vector<IpPrefix> deny;            // wins over allow
    std::vector<TargetPort> only;          // TCP, whatever all of the above say
    std::vector<IpAddress> resolvers;      // the line's own: always allowed on port 53
    std::vector<IpAddress> own_addresses;  // of the line: never a target

    /// For a person at the keyboard of this host, who may send what they like: everything goes.
    static TargetPolicy unrestricted();

    bool runs(Service service) const;

    /// As refusal, where only the port is known yet: what an address that is found later may lift is not refused.
    std::optional<std::string> port_refusal(std::uint16_t port) const;

    /// Nothing when the address may be spoken to; otherwise why not, as one sentence. `port` is empty for ICMP.
    std::optional<std::string> refusal(const IpAddress& address, std::optional<std::uint16_t> port,
                                       Transport transport = Transport::tcp) const;

  private:
    bool lists(std::uint16_t port) const;
};

}  // namespace edge
