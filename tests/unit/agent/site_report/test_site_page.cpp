#include <doctest/doctest.h>

#include <initializer_list>

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
    // What ip(8) says of a cable that is out, a device that is gone, a route that ends.
    CHECK(undo_of_route("default via 100.64.1.1 dev wan0 table 101 src 100.64.1.2 dead linkdown", false) ==
          "ip route del default via 100.64.1.1 dev wan0 table 101 src 100.64.1.2");
    CHECK(undo_of_rule("32765:\tfrom all oif wan0 [detached] lookup 101", false) ==
          "ip rule del pref 32765 from all oif wan0 lookup 101");
    CHECK(undo_of_route("default via fe80::1 dev wan0 table 101 metric 1024 expires 1798sec pref medium", true) ==
          "ip -6 route del default via fe80::1 dev wan0 table 101 metric 1024");
    CHECK(undo_of_rule("", false) == "");
    CHECK(undo_of_rule("nothing", false) == "");
    CHECK(undo_of_route("", true) == "");
}

namespace {

SiteFacts facts_of_gz_1() {
    SiteFacts facts;
    facts.host = "gz-1";
    facts.kernel = "6.1.0";
    facts.agent = {41, {}, "/opt/edge/edge-agent"};
    facts.launcher = {40, {}, "/opt/edge/edge-launcher"};
    facts.broker = "https://broker.example:8443";
    facts.lines = {{"telecom", "wan0", "nft", {"100.64.1.2"}, 0x101, 101},
                   {"mobile", "edge-mobile", "nft", {"100.64.3.2"}, 0x103, 103, "eth0"},
                   {"lab", "wan9", "bpf", {"100.64.9.2"}, 0x109, 109, "", "carrier-a"}};
    facts.devices = {{"edge-mobile", "eth0"}};
    facts.spaces[0].rules4 = {"10000:\tfrom all fwmark 0x101 lookup 101 proto 237"};
    facts.spaces[0].ping_group_range = "70000\t70255";
    facts.spaces.push_back({"carrier-a", {}, {}, {}, {"default dev wan9 table 109 proto 237"}, "70000\t70255"});
    facts.arp_ignore = {"eth0.5"};
    facts.nft_table = true;
    facts.groups = {"/sys/fs/cgroup/gz/line-telecom"};
    facts.group_name = "gz";
    facts.agent_user = "edge-agent";
    facts.agent_uid = 998;
    facts.first_uid = 70000;
    facts.last_uid = 70255;
    facts.bytes_per_s = 125000;
    facts.files = {{SiteFileKind::configuration, "/srv/edge/lines.toml"},
                   {SiteFileKind::configuration, "/srv/edge/agent.toml"},
                   {SiteFileKind::node_state, "/srv/state of it"},
                   {SiteFileKind::line_counts, "/srv/counts"},
                   {SiteFileKind::socket, "/run/edge/l.sock"},
                   {SiteFileKind::folder, "/srv/edge"},
                   {SiteFileKind::program, "/opt/edge/edge-probe"}};
    return facts;
}

const std::string kStop =
    "kill 41 40; for i in $(seq 60); do grep -qs '^State:.[^Z]' /proc/41/status /proc/40/status || break; sleep 1; "
    "done";

}  // namespace

