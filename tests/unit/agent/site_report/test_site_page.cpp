#include <doctest/doctest.h>

#include "agent/site_report/site_page.hpp"

using namespace edge::agent;

TEST_CASE("what ip(8) shows is undone by what it takes") {
    CHECK(undo_of_rule("10000:\tfrom all fwmark 0x101 lookup 101 proto 237", false) ==
          "ip rule del pref 10000 from all fwmark 0x101 lookup 101");
    CHECK(undo_of_rule("10001:\tfrom all fwmark 0x101 unreachable proto 237", true) ==
          "ip -6 rule del pref 10001 from all fwmark 0x101 unreachable");
    CHECK(undo_of_route("default via 100.64.1.1 dev wan0 table 101 proto 237 src 100.64.1.2", false) ==
          "ip route del default via 100.64.1.1 dev wan0 table 101 src 100.64.1.2");
    CHECK(undo_of_route("default via fd64:1::1 dev wan0 table 101 proto 237 src fd64:1::2 metric 1024 pref medium",
                        true) == "ip -6 route del default via fd64:1::1 dev wan0 table 101 src fd64:1::2 metric 1024");
    CHECK(undo_of_rule("", false) == "");
    CHECK(undo_of_rule("nothing", false) == "");
    CHECK(undo_of_route("", true) == "");
}

TEST_CASE("the page has every fact in both languages, and says where there is none") {
    SiteFacts facts;
    facts.host = "gz-1";
    facts.kernel = "6.1.0";
    facts.broker = "https://broker.example:8443";
    facts.lines = {{"telecom", "wan0", "bpf", {"100.64.1.2"}, 0x101, 101},
                   {"mobile", "edge-mobile", "bpf", {"100.64.3.2"}, 0x103, 103, "eth0"},
                   {"lab", "wan9", "bpf", {"100.64.9.2"}, 0x109, 109, "", "carrier-a"}};
    facts.rules4 = {"10000:\tfrom all fwmark 0x101 lookup 101 proto 237"};
    facts.groups = {"/sys/fs/cgroup/edge/line-telecom"};
    facts.group_name = "edge";
    facts.first_uid = 70000;
    facts.last_uid = 70255;
    facts.bytes_per_s = 125000;
    for (const auto language : {Language::en, Language::zh}) {
        const auto page = site_page(facts, language);
        for (const char* fact :
             {"gz-1", "6.1.0", "https://broker.example:8443", "telecom", "wan0 100.64.1.2", "0x101",
              "macvlan `edge-mobile` (eth0)", "`carrier-a`", "`ip link del edge-mobile`", "ip rule del pref 10000",
              "/sys/fs/cgroup/edge/line-telecom", "edge-launcher --cleanup --cgroup edge", "70000-70255", "125000 B/s"})
            CHECK_MESSAGE(page.find(fact) != std::string::npos, fact);
    }
    CHECK(site_page(facts, Language::en).find("ip link del wan0") == std::string::npos);
    CHECK(site_page(facts, Language::en).find("None.") != std::string::npos);  // no routes
    CHECK(site_page(facts, Language::zh).find("无。") != std::string::npos);
    CHECK(site_page(facts, Language::zh).find("undo") == std::string::npos);
}
