// What rtnetlink's messages say of devices, addresses, rules and routes. Pure: a message in, a value out, nothing for
// one that is too short or not of ours. Source: rtnetlink(7), linux/fib_rules.h.
#pragma once
#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/launcher/lines/network.hpp"

namespace edge::launcher {

/// Of an address in a message. Units: bytes.
constexpr std::size_t size_of(bool v6) {
    return v6 ? 16 : 4;
}

struct NamedDevice {
    std::string name;
    Device device{};  // without its addresses
};
/// RTM_NEWLINK
std::optional<NamedDevice> device_in(const nlmsghdr* message);

struct DeviceAddress {
    std::uint32_t device = 0;
    Device::Assigned assigned{};
};
/// RTM_NEWADDR, of an address that can be a source: duplicate address detection is over.
std::optional<DeviceAddress> usable_address_in(const nlmsghdr* message);

/// RTM_NEWRULE, of a rule that asks for nothing but what a Rule can say.
std::optional<Rule> plain_rule_in(const nlmsghdr* message);
/// RTM_NEWRULE, of a rule that carries kRoutingProtocol.
std::optional<Rule> owned_rule_in(const nlmsghdr* message);

struct KernelRoute {
    TableRoute route{};
    std::uint8_t protocol = 0;  // who wrote it
};
/// RTM_NEWROUTE of a dump: unicast, and no cached clone.
std::optional<KernelRoute> route_in(const nlmsghdr* message);

/// What an event says has changed.
struct Change {
    enum class Of { devices, rules, routes } of = Of::devices;
    std::uint32_t table = 0;  // of routes
    bool is_ours = false;     // a rule or route that was added, and carries kRoutingProtocol
};
Change change_in(const nlmsghdr* event);

/// RTM_NEWROUTE in answer to RTM_GETROUTE.
std::optional<RouteAnswer> route_answer_in(const nlmsghdr* message);

}  // namespace edge::launcher