TEST_CASE("the page has every fact and its undoing in both languages, and says where there is none") {
    auto facts = facts_of_gz_1();
    for (const auto language : {Language::en, Language::zh}) {
        const auto page = site_page(facts, language);
        for (const std::string& fact :
             std::initializer_list<std::string>{"gz-1",
                                                "6.1.0",
                                                "pid 41, `/opt/edge/edge-agent`",
                                                "pid 40, `/opt/edge/edge-launcher`",
                                                "https://broker.example:8443",
                                                "telecom",
                                                "wan0 100.64.1.2",
                                                "0x101",
                                                "`eth0`",
                                                "`carrier-a`",
                                                "`ip netns exec carrier-a ip -6 route del default dev wan9 table 109`",
                                                "`ip netns exec carrier-a sysctl -w net.ipv4.ping_group_range='1 0'`",
                                                "`sysctl -w net.ipv4.conf.eth0/5.arp_ignore=0`",
                                                "`ip link del edge-mobile`",
                                                "`ip rule del pref 10000 from all fwmark 0x101 lookup 101`",
                                                "- `/sys/fs/cgroup/gz/line-telecom`\n",
                                                "`" + kStop + "; /opt/edge/edge-launcher --cleanup --cgroup gz`",
                                                "- `table inet edge_launcher`",
                                                "`nft delete table inet edge_launcher`",
                                                "- `edge-agent`: uid 998",
                                                "`userdel edge-agent`",
                                                "70000-70255",
                                                "125000 B/s",
                                                "`sysctl -w net.ipv4.ping_group_range='1 0'`",
                                                "`rm /srv/edge/lines.toml`",
                                                "`rm -r '/srv/state of it'`",
                                                "`rm -r /srv/counts`",
                                                "`/run/edge/l.sock`",
                                                "`rmdir /srv/edge`",
                                                "`rm /opt/edge/edge-probe`"})
            CHECK_MESSAGE(page.find(fact) != std::string::npos, fact);
        CHECK(page.find("systemctl") == std::string::npos);  // nothing here was started by systemd
    }
    CHECK(site_page(facts, Language::en).find("ip link del wan0") == std::string::npos);
    CHECK(site_page(facts, Language::en).find("None.") == std::string::npos);
    facts.devices.clear();
    CHECK(site_page(facts, Language::en).find("None.") != std::string::npos);
    CHECK(site_page(facts, Language::zh).find("无。") != std::string::npos);
    CHECK(site_page(facts, Language::zh).find("undo") == std::string::npos);
}

TEST_CASE("what removes all is in the order in which it works") {
    auto facts = facts_of_gz_1();
    using Commands = std::vector<std::string>;
    CHECK(removal_commands(facts) ==
          Commands{kStop, "/opt/edge/edge-launcher --cleanup --cgroup gz", "rm -rf '/srv/state of it' /srv/counts",
                   "rm -f /run/edge/l.sock /srv/edge/lines.toml /srv/edge/agent.toml /opt/edge/edge-probe",
                   "rmdir --ignore-fail-on-non-empty /srv/edge", "sysctl -w net.ipv4.ping_group_range='1 0'",
                   "ip netns exec carrier-a sysctl -w net.ipv4.ping_group_range='1 0'",
                   "sysctl -w net.ipv4.conf.eth0/5.arp_ignore=0", "userdel edge-agent"});
    facts.agent.unit = "edge-agent.service";
    facts.launcher.unit = "edge-launcher.service";
    facts.files = {{SiteFileKind::unit, "/etc/systemd/system/edge.slice"}};
    facts.agent_user = "root";
    facts.spaces.resize(1);
    facts.arp_ignore.clear();
    facts.spaces[0].ping_group_range = "0\t2147483647";  // a distribution's
    CHECK(undo_of_ping(facts, facts.spaces[0]) == "");
    facts.spaces[0].ping_group_range = "1000\t1000";  // the owner's, and no worker's
    CHECK(removal_commands(facts) == Commands{"systemctl stop edge-agent.service edge-launcher.service",
                                              "systemctl disable edge-agent.service edge-launcher.service",
                                              "/opt/edge/edge-launcher --cleanup --cgroup edge",
                                              "rm -f /etc/systemd/system/edge.slice", "systemctl daemon-reload"});
    facts.agent = facts.launcher = {};
    CHECK(stop_command(facts) == "");
    CHECK(removal_commands(facts)[0] == "edge-launcher --cleanup --cgroup gz");
}

