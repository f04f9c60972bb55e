// Lines on a real kernel: closed when there is no way, open again when there is, over both families.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>

#include <cerrno>
#include <fstream>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

struct Running {
    explicit Running(const std::string& routes = "managed", const Flags& flags = {}) {
        folder.write("lines.toml", lines_toml(routes));
        launcher.emplace(folder, flags);
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    Carriers carriers;
    ConfigFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

std::string text_of(const Address& address) {
    const auto ip = address_in(address);
    return ip ? ip->text() : "none";
}

}  // namespace

TEST_CASE("rules and routes stand as documented, and go with the launcher") {
    Carriers carriers;
    const std::string all_rules = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all";
    const auto before = output_of(all_rules);
    CHECK(groups_named(own_group()) == "");
    ConfigFolder folder;
    {
        LauncherProcess launcher(folder);
        REQUIRE(launcher.says("ready"));
        CHECK(output_of("ip rule | grep 237 | sed 's/ *$//; s/\\t/ /'") ==
              "10000: from all fwmark 0x101 lookup 101 proto 237\n"
              "10001: from all fwmark 0x101 unreachable proto 237\n"
              "10010: from all fwmark 0x102 lookup 102 proto 237\n"
              "10011: from all fwmark 0x102 unreachable proto 237\n"
              "11000: from 100.64.1.2 lookup 101 proto 237\n"
              "11010: from 100.64.2.2 lookup 102 proto 237\n");
        CHECK(output_of("ip -6 rule | grep 237 | sed 's/ *$//; s/\\t/ /'") ==
              "10000: from all fwmark 0x101 lookup 101 proto 237\n"
              "10001: from all fwmark 0x101 unreachable proto 237\n"
              "10010: from all fwmark 0x102 lookup 102 proto 237\n"
              "10011: from all fwmark 0x102 unreachable proto 237\n"
              "11001: from fd64:1::2 lookup 101 proto 237\n"
              "11011: from fd64:2::2 lookup 102 proto 237\n");
        CHECK(output_of("ip route show table 102 | sed 's/ *$//'") ==
              "default via 100.64.2.1 dev wan1 proto 237 src 100.64.2.2 onlink\n"
              "100.64.2.0/24 dev wan1 proto 237 scope link src 100.64.2.2\n");
        CHECK(output_of("ip -6 route show table 102 | sed 's/ pref medium//; s/ *$//'") ==
              "fd64:2::/64 dev wan1 proto 237 src fd64:2::2 metric 1024\n"
              "default via fd64:2::1 dev wan1 proto 237 src fd64:2::2 metric 1024 onlink\n");
        CHECK(groups_named(own_group()) != "");
    }
    CHECK(output_of(all_rules) == before);
    CHECK(groups_named(own_group()) == "");
}

TEST_CASE("a line without a route fails closed, and nothing arrives by the other") {
    Running up("external");  // managed ones would be back at once
    sh("ip route add default via 100.64.2.1 dev wan1 table 102 && ip -6 route add default via fd64:2::1 dev wan1 table "
       "102");
    auto worker = up.client->spawn("unicom");
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    const int by_telecom = up.carriers.arrived(0), by_unicom = up.carriers.arrived(1);
    sh("ip route flush table 102 && ip -6 route flush table 102");
    // IPv4 on a bound socket: the kernel takes the target to be on the line's own link and asks there (KernelNetwork,
    // route_get); no carrier's gateway answers. IPv6 says so at once.
    CHECK(worker.tell("udp 198.51.100.10 5300 300").find("ok") == std::string::npos);
    CHECK(worker.tell("udp 2001:db8::10 5300 300") == "ENETUNREACH");
    CHECK(worker.tell("tcp 2001:db8::10 5300 300") == "ENETUNREACH");
    CHECK(up.carriers.arrived(0) == by_telecom);
    CHECK(up.carriers.arrived(1) == by_unicom);
    for (const char* target : {kTarget4, kTarget6}) {
        const auto route = up.client->route("unicom", target);
        CHECK(route.error == ENETUNREACH);
        CHECK(route.ifindex == 0);
        CHECK(route.link_up == 1);
    }
}

TEST_CASE("route_get says what the kernel would do with a socket of the line") {
    Running up;
    const auto line = up.client->line(1);
    CHECK(std::string(line.name.text) == "unicom");
    CHECK(std::string(line.ifname) == "wan1");
    CHECK(line.count == 2);
    CHECK(line.link_up == 1);
    CHECK(line.enforced_by == Enforcement::bpf_guard);
    CHECK(text_of(line.addresses[1]) == "fd64:2::2");
    const auto four = up.client->route("unicom", kTarget4);
    CHECK(four.error == 0);
    CHECK(four.ifindex == line.ifindex);
    CHECK(std::string(four.ifname) == "wan1");
    CHECK(four.table == 102);
    CHECK(four.mark == 0x102);
    CHECK(text_of(four.gateway) == "100.64.2.1");
    CHECK(text_of(four.source) == "100.64.2.2");
    const auto six = up.client->route("unicom", kTarget6);
    CHECK(six.error == 0);
    CHECK(six.table == 102);
    CHECK(text_of(six.gateway) == "fd64:2::1");
    CHECK(text_of(six.source) == "fd64:2::2");
    const auto on_link = up.client->route("unicom", "100.64.2.1");
    CHECK(on_link.error == 0);
    CHECK(text_of(on_link.gateway) == "none");
}

TEST_CASE(
    "the kernel is asked for the flow: a rule of the operator's leads one port away, and the others are the line's") {
    const char* guard = "bpf";
    SUBCASE("where sockets are marked") {}
    SUBCASE("where rules go by user id") {
        guard = "nft";
    }
    SUBCASE("where nothing is held") {
        guard = "cooperative";
    }
    Running up("managed", {.more = {"--guard", guard}});
    // By another gateway of the same device, which nothing but the table tells apart.
    sh("ip route add default via 100.64.2.9 dev wan1 onlink table 200 && ip -6 route add default via fd64:2::9 dev "
       "wan1 onlink table "
       "200");
    // Protocols by number: a small Debian has no /etc/protocols.
    sh("ip rule add pref 5 ipproto 6 dport 80 lookup 200 && ip -6 rule add pref 5 ipproto 6 dport 80 lookup 200");
    for (const bool v6 : {false, true}) {
        CAPTURE(v6);
        const std::string to = v6 ? kTarget6 : kTarget4;
        const auto by = [&](int protocol, std::uint16_t port) {
            const auto route = up.client->route("unicom", to, static_cast<std::uint16_t>(protocol), port);
            return route.error != 0 ? "errno " + std::to_string(route.error)
                                    : std::to_string(route.table) + " " + text_of(route.gateway);
        };
        const std::string own = v6 ? "102 fd64:2::1" : "102 100.64.2.1",
                          other = v6 ? "200 fd64:2::9" : "200 100.64.2.9";
        const int icmp = v6 ? int{IPPROTO_ICMPV6} : IPPROTO_ICMP;
        CHECK(by(IPPROTO_TCP, 80) == other);
        CHECK(by(IPPROTO_TCP, 443) == own);
        CHECK(by(IPPROTO_UDP, 80) == own);
        CHECK(by(IPPROTO_UDP, 53) == own);
        CHECK(by(icmp, 0) == own);
        CHECK(by(0, 0) == own);
        CHECK(by(v6 ? int{IPPROTO_ICMP} : IPPROTO_ICMPV6, 0) == "errno " + std::to_string(EOPNOTSUPP));
        const std::string ip = v6 ? "ip -6" : "ip";
        sh(ip + " rule add pref 6 ipproto " + (v6 ? "58" : "1") + " lookup 200");
        CHECK(by(icmp, 0) == other);
        sh(ip + " rule del pref 6");
        sh(ip + " rule add pref 6 dport " + (v6 ? "32768" : "2048") +
           " lookup 200");  // an echo request's type, and code 0
        CHECK(by(icmp, 0) == other);
        CHECK(by(IPPROTO_UDP, 53) == own);
    }
}

TEST_CASE("a device that goes and comes back is a line that goes down and up, and is bound anew") {
    Running up;
    auto worker = up.client->spawn("unicom");
    const auto before = up.client->line(1);
    sh("ip link del wan1");
    auto changed = up.client->event<LineInfo>(Type::line_changed);
    while (changed && changed->ifindex != 0) changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->link_up == 0);
    CHECK(worker.tell("udp 198.51.100.10 5300 300") == "socket EPERM");  // no device, no socket
    CHECK(worker.tell("udp 2001:db8::10 5300 300") == "socket EPERM");
    CHECK(up.client->route("unicom", kTarget4).error == ENODEV);
    CHECK(up.carriers.arrived(0) == 0);

