// The commands that give a line what edge-launcher may not: said in its log and by doctor in the same words. Pure.
#pragma once
#include <cstdint>
#include <string>

#include "protocol/launcher/netns_command.hpp"

namespace edge::launcher {

/// `selector` is what ip-rule(8) takes: `oif wan0`, `from 100.64.1.2`.
inline std::string rule_command(bool v6, const std::string& selector, std::uint32_t table) {
    return std::string("ip ") + (v6 ? "-6 " : "") + "rule add " + selector + " lookup " + std::to_string(table);
}

/// An empty gateway: the device leads to all.
inline std::string default_route_command(const std::string& netns, bool v6, const std::string& gateway,
                                         const std::string& device, std::uint32_t table) {
    return inside_netns(netns) + "ip " + (v6 ? "-6 " : "") + "route add default" +
           (gateway.empty() ? "" : " via " + gateway) + " dev " + device + " table " + std::to_string(table);
}

/// A prefix length of 0 is not known: it is the operator's to say.
inline std::string address_command(const std::string& netns, const std::string& address, const std::string& device,
                                   std::uint8_t length = 0) {
    return inside_netns(netns) + "ip address add " + address + "/" + (length == 0 ? "PREFIX" : std::to_string(length)) +
           " dev " + device;
}

}  // namespace edge::launcher
