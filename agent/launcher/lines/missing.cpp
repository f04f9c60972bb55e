#include "agent/launcher/lines/missing.hpp"

#include <algorithm>
#include <utility>

#include "protocol/launcher/line_commands.hpp"

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMainTable = 32766;  // where its rule stands: ip-rule(8), which adds others before it

using Commands = std::vector<std::string>;

void miss_routes(const Line& line, const std::vector<TableRoute>& present, Commands& commands) {
    for (const bool v6 : {false, true}) {
        const bool wanted = std::any_of(line.addresses.begin(), line.addresses.end(),
                                        [v6](const IpAddress& address) { return address.v6 == v6; });
        const bool there = std::any_of(present.begin(), present.end(), [&](const TableRoute& route) {
            return route.table == line.table && route.to.length == 0 && route.to.address.v6 == v6;
        });
        if (!wanted || there) continue;
        const auto& gateway = v6 ? line.gateway6 : line.gateway4;
        commands.push_back(
            default_route_command(line.netns, v6, gateway ? gateway->text() : "", line.device, line.table));
    }
}

void miss_rules(const Line& line, const std::vector<Rule>& present, Commands& commands) {
    const auto need = [&](Rule wanted, const std::string& selector) {
        wanted.table = line.table;
        const bool there = std::any_of(present.begin(), present.end(), [&](Rule rule) {
            if (rule.pref >= kMainTable) return false;  // the main table's default answers first
            rule.pref = 0;                              // what else stands before it shows in the kernel's own answer
            return rule == wanted;
        });
        if (!there) commands.push_back(rule_command(wanted.v6, selector, line.table));
    };
    bool bound[2] = {false, false};  // by family
    for (const auto& address : line.addresses) {
        Rule by_device, by_address;
        by_device.v6 = by_address.v6 = address.v6;
        by_device.device = line.device;
        by_address.from = address;
        if (!std::exchange(bound[address.v6], true)) need(by_device, "oif " + line.device);
        need(by_address, "from " + address.text());
    }
}

void miss_device(const Line& line, const Devices& devices, Commands& commands) {
    const auto* device = device_of(line, devices);
    if (line.kind == LineKind::macvlan) {
        if (device == nullptr && devices.contains(line.device))
            commands.push_back("give line " + line.name + " another device: " + line.device + " is somebody else's");
        // Half-made, or refused to be put up again: one that is gone is made anew, with all that belongs to it.
        if (device != nullptr && !device->up) commands.push_back("ip link del " + line.device);
        if (!devices.contains(line.parent)) commands.push_back("ip link show " + line.parent);
    } else if (device != nullptr) {  // a macvlan's addresses are put back
        for (const auto& address : line.addresses)
            if (device->find(address) == nullptr)
                commands.push_back(address_command(line.netns, address.text(), line.device));
    }
}

}  // namespace

std::vector<std::string> missing(const std::vector<LineSeen>& lines) {
    Commands commands;
    for (const auto& seen : lines) {
        if (seen.routes) miss_routes(seen.line, *seen.routes, commands);
        if (seen.rules) miss_rules(seen.line, *seen.rules, commands);
    }
    for (const auto& seen : lines) miss_device(seen.line, seen.devices, commands);
    return commands;
}

}  // namespace edge::launcher