    up.carriers.plug_in(1);
    while (changed && changed->link_up == 0) changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->ifindex != before.ifindex);
    // The address came after the link: wait for the route it brings.
    CHECK(up.client->comes_to_route("unicom", kTarget6));
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    CHECK(worker.tell("udp 2001:db8::10 5300 30000") == "ok unicom fd64:2::2");
}

TEST_CASE("a cable that is pulled is told, and so is the cable that is back") {
    Running up;
    REQUIRE(up.client->line(0).link_up == 1);  // which also says that it has been accepted
    sh("ip link set wan0 down");
    auto changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->index == 0);
    CHECK(changed->link_up == 0);
    CHECK(changed->ifindex != 0);
    sh("ip link set wan0 up; ip -6 addr replace fd64:1::2/64 dev wan0 nodad");
    while (changed && changed->link_up == 0) changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(up.client->comes_to_route("telecom", kTarget6));
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
    CHECK(worker.tell("udp 2001:db8::10 5300 30000") == "ok telecom fd64:1::2");
}

TEST_CASE("rules and routes that somebody removes come back by themselves") {
    Running up;
    const std::string all = "ip rule | sort; ip -6 rule | sort; ip route show table 102; ip -6 route show table 102";
    const auto stood = output_of(all);
    REQUIRE(stood.find("proto 237") != std::string::npos);
    const auto stands_again = [&](const std::string& what, const std::string& where) {
        CAPTURE(what);
        sh(what);
        // The kernel tells the launcher, and nobody else: look until it has acted.
        sh("timeout 20 sh -c 'until " + where + "; do :; done'");
        CHECK(output_of(all) == stood);
    };
    stands_again("ip rule del pref 10010", "ip rule | grep -q ^10010:");
    stands_again("ip rule del pref 10011", "ip rule | grep -q ^10011:");
    stands_again("ip -6 rule del pref 11011", "ip -6 rule | grep -q ^11011:");
    stands_again("ip route del default table 102", "ip route show table 102 | grep -q ^default");
    stands_again("ip -6 route del default table 102", "ip -6 route show table 102 | grep -q ^default");
    stands_again("ip route flush table 102", "[ $(ip route show table 102 | wc -l) = 2 ]");
    stands_again("ip route replace unreachable default table 102",
                 "ip route show table 102 | grep -q \"^default via\"");
    auto worker = up.client->spawn("unicom");
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    CHECK(worker.tell("udp 2001:db8::10 5300 30000") == "ok unicom fd64:2::2");
}

