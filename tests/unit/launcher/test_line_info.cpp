// What clients are told of a line and of the way from it.
#include <doctest/doctest.h>

#include <cerrno>

#include "agent/launcher/lines/line_info.hpp"
#include "agent/launcher/packets.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

Line telecom() {
    Line line;
    line.name = "telecom";
    line.carrier = "ct";
    line.device = "wan0";
    line.addresses = {ip("100.64.1.2"), ip("fd64:1::2"), ip("100.64.1.3")};
    line.gateway4 = ip("100.64.1.1");
    line.table = 101;
    line.mark = 0x101;
    line.resolvers = {ip("198.51.100.10")};
    return line;
}

}  // namespace

TEST_CASE("a line is told with its file's words, and which of its addresses are not on the device") {
    const Device device{7, true, true, {{ip("100.64.1.2"), 24}, {ip("100.64.1.9"), 24}}};
    const auto info = line_info(telecom(), &device);
    CHECK(std::string(info.name.text) == "telecom");
    CHECK(std::string(info.carrier) == "ct");
    CHECK(std::string(info.ifname) == "wan0");
    CHECK(std::string(info.place) == "");
    CHECK(info.kind == LineBy::device);
    CHECK(info.ifindex == 7);
    CHECK(info.link_up == 1);
    CHECK(info.mark == 0x101);
    CHECK(info.table == 101);
    CHECK(info.absent == 0b110);
    CHECK(address_in(info.addresses[2]) == ip("100.64.1.3"));
    CHECK_FALSE(address_in(info.addresses[3]));
    CHECK(address_in(info.resolvers[0]) == ip("198.51.100.10"));
    CHECK(address_in(info.gateway4) == ip("100.64.1.1"));
    CHECK_FALSE(address_in(info.gateway6));
    const auto none = line_info(telecom(), nullptr);
    CHECK(none.ifindex == 0);
    CHECK(none.link_up == 0);
    CHECK(none.absent == 0b111);
}

TEST_CASE("a link is up when its device is and has a carrier") {
    for (const bool up : {false, true})
        for (const bool carrier : {false, true}) {
            const Device device{7, up, carrier, {}};
            CHECK((line_info(telecom(), &device).link_up != 0) == (up && carrier));
        }
}

TEST_CASE("a line's place is what it is made on, or the namespace it is in") {
    Line line = telecom();
    line.kind = LineKind::macvlan;
    line.parent = "eth0";
    CHECK(line_info(line, nullptr).kind == LineBy::macvlan);
    CHECK(std::string(line_info(line, nullptr).place) == "eth0");
    line.kind = LineKind::netns;
    line.netns = "carrier-a";
    CHECK(std::string(line_info(line, nullptr).place) == "carrier-a");
    line.netns = "/" + std::string(500, 'x');  // cut, with its NUL
    CHECK(std::string(line_info(line, nullptr).place).size() == sizeof(LineInfo::place) - 1);
}

TEST_CASE("an answer has the device's name; one without a route adds nothing but its error") {
    const Devices devices{{"lo", {1, true, true, {}}}, {"wan0", {7, true, true, {}}}};
    RouteAnswer answer;
    answer.device = 7;
    answer.table = 101;
    answer.gateway = ip("100.64.1.1");
    Route route;
    route.mark = 0x101;
    add_answer(answer, devices, route);
    CHECK(route.error == 0);
    CHECK(route.mark == 0x101);
    CHECK(route.ifindex == 7);
    CHECK(route.table == 101);
    CHECK(std::string(route.ifname) == "wan0");
    CHECK(address_in(route.gateway) == ip("100.64.1.1"));
    CHECK_FALSE(address_in(route.source));
    answer.error = ENETUNREACH;
    Route refused;
    add_answer(answer, devices, refused);
    CHECK(refused.error == ENETUNREACH);
    CHECK(refused.ifindex == 0);
    CHECK(refused.table == 0);
    CHECK(std::string(refused.ifname) == "");
}
