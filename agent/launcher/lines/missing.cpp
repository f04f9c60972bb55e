#include "agent/launcher/lines/missing.hpp"

#include <algorithm>

#include "protocol/launcher/line_commands.hpp"

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMainTable = 32766;  // where its rule stands: ip-rule(8), which adds others before it

bool is_there(const std::vector<Rule>& present, const Rule& wanted) {
    return std::any_of(present.begin(), present.end(), [&](Rule rule) {
        if (rule.pref >= kMainTable) return false;  // the main table's default answers first
        rule.pref = 0;                              // what else stands before it shows in the kernel's own answer
        return rule == wanted;
    });
}

void miss_routing(const Line& line, const Lacking& lacks, std::vector<Missing>& all) {
    for (const bool v6 : {false, true}) {
        const auto& gateway = v6 ? line.gateway6 : line.gateway4;
        if ((lacks.default_route >> v6 & 1) != 0)
            all.push_back({line.name, default_route_command(line.netns, v6, gateway ? gateway->text() : "", line.device,
                                                            line.table)});
    }
    for (const bool v6 : {false, true}) {
        if ((lacks.by_device >> v6 & 1) != 0)
            all.push_back({line.name, rule_command(v6, "oif " + line.device, line.table)});
        for (std::size_t i = 0; i < line.addresses.size(); ++i)
            if ((lacks.by_address >> i & 1) != 0 && line.addresses[i].v6 == v6)
                all.push_back({line.name, rule_command(v6, "from " + line.addresses[i].text(), line.table)});
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

Lacking lacking(const LineSeen& seen) {
    const Line& line = seen.line;
    Lacking lacks;
    for (const bool v6 : {false, true}) {
        if (!line.has_family(v6) || seen.taken.by_device[v6] == line.table) continue;
        const std::uint32_t bit = v6 ? 2 : 1;
        const auto is_default = [&](const TableRoute& route) {
            return route.table == line.table && route.to.length == 0 && route.to.address.v6 == v6;
        };
        if (seen.routes && std::none_of(seen.routes->begin(), seen.routes->end(), is_default))
            lacks.default_route |= bit;
        if (seen.rules && !is_there(*seen.rules, {.v6 = v6, .table = line.table, .device = line.device}))
            lacks.by_device |= bit;
    }
    for (std::size_t i = 0; seen.rules && i < line.addresses.size(); ++i) {
        const IpAddress& address = line.addresses[i];
        if (seen.taken.by_address[i] != line.table &&
            !is_there(*seen.rules, {.v6 = address.v6, .from = address, .table = line.table}))
            lacks.by_address |= std::uint32_t{1} << i;
    }
    return lacks;
}

std::vector<Missing> missing(const std::vector<LineSeen>& lines) {
    std::vector<Missing> all;
    for (const auto& seen : lines) miss_routing(seen.line, lacking(seen), all);
    for (const auto& seen : lines) miss_device(seen.line, seen.devices, all);
    return all;
}

}  // namespace edge::launcher
