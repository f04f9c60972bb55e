#include "agent/launcher/lines/missing.hpp"

#include <algorithm>
#include <utility>

#include "protocol/launcher/line_commands.hpp"

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMainTable = 32766;  // where its rule stands: ip-rule(8), which adds others before it

void miss_routes(const Line& line, const std::vector<TableRoute>& present, std::vector<Missing>& all) {
    for (const bool v6 : {false, true}) {
        const bool there = std::any_of(present.begin(), present.end(), [&](const TableRoute& route) {
            return route.table == line.table && route.to.length == 0 && route.to.address.v6 == v6;
        });
        if (!line.has_family(v6) || there) continue;
        const auto& gateway = v6 ? line.gateway6 : line.gateway4;
        all.push_back({line.name,
                       default_route_command(line.netns, v6, gateway ? gateway->text() : "", line.device, line.table)});
    }
}

void miss_rules(const Line& line, const std::vector<Rule>& present, std::vector<Missing>& all) {
    const auto need = [&](Rule wanted, const std::string& selector) {
        wanted.table = line.table;
        const bool there = std::any_of(present.begin(), present.end(), [&](Rule rule) {
            if (rule.pref >= kMainTable) return false;  // the main table's default answers first
            rule.pref = 0;                              // what else stands before it shows in the kernel's own answer
            return rule == wanted;
        });
        if (!there) all.push_back({line.name, rule_command(wanted.v6, selector, line.table)});
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

void miss_device(const Line& line, const Devices& devices, std::vector<Missing>& all) {
    const auto* device = device_of(line, devices);
    if (line.kind == LineKind::macvlan) {
        if (device == nullptr && devices.contains(line.device))
            all.push_back({line.name, "give it another device: " + line.device + " is somebody else's"});
        // Half-made, or refused to be put up again: one that is gone is made anew, with all that belongs to it.
        if (device != nullptr && !device->up) all.push_back({line.name, "ip link del " + line.device});
        if (!devices.contains(line.parent)) all.push_back({line.name, "ip link show " + line.parent});
    } else if (device != nullptr) {  // a macvlan's addresses are put back
        for (const auto& address : line.addresses)
            if (device->find(address) == nullptr)
                all.push_back({line.name, address_command(line.netns, address.text(), line.device, address.length)});
    }
}

}  // namespace

std::vector<Missing> missing(const std::vector<LineSeen>& lines) {
    std::vector<Missing> all;
    for (const auto& seen : lines) {
        if (seen.routes) miss_routes(seen.line, *seen.routes, all);
        if (seen.rules) miss_rules(seen.line, *seen.rules, all);
    }
    for (const auto& seen : lines) miss_device(seen.line, seen.devices, all);
    return all;
}

}  // namespace edge::launcher
