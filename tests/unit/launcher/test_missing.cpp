// What an operator is told to do, as commands.
#include <doctest/doctest.h>

#include "agent/launcher/lines/missing.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

using Commands = std::vector<std::string>;

/// Whose device has the first line's addresses: `wan0`, with both families; `wan1`, without IPv6.
Line line(const std::string& name, std::vector<LineAddress> addresses, std::uint32_t number) {
    Line line;
    line.name = name;
    line.device = "wan" + std::to_string(number - 1);
    line.addresses = std::move(addresses);
    line.gateway4 = ip("100.64.9.1");
    line.table = 100 + number;
    line.mark = 0x100 + number;
    line.routes = Routes::external;
    return line;
}

const Line kTelecom = line("telecom", {ip("100.64.1.2"), ip("fd64:1::2")}, 1);
const Line kUnicom = line("unicom", {ip("100.64.2.2")}, 2);
const Devices kDevices{{"wan0", {5, true, true, {{ip("100.64.1.2"), 24}, {ip("fd64:1::2"), 64}}}},
                       {"wan1", {6, true, true, {{ip("100.64.2.2"), 32}}}}};

/// Default routes of both lines, as somebody else would write them.
std::vector<TableRoute> routes() {
    auto lines = std::vector<Line>{kTelecom, kUnicom};
    for (auto& one : lines) one.routes = Routes::managed;
    return wanted_routing(lines, kDevices).routes;
}

Line macvlan() {
    Line line = kTelecom;
    line.kind = LineKind::macvlan;
    line.device = "edge-telecom";
    line.parent = "wan0";
    line.routes = Routes::managed;
    return line;
}

Devices with(const std::string& name, Device device) {
    auto devices = kDevices;
    devices[name] = std::move(device);
    return devices;
}

Commands commands(const std::vector<LineSeen>& lines) {
    Commands all;
    for (const auto& one : missing(lines)) all.push_back(one.todo);
    return all;
}

}  // namespace

TEST_CASE("what an external line lacks is told as the command that adds it") {
    const auto seen = [](std::vector<TableRoute> present) {
        return std::vector<LineSeen>{{kTelecom, kDevices, present, {}}, {kUnicom, kDevices, present, {}}};
    };
    CHECK(commands(seen({})) == Commands{"ip route add default via 100.64.9.1 dev wan0 table 101",
                                         "ip -6 route add default dev wan0 table 101",
                                         "ip route add default via 100.64.9.1 dev wan1 table 102"});
    CHECK(commands(seen(routes())).empty());
    CHECK(commands({{kTelecom, kDevices}, {kUnicom, kDevices}}).empty());  // ours to write, or nobody to ask
    auto only_networks = routes();
    std::erase_if(only_networks, [](const TableRoute& route) { return route.to.length == 0; });
    CHECK(commands(seen(only_networks)).size() == 3);
    auto swapped = routes();
    for (auto& route : swapped) route.table = 203 - route.table;  // of the other line; 102 has no IPv6 to lend
    CHECK(commands(seen(swapped)) == Commands{"ip -6 route add default dev wan0 table 101"});
}

TEST_CASE("rules that an ordinary user's launcher lacks are told as the commands that add them") {
    const Commands all{"ip rule add oif wan0 lookup 101", "ip rule add from 100.64.1.2 lookup 101",
                       "ip -6 rule add oif wan0 lookup 101", "ip -6 rule add from fd64:1::2 lookup 101"};
    const auto missing_rules = [](const std::vector<Rule>& present) {
        return commands({{kTelecom, kDevices, routes(), present}});
    };
    CHECK(missing_rules({}) == all);
    Rule by_device, by_address;
    by_device.device = "wan0";
    by_device.table = by_address.table = 101;
    by_address.from = ip("100.64.1.2");
    by_device.pref = 7;  // wherever they stand
    CHECK(missing_rules({by_device, by_address}) == Commands{all[2], all[3]});
    by_device.pref = 40'000;  // behind the main table
    CHECK(missing_rules({by_device, by_address}) == Commands{all[0], all[2], all[3]});
    by_device.pref = 0;
    for (auto* wrong : {&by_device, &by_address}) {
        const Rule right = *wrong;
        SUBCASE("to another table") {
            wrong->table = 102;
        }
        SUBCASE("for a mark as well, which no worker's socket has") {
            wrong->mark = 0x101;
        }
        SUBCASE("for some users alone") {
            wrong->uids = UidRange{0, 5};
        }
        if (*wrong == right) continue;
        CHECK(missing_rules({by_device, by_address}).size() == 3);
        *wrong = right;
    }
}