TEST_CASE("of an ordinary user's launcher no limit is claimed, and nothing of root's is to be undone") {
    auto facts = facts_of_gz_1();
    facts.by_user = true;
    facts.lines = {{"telecom", "wan0", "cooperative", {"100.64.1.2"}, 0, 101}};
    facts.devices.clear();
    facts.arp_ignore.clear();
    facts.spaces = {{"",
                     {"32765:\tfrom all oif wan0 lookup 101"},
                     {},
                     {"default via 100.64.1.1 dev wan0 table 101"},
                     {},
                     "1000\t1000"}};
    facts.files = {{SiteFileKind::configuration, "/home/you/edge/lines.toml"},
                   {SiteFileKind::program, "/usr/local/bin/edge-probe", true}};
    facts.first_uid = facts.last_uid = 1000;
    facts.groups.clear();
    facts.group_name.clear();
    facts.nft_table = false;
    facts.agent_user.clear();
    facts.agent_uid = 1000;
    for (const auto language : {Language::en, Language::zh}) {
        const auto page = site_page(facts, language);
        for (const char* fact : {"`telecom`: wan0 100.64.1.2, table 101, ", "cooperative", "- uid 1000: "})
            CHECK_MESSAGE(page.find(fact) != std::string::npos, fact);
        for (const char* claim : {"MiB", "B/s", "--cleanup", "userdel", "mark 0x", "1000-1000", "held by cooperative",
                                  "由内核约束: cooperative"})
            CHECK_MESSAGE(page.find(claim) == std::string::npos, claim);
    }
    const auto page = site_page(facts, Language::en);
    for (const char* fact :
         {"nothing limits their CPU, memory or processes", "which binds its own sockets; not by the kernel",
          "undo, as root: `ip rule del pref 32765 from all oif wan0 lookup 101`",
          "undo, as root: `ip route del default via 100.64.1.1 dev wan0 table 101`",
          "undo, as root: `sysctl -w net.ipv4.ping_group_range='1 0'`", "undo: `rm /home/you/edge/lines.toml`",
          "undo, as root: `rm /usr/local/bin/edge-probe`"})
        CHECK_MESSAGE(page.find(fact) != std::string::npos, fact);
    CHECK(site_page(facts, Language::zh).find("cooperative: 依靠路由以及 edge-probe") != std::string::npos);
    CHECK(site_page(facts, Language::zh).find("撤销 (需 root): `ip rule del pref 32765") != std::string::npos);
    CHECK(removal_commands(facts) ==
          std::vector<std::string>{
              kStop, "rm -f /home/you/edge/lines.toml", "# as root:", "rm -f /usr/local/bin/edge-probe",
              "sysctl -w net.ipv4.ping_group_range='1 0'",
              "# as root, each that was added for EDGE alone:", "# ip rule del pref 32765 from all oif wan0 lookup 101",
              "# ip route del default via 100.64.1.1 dev wan0 table 101"});
}

TEST_CASE("without a launcher the page says so, and claims nothing that only it knows") {
    auto facts = facts_of_gz_1();
    facts.unheard = "no edge-launcher listens at /run/edge/l.sock";
    facts.launcher = {};
    facts.lines.clear();
    facts.last_uid = 0;
    facts.spaces[1].netns = "/srv/netns/a";
    const auto page = site_page(facts, Language::en);
    for (const char* fact :
         {"- edge-launcher: does not run here", "Not told: no edge-launcher listens at /run/edge/l.sock. So lines",
          "undo: `ip link del edge-mobile`", "undo: `rm /run/edge/l.sock`", "ip rule del pref 10000",
          // Of a namespace that no cleanup finds, in its place and at the end.
          "undo: `nsenter --net=/srv/netns/a ip -6 route del default dev wan9 table 109`",
          "\nnsenter --net=/srv/netns/a ip -6 route del default dev wan9 table 109\n"})
        CHECK_MESSAGE(page.find(fact) != std::string::npos, fact);
    for (const char* claim : {"held by", "each worker", "each line sends"})
        CHECK_MESSAGE(page.find(claim) == std::string::npos, claim);
}
