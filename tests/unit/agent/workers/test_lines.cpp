#include "agent/workers/lines.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

#include "agent/workers/verdict.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;

TEST_CASE("a line is told in the link's words") {
    const auto line = line_from(line_info(0, "telecom"));
    REQUIRE(line);
    CHECK(line.value().up);
    CHECK(line.value().report.state == link::LineState::up);
    CHECK(line.value().report.addresses == std::vector<std::string>{"100.64.1.2"});
    CHECK(line.value().report.resolvers == std::vector<std::string>{"100.64.1.53"});
    CHECK(line.value().facts.enforced_by == EnforcedBy::bpf);
    CHECK(line.value().facts.ifindex == 7);
    CHECK(line.value().towards == "100.64.1.1");
}

TEST_CASE("a line without carrier or device is down and says why") {
    auto info = line_info(0, "telecom", false);
    CHECK(line_from(info).value().report.reason == "no carrier on the device");
    info.ifindex = 0;
    info.link_up = 1;
    CHECK(!line_from(info).value().up);
    CHECK(line_from(info).value().report.reason == "the device is not there");
}

TEST_CASE("a line says where it is, and that its namespace is not there") {
    auto info = line_info(0, "telecom");
    info.kind = launcher::LineBy::macvlan;
    std::strcpy(info.place, "eth0");
    CHECK(line_from(info).value().parent == "eth0");
    CHECK(line_from(info).value().netns.empty());
    info.kind = launcher::LineBy::netns;
    std::strcpy(info.place, "modem");
    info.closed = launcher::Closed::no_namespace;
    const Line line = line_from(info).value();
    CHECK(line.parent.empty());
    CHECK(line.netns == "modem");
    CHECK_FALSE(line.up);
    CHECK(line.report.reason == "its network namespace is not there");
}

TEST_CASE("a line whose day is spent is down although its link is up, and tasks fail as the line's") {
    auto info = line_info(0, "telecom");
    info.closed = launcher::Closed::day_spent;
    const Line line = line_from(info).value();
    CHECK_FALSE(line.up);
    CHECK(line.report.state == link::LineState::down);
    CHECK(line.report.reason == "day's bytes are spent");
    const auto report = link_down_report(line);
    CHECK(report.failure->source == Source::line);
    CHECK(report.failure->text.find("day's bytes are spent") != std::string::npos);
}

TEST_CASE("addresses that the device does not have are named, and gateways are kept apart by family") {
    auto info = line_info(0, "telecom");
    info.addresses[1] = *address_from("fd64:1::2");
    info.gateway6 = *address_from("fd64:1::1");
    CHECK(line_from(info).value().absent.empty());
    info.absent = 2;
    CHECK(line_from(info).value().absent == std::vector<std::string>{"fd64:1::2"});
    CHECK(line_from(info).value().gateways == std::vector<std::string>{"100.64.1.1", "fd64:1::1"});
}

TEST_CASE("a name that is none is refused, also one without an end") {
    auto info = line_info(0, "Telecom!");
    CHECK(!line_from(info));
    std::memset(info.name.text, 'a', sizeof info.name.text);
    CHECK(!line_from(info));
}

TEST_CASE("a route is told with the kernel's word for its error") {
    auto route = good_route();
    CHECK(route_from(route).route.oif == "wan0");
    CHECK(route_from(route).route.gw == "100.64.1.1");
    CHECK(route_from(route).link_up);
    route = {};
    route.error = ENETUNREACH;
    CHECK(route_from(route).route.error == "ENETUNREACH");
    CHECK(!route_from(route).link_up);
}

TEST_CASE("addresses go both ways") {
    CHECK(address_from("100.64.1.2")->family == AF_INET);
    CHECK(address_from("2001:db8::1")->family == AF_INET6);
    CHECK(!address_from("lab.test"));
    CHECK(!address_from(""));
}