TEST_CASE("a link that went down and up before anybody looked has its routes again") {
    Running up;
    sh("sysctl -qw net.ipv6.conf.wan1.keep_addr_on_down=1");
    auto worker = up.client->spawn("unicom");
    up.launcher->signal(SIGSTOP);
    // The kernel finishes with carrier and addresses a little later: wait, or the launcher would see them come.
    sh("ip link set wan1 down; ip link set wan1 up; timeout 20 sh -c 'until ip addr show dev wan1 | grep -q LOWER_UP "
       "&& "
       "ip -6 addr show dev wan1 | grep -q fd64:2::2/64 && ! ip -6 addr show dev wan1 | grep -q tentative; do :; "
       "done'");
    REQUIRE(output_of("ip route show table 102") == "");
    up.launcher->signal(SIGCONT);
    sh("timeout 20 sh -c 'until ip route show table 102 | grep -q ^default && ip -6 route show table 102 | grep -q "
       "^default; do :; done'");
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    CHECK(worker.tell("udp 2001:db8::10 5300 30000") == "ok unicom fd64:2::2");
}

TEST_CASE("more events than the socket holds are as good as one") {
    Running up;
    REQUIRE(up.client->line(0).absent == 0);  // served: before that, an event would be told to nobody
    up.launcher->signal(SIGSTOP);
    // 212,992 bytes of socket buffer, by default, and each event takes a kilobyte of it.
    std::ofstream batch(up.folder.path() + "/batch");
    for (int n = 0; n < 1500; ++n) batch << "route add 203.0.113." << n % 250 << "/32 dev lo metric " << n << "\n";
    batch.close();
    sh("ip -batch " + up.folder.path() + "/batch");
    sh("ip rule del pref 10010; ip route flush table 102; ip addr del 100.64.1.2/24 dev wan0");
    up.launcher->signal(SIGCONT);
    const auto changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->index == 0);
    CHECK(changed->absent == 1);
    sh("timeout 20 sh -c 'until ip rule | grep -q ^10010: && ip route show table 102 | grep -q ^default; do :; done'");
    CHECK(up.client->spawn("unicom").tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
}

