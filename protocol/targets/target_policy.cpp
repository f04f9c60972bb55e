#include "protocol/targets/target_policy.hpp"

#include <algorithm>

#include "protocol/targets/special_ranges.hpp"

namespace edge {
namespace {

template <class T>
bool holds(const std::vector<T>& all, const T& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::string unlisted(std::uint16_t port) {
    return "port " + std::to_string(port) + " is not one the node's policy allows";
}

bool covers(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const IpPrefix& p) { return p.contains(address); });
}

}  // namespace

TargetPolicy TargetPolicy::unrestricted() {
    TargetPolicy policy;
    policy.services = {Service::dns, Service::http, Service::ping};
    policy.allow = {IpPrefix::parse("0.0.0.0/0").value(), IpPrefix::parse("::/0").value()};
    return policy;
}

bool TargetPolicy::runs(Service service) const {
    return holds(services, service);
}

bool TargetPolicy::lists(std::uint16_t port) const {
    return ports.empty() || holds(ports, port);
}

std::optional<std::string> TargetPolicy::port_refusal(std::uint16_t port) const {
    const auto opens = [port](const TargetPort& one) { return one.port == port; };
    if (lists(port) || std::any_of(only.begin(), only.end(), opens)) return std::nullopt;
    return unlisted(port);
}

std::optional<std::string> TargetPolicy::refusal(const IpAddress& address, std::optional<std::uint16_t> port,
                                                 Transport transport) const {
    if (port == 53 && holds(resolvers, address)) return std::nullopt;
    if (holds(own_addresses, address)) return address.text() + " is an address of the node itself";
    if (port && transport == Transport::tcp && holds(only, TargetPort{address, *port})) return std::nullopt;
    std::vector<IpAddress> stands_for = embedded_v4(address);
    stands_for.insert(stands_for.begin(), address);
    for (const IpAddress& one : stands_for) {
        const std::string who = one == address ? one.text() : address.text() + ", which leads to " + one.text() + ",";
        if (covers(deny, one)) return who + " is denied by the node's policy";
        if (covers(allow, one)) continue;
        if (const auto range = special_range(one)) {
            return who + " is in " + range->prefix.text() + ", " + std::string(range->what) +
                   ", which the node's policy does not allow";
        }
    }
    if (port && !lists(*port)) return unlisted(*port);
    return std::nullopt;
}

}  // namespace edge
