// The same suite on the fake that the unit tests use and on rtnetlink.
#include <doctest/doctest.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <functional>
#include <utility>

#include "agent/launcher/lines/netlink_messages.hpp"
#include "agent/launcher/lines/network.hpp"
#include "agent/launcher/os/netlink.hpp"
#include "carriers.hpp"
#include "fake_network.hpp"
#include "launcher_process.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

std::string text_of(const Routing& routing) {
    std::vector<std::string> lines;
    for (const auto& rule : routing.rules) lines.push_back(text_of(rule));
    for (const auto& route : routing.routes) lines.push_back(text_of(route));
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const auto& line : lines) all += line + "\n";
    return all;
}

void holds_what_it_was_given(Network& network) {
    const auto devices = network.devices();
    REQUIRE(devices);
    REQUIRE(devices.value().contains("wan0"));
    const Device& wan = devices.value().at("wan0");
    CHECK(wan.up);
    CHECK(wan.carrier);
    CHECK(std::count(wan.addresses.begin(), wan.addresses.end(), Device::Assigned{ip("100.64.1.2"), 24}) == 1);
    CHECK(std::count(wan.addresses.begin(), wan.addresses.end(), Device::Assigned{ip("fd64:1::2"), 64}) == 1);

    RoutingChanges add;
    add.add_rules = {Rule{false, 10001, 0x101, {}, 0}, Rule{false, 10000, 0x101, {}, 101},
                     Rule{true, 10000, 0x101, {}, 101}, Rule{true, 11001, 0, ip("fd64:1::2"), 101}};
    add.add_routes = {TableRoute{101, net("100.64.1.0/24"), {}, wan.index, ip("100.64.1.2")},
                      TableRoute{101, net("0.0.0.0/0"), ip("100.64.1.1"), wan.index, ip("100.64.1.2")},
                      TableRoute{101, net("::/0"), ip("fd64:1::1"), wan.index, ip("fd64:1::2")}};
    const std::string device = "#" + std::to_string(wan.index);
    const std::string expected = "4 100.64.1.0/24 dev " + device +
                                 " table 101 src 100.64.1.2\n"
                                 "4 10000: from all fwmark 0x101 lookup 101\n"
                                 "4 10001: from all fwmark 0x101 unreachable\n"
                                 "4 default via 100.64.1.1 dev " +
                                 device +
                                 " table 101 src 100.64.1.2\n"
                                 "6 10000: from all fwmark 0x101 lookup 101\n"
                                 "6 11001: from fd64:1::2 lookup 101\n"
                                 "6 default via fd64:1::1 dev " +
                                 device + " table 101 src fd64:1::2\n";
    for (int twice = 0; twice < 2; ++twice) {  // what is there already is no error
        CHECK(network.apply(add).empty());
        CHECK(text_of(network.owned().value()) == expected);
    }
    CHECK(network.table(101).value().size() == 3);

    const auto answer = network.route_get(ip("198.51.100.10"), {wan.index, 0x101});
    REQUIRE(answer);
    CHECK(answer.value().error == 0);
    CHECK(answer.value().table == 101);
    CHECK(answer.value().device == wan.index);
    CHECK(answer.value().gateway == ip("100.64.1.1"));

    RoutingChanges other_gateway;
    other_gateway.add_routes = {TableRoute{101, net("0.0.0.0/0"), ip("100.64.1.9"), wan.index, ip("100.64.1.2")}};
    other_gateway.remove_routes = {add.add_routes[1]};
    CHECK(network.apply(other_gateway).empty());
    CHECK(network.route_get(ip("198.51.100.10"), {wan.index, 0x101}).value().gateway == ip("100.64.1.9"));

    const auto owned = network.owned().value();
    for (int twice = 0; twice < 2; ++twice) {  // nor is what has gone
        RoutingChanges remove;
        remove.remove_rules = owned.rules;
        remove.remove_routes = owned.routes;
        CHECK(network.apply(remove).empty());
        CHECK(text_of(network.owned().value()) == "");
    }
    CHECK(network.route_get(ip("2001:db8::10"), {wan.index + 1000, 0x101}).value().error != 0);

    RoutingChanges by_uid;  // a socket that no guard binds or marks
    by_uid.add_routes = {TableRoute{101, net("100.64.1.0/24"), {}, wan.index, ip("100.64.1.2")},
                         TableRoute{101, net("0.0.0.0/0"), ip("100.64.1.1"), wan.index, ip("100.64.1.2")}};
    by_uid.add_rules = {Rule{false, 10003, 0, {}, 0, UidRange{70001, 70009}},
                        Rule{false, 10002, 0, {}, 101, UidRange{70001, 70009}}};
    CHECK(network.apply(by_uid).empty());
    CHECK(text_of(network.owned().value()).find("4 10002: from all uidrange 70001-70009 lookup 101\n") !=
          std::string::npos);
    for (const std::uint32_t uid : {70001U, 70009U}) {
        const auto way = network.route_get(ip("198.51.100.10"), {.uid = uid}).value();
        CHECK(way.device == wan.index);
        CHECK(way.table == 101);
    }
    CHECK(network.route_get(ip("198.51.100.10"), {.uid = 70010}).value().table != 101);
    by_uid.remove_routes = std::exchange(by_uid.add_routes, {});
    by_uid.add_rules.clear();
    CHECK(network.apply(by_uid).empty());
    CHECK(network.route_get(ip("198.51.100.10"), {.uid = 70001}).value().error != 0);
    CHECK(
        network
            .apply(RoutingChanges{
                .add_routes = {}, .add_rules = {}, .remove_rules = network.owned().value().rules, .remove_routes = {}})
            .empty());

    RoutingChanges impossible;
    impossible.add_routes = {TableRoute{101, net("0.0.0.0/0"), ip("100.64.1.1"), 4000, {}}};
    impossible.add_rules = {Rule{false, 10000, 0x101, {}, 101}};
    const auto failures = network.apply(impossible);  // one failure, and the rest is done all the same
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].os_errno == ENODEV);
    CHECK(failures[0].where == "4 default via 100.64.1.1 dev #4000 table 101");
    CHECK(network.owned().value().rules.size() == 1);
}