TEST_CASE("a route or a rule of somebody else's that changes a line's way is told at once") {
    Running up("external");
    using Names = std::set<std::string>;
    const auto told = [&] { return up.client->lines_told(); };
    told();
    const auto table = [&] { return up.client->route("telecom", kTarget4).table; };
    sh("ip route add default via 100.64.1.1 dev wan0 table 101");
    CHECK(told() == Names{"telecom"});
    CHECK(table() == 101);
    sh("ip route add default via 100.64.1.1 dev wan0 table 102");
    CHECK(told() == Names{"unicom"});
    sh("ip route add 203.0.113.0/24 via 100.64.1.1 dev wan0 table 104");
    CHECK(told() == Names{});
    sh("ip rule add pref 500 fwmark 0x101 lookup 102");
    CHECK(told() == Names{"telecom", "unicom"});  // whom a rule moves only the kernel knows
    CHECK(table() == 102);
    sh("ip rule del pref 500");
    CHECK(told() == Names{"telecom", "unicom"});
    sh("ip route add unreachable 203.0.113.0/24 table 101");
    CHECK(told() == Names{"telecom"});
    sh("ip route del default via 100.64.1.1 dev wan0 table 102");
    sh("ip route del default via 100.64.1.1 dev wan0 table 101");
    CHECK(told() == Names{"telecom", "unicom"});
    CHECK(up.client->route("telecom", kTarget4).error == ENETUNREACH);
}

TEST_CASE("external routes are checked and left alone") {
    Carriers carriers;
    ConfigFolder folder;
    folder.write("lines.toml", lines_toml("external"));
    sh("ip route add default via 100.64.2.1 dev wan1 table 102");
    LauncherProcess launcher(folder);
    REQUIRE(launcher.says("ready"));
    CHECK(launcher.says("todo=\"ip route add default via 100.64.1.1 dev wan0 table 101\""));
    CHECK(launcher.says("todo=\"ip -6 route add default via fd64:2::1 dev wan1 table 102\""));
    CHECK(launcher.log().find("ip route add default via 100.64.2.1") == std::string::npos);
    CHECK(output_of("ip route show table 101") == "");
    CHECK(Client(launcher.socket()).spawn("unicom").tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
}

TEST_CASE("one warning with the command when workers may not ping") {
    Carriers carriers;
    sh("sysctl -qw net.ipv4.ping_group_range='1 0'");
    ConfigFolder folder;
    LauncherProcess launcher(folder);
    REQUIRE(launcher.says("ready"));
    CHECK(launcher.says("sysctl -w net.ipv4.ping_group_range='" + std::to_string(own_uids()) + " " +
                        std::to_string(own_uids() + 255) + "'"));
    CHECK(Client(launcher.socket()).spawn("unicom").tell("ping 198.51.100.10") == "socket EACCES");
}
