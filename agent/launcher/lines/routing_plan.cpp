#include "agent/launcher/lines/routing_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMarkPref = 10'000;  // before main (32766), behind local (0)
/// All `from` rules stand behind all mark rules: a worker that binds to another line's address keeps its own line's
/// table.
constexpr std::uint32_t kFromPref = kMarkPref + 10 * 100;

void add_rules(const Line& line, std::uint32_t nth, SteerBy by, std::vector<Rule>& rules) {
    for (const bool v6 : {false, true}) {  // both families, whatever addresses the line has: the other one is closed
        if (by == SteerBy::uid) {
            rules.push_back(Rule{v6, kMarkPref + 10 * nth + 2, 0, {}, line.table, line.uids});
            rules.push_back(Rule{v6, kMarkPref + 10 * nth + 3, 0, {}, 0, line.uids});
        }
        rules.push_back(Rule{v6, kMarkPref + 10 * nth, line.mark, {}, line.table});
        rules.push_back(Rule{v6, kMarkPref + 10 * nth + 1, line.mark, {}, 0});
    }
    std::uint32_t pref = kFromPref + 10 * nth;
    for (const auto& address : line.addresses) rules.push_back(Rule{address.v6, pref++, 0, address, line.table});
}

void add_routes(const Line& line, const Device& device, std::vector<TableRoute>& routes) {
    bool default_done[2] = {false, false};
    for (const auto& address : line.addresses) {
        const auto* assigned = device.find(address);
        if (assigned == nullptr) continue;
        const IpPrefix network = network_of(assigned->address, assigned->length);
        // Two addresses in one network: the first is the source there too. Two routes to it would replace each other.
        const bool there = std::any_of(routes.begin(), routes.end(), [&](const TableRoute& route) {
            return route.table == line.table && route.to == network;
        });
        if (!there && network.length < (address.v6 ? 128 : 32))
            routes.push_back(TableRoute{line.table, network, {}, device.index, address});
        if (std::exchange(default_done[address.v6], true)) continue;  // the first address of a family is the source
        IpPrefix all;
        all.address.v6 = address.v6;
        routes.push_back(
            TableRoute{line.table, all, address.v6 ? line.gateway6 : line.gateway4, device.index, address});
    }
}

template <class T>
std::vector<T> without(std::vector<T> from, std::vector<T> what) {
    std::sort(from.begin(), from.end());
    std::sort(what.begin(), what.end());
    std::vector<T> rest;
    std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::back_inserter(rest));
    return rest;
}

std::string hex(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

std::string target_of(const TableRoute& route) {
    return route.to.length == 0 ? "default" : route.to.text();
}

}  // namespace

Routing wanted_routing(const std::vector<Line>& lines, const Devices& devices, SteerBy by) {
    Routing wanted;
    for (std::uint32_t nth = 0; nth < lines.size(); ++nth) {
        add_rules(lines[nth], nth, by, wanted.rules);
        const auto device = devices.find(lines[nth].device);
        if (lines[nth].routes == Routes::managed && device != devices.end() && device->second.up)
            add_routes(lines[nth], device->second, wanted.routes);
    }
    return wanted;
}

RoutingChanges routing_changes(const Routing& actual, const Routing& wanted) {
    RoutingChanges changes;
    changes.add_routes = without(wanted.routes, actual.routes);
    std::stable_partition(changes.add_routes.begin(), changes.add_routes.end(),
                          [](const TableRoute& route) { return !route.gateway; });  // a gateway needs its network first
    changes.add_rules = without(wanted.rules, actual.rules);
    std::stable_sort(changes.add_rules.begin(), changes.add_rules.end(),
                     [](const Rule& a, const Rule& b) { return a.pref > b.pref; });
    changes.remove_rules = without(actual.rules, wanted.rules);
    std::stable_sort(changes.remove_rules.begin(), changes.remove_rules.end(),
                     [](const Rule& a, const Rule& b) { return a.pref < b.pref; });
    changes.remove_routes = without(actual.routes, wanted.routes);
    return changes;
}

std::string text_of(const Rule& rule) {
    return std::string(rule.v6 ? "6 " : "4 ") + std::to_string(rule.pref) + ": from " +
           (rule.from ? rule.from->text() : "all") + (rule.mark != 0 ? " fwmark " + hex(rule.mark) : "") +
           (rule.uids ? " uidrange " + std::to_string(rule.uids->first) + "-" + std::to_string(rule.uids->last) : "") +
           (rule.table != 0 ? " lookup " + std::to_string(rule.table) : " unreachable");
}

std::string text_of(const TableRoute& route) {
    return std::string(route.to.address.v6 ? "6 " : "4 ") + target_of(route) +
           (route.gateway ? " via " + route.gateway->text() : "") + " dev #" + std::to_string(route.device) +
           " table " + std::to_string(route.table) + (route.source ? " src " + route.source->text() : "");
}

}  // namespace edge::launcher