void makes_and_removes_devices(Network& network, const std::function<void()>& put_down) {
    const auto find = [&](const std::string& name) {
        const auto devices = network.devices().value();
        const auto found = devices.find(name);
        return found == devices.end() ? std::optional<Device>() : found->second;
    };
    const std::uint32_t parent = find("wan0")->index;
    DeviceChanges make;
    make.make = {{"edge-m", parent, {}}};
    CHECK(network.apply(make).empty());
    const auto made = find("edge-m");
    REQUIRE(made);
    CHECK(made->made);
    CHECK(made->up);
    CHECK_FALSE(find("wan0")->made);
    const auto again = network.apply(make);
    REQUIRE(again.size() == 1);
    CHECK(again[0].os_errno == EEXIST);
    CHECK(again[0].where == "device edge-m");

    DeviceChanges assign;
    assign.assign = {{made->index, {ip("100.64.1.9"), 24}}, {made->index, {ip("fd64:1::9"), 64}}};
    CHECK(network.apply(assign).empty());
    const auto now = find("edge-m")->addresses;  // at once: nothing waits for duplicates
    for (const auto& one : assign.assign) CHECK(std::count(now.begin(), now.end(), one.address) == 1);

    put_down();
    REQUIRE_FALSE(find("edge-m")->up);
    DeviceChanges raise;
    raise.raise = {{"edge-m", made->index}};
    for (int twice = 0; twice < 2; ++twice) {
        CHECK(network.apply(raise).empty());
        CHECK(find("edge-m")->up);
        CHECK(find("edge-m")->index == made->index);
    }

    DeviceChanges remove;
    remove.remove = {made->index};
    for (int twice = 0; twice < 2; ++twice) CHECK(network.apply(remove).empty());
    CHECK_FALSE(find("edge-m"));
    CHECK(network.apply(raise).empty());  // what has gone is no error
    CHECK(find("wan0"));
    DeviceChanges impossible;
    impossible.make = {{"edge-m", 4000, {}}};
    CHECK(network.apply(impossible).size() == 1);
}

}  // namespace

TEST_CASE("the fake network holds what it was given") {
    FakeNetwork network;
    network.add_device("wan0", {7, true, true, {{ip("100.64.1.2"), 24}, {ip("fd64:1::2"), 64}}});
    holds_what_it_was_given(network);
    makes_and_removes_devices(network, [&] { network.put_down("edge-m"); });
}

TEST_CASE("the kernel's network holds what it was given") {
    shared_carriers();
    const auto network = open_kernel_network();
    REQUIRE(network);
    holds_what_it_was_given(*network.value());
    makes_and_removes_devices(*network.value(), [] { sh("ip link set edge-m down"); });
}

TEST_CASE("events are read away and name what changed; when some were lost, that is told") {
    shared_carriers();
    auto events = Netlink::subscribe({RTNLGRP_IPV4_ROUTE});
    REQUIRE(events);
    std::vector<std::uint32_t> tables;
    const auto see = [&](const nlmsghdr* event) { tables.push_back(change_in(event).table); };
    CHECK(events.value().drain(see));
    CHECK(tables.empty());
    sh("ip route add 203.0.113.0/24 dev lo table 104; ip route add unreachable 203.0.113.0/24 table 1030");
    CHECK(events.value().drain(see));
    CHECK(tables == std::vector<std::uint32_t>{104, 1030});
    CHECK(events.value().drain(see));
    CHECK(tables.size() == 2);
    sh("ip route flush table 104");

    ConfigFolder folder;
    std::ofstream batch(folder.path() + "/batch");  // more than the 212,992 bytes that a socket holds by default
    for (int n = 0; n < 1500; ++n) batch << "route add 203.0.113.0/24 dev lo table 104 metric " << n << "\n";
    batch.close();
    sh("ip -batch " + folder.path() + "/batch; ip route flush table 1030; ip route flush table 104");
    CHECK_FALSE(events.value().drain([](const nlmsghdr*) {}));
}
