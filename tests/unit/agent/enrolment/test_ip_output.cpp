#include <doctest/doctest.h>

#include "agent/enrolment/ip_output.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

// As iproute2 6.1.0 printed them.
constexpr const char* kAddress =
    R"([{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"link_type":"[772]","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"254","label":"lo","valid_life_time":4294967295,"preferred_life_time":4294967295}]},{},)"
    R"({"ifindex":3,"link":"far0","ifname":"wan0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","group":"0","link_type":"[1]","altnames":["ct-uplink"],"addr_info":[{"family":"inet","local":"10.1.1.1","address":"10.2.2.2","prefixlen":32,"scope":"0","label":"wan0"},{"family":"inet","local":"192.0.2.5","prefixlen":24,"scope":"0","dynamic":true,"label":"wan0"},{"family":"inet6","local":"2001:db8::7","prefixlen":64,"scope":"0","deprecated":true,"tentative":true,"dynamic":true},{"family":"inet6","local":"2001:db8::8","prefixlen":64,"scope":"0","temporary":true,"dynamic":true},{"family":"inet6","local":"fd00::1","prefixlen":64,"scope":"0","nodad":true},{"family":"inet6","local":"fe80::f091:a3ff:fe39:68eb","prefixlen":64,"scope":"253"}]},)"
    R"({"ifindex":5,"ifname":"tun0","flags":["POINTOPOINT","MULTICAST","NOARP"],"mtu":1500,"operstate":"DOWN","link_type":"[65534]","addr_info":[]}])";

constexpr const char* kRoutes =
    R"([{"dst":"default","table":"101","protocol":"237","prefsrc":"192.0.2.5","flags":[],"nexthops":[{"gateway":"192.0.2.1","dev":"wan0","weight":1,"flags":[]}]},)"
    R"({"dst":"default","table":"102","prefsrc":"192.0.2.5","flags":[],"nexthops":[{"gateway":"192.0.2.1","dev":"wan0","weight":1,"flags":[]},{"dev":"ppp0","weight":2,"flags":[]}]},)"
    R"({"dst":"default","dev":"wan0","table":"103","scope":"253","flags":[]},{"dst":"default","gateway":"192.0.2.1","dev":"wan0","metric":100,"flags":[]},)"
    R"({"type":"7","dst":"default","dev":"lo","metric":5000,"flags":[],"pref":"medium"}])";

}  // namespace

TEST_CASE("devices are told with the addresses that can be a line's") {
    NetworkFacts facts;
    REQUIRE(add_devices(kAddress, facts));
    REQUIRE(facts.devices.size() == 2);
    const auto& wan = facts.devices[0];
    CHECK(wan.name == "wan0");
    CHECK(wan.other_names == std::vector<std::string>{"ct-uplink"});
    CHECK(wan.index == 3);
    CHECK(wan.has_carrier);
    CHECK_FALSE(wan.is_tunnel);
    REQUIRE(wan.addresses.size() == 3);
    CHECK(wan.addresses[0].ip.text() == "10.1.1.1");
    CHECK(wan.addresses[1].length == 24);
    CHECK(wan.addresses[1].is_leased);
    CHECK(wan.addresses[2].ip.text() == "fd00::1");
    CHECK_FALSE(wan.addresses[2].is_leased);
    CHECK(facts.devices[1].is_tunnel);
    CHECK_FALSE(facts.devices[1].has_carrier);
}

TEST_CASE("default routes are told hop by hop; what edge-launcher wrote and what leads nowhere only uses a table") {
    NetworkFacts facts;
    REQUIRE(add_routes(kRoutes, false, facts));
    REQUIRE(facts.routes.size() == 4);
    CHECK(facts.routes[0].table == 102);
    CHECK(facts.routes[0].gateway->text() == "192.0.2.1");
    CHECK(facts.routes[0].source->text() == "192.0.2.5");
    CHECK(facts.routes[1].device == "ppp0");
    CHECK_FALSE(facts.routes[1].gateway);
    CHECK(facts.routes[2].table == 103);
    CHECK(facts.routes[3].table == 254);
    CHECK(facts.routes[3].metric == 100);
    CHECK(facts.tables == std::set<std::uint32_t>{101, 102, 103, 254});
}

TEST_CASE("rules tell the tables and marks that are taken") {
    NetworkFacts facts;
    REQUIRE(add_rules(
        R"([{"priority":0,"src":"all","table":"255"},{"priority":32764,"src":"all","fwmark":"0x5","table":"300"},{"priority":32765,"src":"all","fwmark":"0x101","fwmask":"0xff","table":"101"},{"priority":9,"src":"all","fwmark":"0x7","action":"unreachable"}])",
        facts));
    CHECK(facts.tables == std::set<std::uint32_t>{101, 255, 300});
    REQUIRE(facts.marks.size() == 3);
    CHECK(facts.marks[0].mask == 0xffffffff);
    CHECK(facts.marks[1].value == 0x101);
    CHECK(facts.marks[1].mask == 0xff);
}

TEST_CASE("nothing printed is nothing there, and what is not understood is an error") {
    NetworkFacts facts;
    CHECK(add_devices("", facts));
    CHECK(add_routes("", true, facts));
    CHECK_FALSE(add_devices("Object \"-j\" is unknown", facts));
    CHECK_FALSE(add_routes(R"([{"dst":"default","dev":"eth0","table":"main"}])", false, facts));
    CHECK_FALSE(add_rules(R"({"priority":0})", facts));
}

TEST_CASE("resolvers are those of resolv.conf and of a lease, without a stub and each once") {
    const auto found = resolvers_in(
        "# a comment\nnameserver 127.0.0.53\nsearch lab\nnameserver\t9.9.9.9 \nnameserver 9.9.9.9\n"
        "nameserver fe80::1%eth0\nnameserver ::1\noptions edns0\nnameserver 2620:fe::fe");
    std::vector<std::string> texts;
    for (const auto& one : found) texts.push_back(one.text());
    CHECK(texts == std::vector<std::string>{"9.9.9.9", "fe80::1", "2620:fe::fe"});
    CHECK(resolvers_in("nameserver 127.0.0.1\n").empty());
    CHECK(resolvers_in_lease("# This is private data.\nADDRESS=192.0.2.5\nDNS=192.0.2.53 192.0.2.54\nNTP=192.0.2.1\n")
              .size() == 2);
}
