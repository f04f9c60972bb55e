// Which rules and routes the lines want, and how to get there from what the kernel has. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/config.hpp"

namespace edge::launcher {

/// FRA_PROTOCOL and rtm_protocol of everything we write: a crash's leftovers are known by it (rtnetlink(7): values
/// above RTPROT_STATIC are free to use; `ip route show proto 237` lists them).
inline constexpr std::uint8_t kRoutingProtocol = 237;

/// A network device as the kernel has it now.
struct Device {
    struct Assigned {
        IpAddress address{};
        std::uint8_t length = 0;
        friend bool operator==(const Assigned&, const Assigned&) = default;
    };
    std::uint32_t index = 0;
    bool up = false;       // IFF_UP: routes can be added
    bool carrier = false;  // IFF_LOWER_UP
    std::vector<Assigned> addresses;
    bool made = false;  // by a launcher, see device_plan.hpp
    /// Null: it is not on the device.
    const Assigned* find(const IpAddress& address) const {
        for (const auto& assigned : addresses)
            if (assigned.address == address) return &assigned;
        return nullptr;
    }
    friend bool operator==(const Device&, const Device&) = default;
};
using Devices = std::map<std::string, Device>;

struct Rule {
    bool v6 = false;
    std::uint32_t pref = 0;
    std::uint32_t mark = 0;           // 0: any
    std::optional<IpAddress> from{};  // none: any
    std::uint32_t table = 0;          // 0: unreachable
    std::optional<UidRange> uids{};   // none: any
    std::string device{};             // that the socket is bound to; empty: any. No rule of ours
    friend auto operator<=>(const Rule&, const Rule&) = default;
};

struct TableRoute {
    std::uint32_t table = 0;
    IpPrefix to{};                     // length 0: default
    std::optional<IpAddress> gateway;  // none: on the link
    std::uint32_t device = 0;
    std::optional<IpAddress> source;
    friend auto operator<=>(const TableRoute&, const TableRoute&) = default;
};

struct Routing {
    std::vector<Rule> rules;
    std::vector<TableRoute> routes;
};

/// In the order in which to apply them, so that a line is closed rather than open half-way.
struct RoutingChanges {
    std::vector<TableRoute> add_routes;
    std::vector<Rule> add_rules;     // last preference first: `unreachable` stands before its `lookup` does
    std::vector<Rule> remove_rules;  // first preference first: `lookup` goes before its `unreachable`
    std::vector<TableRoute> remove_routes;
    bool empty() const {
        return add_routes.empty() && add_rules.empty() && remove_rules.empty() && remove_routes.empty();
    }
};

/// What the lines want on a host that has these devices. Routes only where the device is up and has the address: the
/// kernel refuses the others, and the line stays closed by its `unreachable` rule.
/// By mark alone where sockets are made with one, by the workers' uids as well where they are not.
enum class SteerBy { mark, uid };
Routing wanted_routing(const std::vector<Line>& lines, const Devices& devices, SteerBy by = SteerBy::mark);

RoutingChanges routing_changes(const Routing& actual, const Routing& wanted);

/// As `ip rule` and `ip route` print them, with the device by number.
std::string text_of(const Rule& rule);
std::string text_of(const TableRoute& route);

}  // namespace edge::launcher