TEST_CASE("what leads into the table and out of it in another way lacks nothing") {
    LineSeen seen{kTelecom, kDevices, std::vector<TableRoute>(), std::vector<Rule>()};
    CHECK(lacking(seen) == Lacking{.by_address = 0b11, .by_device = 0b11, .default_route = 0b11});
    seen.taken.by_device = {101, 254};  // `0.0.0.0/1` and `128.0.0.0/1`, and IPv6 by the main table
    CHECK(lacking(seen) == Lacking{.by_address = 0b11, .by_device = 0b10, .default_route = 0b10});
    seen.taken.by_address = {102, 101};  // `from fd64:1::/64`, and IPv4 by another line's table
    CHECK(lacking(seen) == Lacking{.by_address = 0b01, .by_device = 0b10, .default_route = 0b10});
    CHECK(commands({seen}) == Commands{"ip -6 route add default dev wan0 table 101",
                                       "ip rule add from 100.64.1.2 lookup 101", "ip -6 rule add oif wan0 lookup 101"});
    seen.rules.reset();  // they are ours
    CHECK(lacking(seen) == Lacking{.default_route = 0b10});
}

TEST_CASE("an address that is not on the line's device is told; without a device there is nothing to put it on") {
    auto bare = kDevices;
    bare.at("wan0").addresses.pop_back();
    CHECK(commands({{kTelecom, bare}}) == Commands{"ip address add fd64:1::2/PREFIX dev wan0"});
    Line said = kTelecom;
    said.addresses[1].length = 64;
    CHECK(commands({{said, bare}}) == Commands{"ip address add fd64:1::2/64 dev wan0"});
    bare.at("wan0").addresses = {{ip("100.64.9.9"), 24}};  // another's
    CHECK(commands({{kTelecom, bare}}) ==
          Commands{"ip address add 100.64.1.2/PREFIX dev wan0", "ip address add fd64:1::2/PREFIX dev wan0"});
    bare.erase("wan0");
    CHECK(commands({{kTelecom, bare}}).empty());
}

TEST_CASE("where the line is in another namespace, so are the commands") {
    Line inside = kUnicom;
    inside.kind = LineKind::netns;
    auto bare = kDevices;
    bare.at("wan1").addresses.clear();
    for (const auto& [netns, before] :
         {std::pair{"carrier-a", "ip netns exec carrier-a "}, std::pair{"/run/b", "nsenter --net=/run/b "}}) {
        inside.netns = netns;
        CHECK(commands({{inside, bare, std::vector<TableRoute>(), {}}}) ==
              Commands{before + std::string("ip route add default via 100.64.9.1 dev wan1 table 102"),
                       before + std::string("ip address add 100.64.2.2/PREFIX dev wan1")});
    }
    const Devices none;
    CHECK(commands({{inside, none}}).empty());  // it is not there
}

TEST_CASE("of a macvlan: a parent that is not there, a name that is taken, a device of ours that is down") {
    const Line line = macvlan();
    const Device ours{9, true, true, {}, true};
    CHECK(commands({{line, kDevices}}).empty());                    // made next
    CHECK(commands({{line, with("edge-telecom", ours)}}).empty());  // its addresses are put back
    CHECK(commands({{line, Devices{}}}) == Commands{"ip link show wan0"});
    auto theirs = ours;
    theirs.made = false;
    theirs.up = false;  // theirs to put up
    CHECK(commands({{line, with("edge-telecom", theirs)}}) ==
          Commands{"give it another device: edge-telecom is somebody else's"});
    auto down = ours;
    down.up = false;
    CHECK(commands({{line, with("edge-telecom", down)}}) == Commands{"ip link del edge-telecom"});
    auto plain_down = kDevices;
    plain_down.at("wan1").up = false;
    CHECK(commands({{kUnicom, plain_down}}).empty());  // not ours: a line that is down
}

TEST_CASE("routing is told of all lines before devices, as it can be mended without touching any") {
    auto bare = kDevices;
    bare.at("wan0").addresses.pop_back();
    bare.at("wan1").addresses.clear();
    const std::vector<TableRoute> none;
    CHECK(commands({{kTelecom, bare, none, {}}, {kUnicom, bare, none, {}}}) ==
          Commands{"ip route add default via 100.64.9.1 dev wan0 table 101",
                   "ip -6 route add default dev wan0 table 101",
                   "ip route add default via 100.64.9.1 dev wan1 table 102", "ip address add fd64:1::2/PREFIX dev wan0",
                   "ip address add 100.64.2.2/PREFIX dev wan1"});
}
