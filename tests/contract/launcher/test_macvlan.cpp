// A line on a macvlan that the launcher makes, on real devices: what arrived at the carrier is the oracle.
#include <doctest/doctest.h>
#include <signal.h>

#include <optional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

/// `mobile`, on the wire of the first carrier, and `unicom` on the second's device.
std::string toml() {
    const std::string both = lines_toml();
    return "[[line]]\nname = \"mobile\"\nkind = \"macvlan\"\ndevice = \"edge-mobile\"\nparent = \"wan0\"\n"
           "mac = \"02:00:5e:10:00:01\"\naddresses = [\"100.64.1.9/24\", \"fd64:1::9/64\"]\ngateway4 = "
           "\"100.64.1.1\"\ngateway6 = \"fd64:1::1\"\ntable = 103\nmark = 0x103\nresolvers = [\"198.51.100.10\"]\n"
           "routes = \"managed\"\n" +
           both.substr(both.find("[[line]]", 1));
}

/// What the host would lose or gain: nothing, when the launcher is gone.
const std::string kHost =
    "ip -o link | grep -v 'edge-mobile' | sed 's/ state.*//'; ip rule; ip -6 rule; ip route; ip "
    "-6 route; ip route show table 103; ip -6 route show table 103";

struct Running {
    explicit Running(const std::string& guard = "auto") {
        sh("sysctl -qw net.ipv4.conf.wan0.arp_ignore=1");
        before = output_of(kHost);
        folder.write("lines.toml", toml());
        flags.more = {"--guard", guard};
        start();
    }
    void start() {
        launcher.emplace(folder, flags);
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    void expect_it_works() {
        auto worker = client->spawn("mobile");
        for (const std::string kind : {"udp", "tcp"}) {
            CHECK(worker.tell(kind + " 198.51.100.10 5300 3000") == "ok telecom 100.64.1.9");
            CHECK(worker.tell(kind + " 2001:db8::10 5300 3000") == "ok telecom fd64:1::9");
        }
    }
    Carriers carriers;
    ConfigFolder folder;
    Flags flags;
    std::string before;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

}  // namespace

TEST_CASE("a macvlan line leaves by its own device and address, and the host's own ways stay as they are") {
    std::string guard;
    SUBCASE("bpf") {
        guard = "bpf";
    }
    SUBCASE("nft") {
        guard = "nft";
    }
    Running up(guard);
    up.expect_it_works();
    CHECK(up.carriers.arrived(0) == 4);
    CHECK(up.carriers.arrived(1) == 0);
    CHECK(up.client->line(0).kind == LineBy::macvlan);
    CHECK(std::string(up.client->line(0).place) == "wan0");
    CHECK(output_of("ip -d link show edge-mobile").find("macvlan mode private") != std::string::npos);
    CHECK(output_of("ip -d link show edge-mobile").find("02:00:5e:10:00:01") != std::string::npos);
    CHECK(output_of("cat /proc/sys/net/ipv4/conf/edge-mobile/arp_ignore") == "1\n");
    CHECK(output_of("cat /proc/sys/net/ipv6/conf/edge-mobile/accept_ra") == "0\n");
    CHECK(output_of("ip route; ip -6 route").find("100.64.1.0/24 dev edge-mobile") == std::string::npos);
    CHECK(output_of("ip route show table 103 | sed 's/ *$//'") ==
          "default via 100.64.1.1 dev edge-mobile proto 237 src 100.64.1.9 onlink\n"
          "100.64.1.0/24 dev edge-mobile proto 237 scope link src 100.64.1.9\n");
    for (const char* target : {kTarget4, kTarget6}) {
        const auto route = up.client->route("mobile", target);
        CHECK(route.error == 0);
        CHECK(route.table == 103);
        CHECK(std::string(route.ifname) == "edge-mobile");
    }
    auto worker = up.client->spawn("mobile");
    CHECK(worker.tell("from udp 100.64.1.2 198.51.100.10 5300") == "EPERM");  // its parent's address
    CHECK(worker.tell("from udp fd64:1::2 2001:db8::10 5300") == "EPERM");
    CHECK(up.carriers.arrived(0) == 4);
    up.client.reset();
    up.launcher.reset();
    CHECK(output_of("ip -o link show group 1162102597") == "");
    CHECK(output_of(kHost) == up.before);
}

TEST_CASE("a parent that goes takes the line along, and within a second of its return the line is back") {
    Running up;
    auto worker = up.client->spawn("mobile");
    sh("ip link del wan0");
    auto changed = up.client->event<LineInfo>(Type::line_changed);
    while (changed && changed->ifindex != 0) changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(worker.tell("udp 198.51.100.10 5300 300") == "socket EPERM");
    CHECK(worker.tell("udp 2001:db8::10 5300 300") == "socket EPERM");
    CHECK(up.client->route("mobile", kTarget4).error == ENODEV);
    CHECK(up.carriers.arrived(0) + up.carriers.arrived(1) == 0);

    up.carriers.plug_in(0);
    sh("sysctl -qw net.ipv4.conf.wan0.arp_ignore=1");
    const auto plugged_in = std::chrono::steady_clock::now();
    while (changed && (changed->link_up == 0 || changed->absent != 0))
        changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(up.client->comes_to_route("mobile", kTarget6));
    CHECK(std::chrono::steady_clock::now() - plugged_in < std::chrono::seconds(1));
    CHECK(worker.tell("udp 198.51.100.10 5300 3000") == "ok telecom 100.64.1.9");
    CHECK(worker.tell("tcp 2001:db8::10 5300 3000") == "ok telecom fd64:1::9");
}

TEST_CASE("what somebody takes from a macvlan is put back") {
    Running up;
    sh("ip addr flush dev edge-mobile scope global");
    sh("timeout 20 sh -c 'until ip addr show dev edge-mobile | grep -q 100.64.1.9/24 && ip route show table 103 | grep "
       "-q ^default && ip -6 route show table 103 | grep -q default; do :; done'");
    up.expect_it_works();
    sh("ip link del edge-mobile");
    sh("timeout 20 sh -c 'until ip route show table 103 | grep -q ^default && ip -6 route show table 103 | grep -q "
       "default; do :; done'");
    up.expect_it_works();
}

TEST_CASE("a macvlan that somebody put down is put up again, which is said once, and who was on it goes on") {
    Running up;
    auto worker = up.client->spawn("mobile");
    const auto index = output_of("ip -o link show edge-mobile | cut -d: -f1");
    sh("ip link set edge-mobile down");
    REQUIRE_MESSAGE(up.launcher->says("device_raised device=edge-mobile"), up.launcher->log());
    sh("timeout 20 sh -c 'until ip addr show dev edge-mobile | grep -q fd64:1::9/64 && ip route show table 103 | grep "
       "-q ^default && ip -6 route show table 103 | grep -q default; do :; done'");
    CHECK(output_of("ip -o link show edge-mobile | cut -d: -f1") == index);  // the same one, with what was set on it
    CHECK(output_of("cat /proc/sys/net/ipv4/conf/edge-mobile/arp_ignore") == "1\n");
    CHECK(output_of("cat /proc/sys/net/ipv6/conf/edge-mobile/accept_ra") == "0\n");
    CHECK(worker.tell("udp 198.51.100.10 5300 3000") == "ok telecom 100.64.1.9");
    CHECK(worker.tell("tcp 2001:db8::10 5300 3000") == "ok telecom fd64:1::9");
    up.expect_it_works();
    CHECK(up.client->line(0).link_up == 1);
    CHECK(up.client->line(0).absent == 0);
    const auto log = up.launcher->log();
    CHECK(log.find("device_raised") == log.rfind("device_raised"));
    CHECK(log.find("ip link del") == std::string::npos);
}

TEST_CASE("a killed launcher's macvlan goes with the next start or --cleanup, and nobody else's does") {
    Running up;
    sh("ip link add link wan1 name other type macvlan && ip link add link wan1 name other2 group 237 type macvlan");
    const auto devices = [] { return output_of("ip -o link | grep -c ' edge-mobile@\\| other'"); };
    up.launcher->signal(SIGKILL);
    CHECK(up.launcher->exit_code() == 128 + SIGKILL);
    CHECK(devices() == "3\n");
    SUBCASE("the next start") {
        const auto left = output_of("ip -o link show edge-mobile | cut -d: -f1");
        up.start();
        CHECK(devices() == "3\n");
        CHECK(output_of("ip -o link show edge-mobile | cut -d: -f1") != left);
        up.expect_it_works();
        up.client.reset();
        up.launcher.reset();
    }
    SUBCASE("--cleanup") {
        up.flags.more = {"--cleanup"};
        up.launcher.emplace(up.folder, up.flags);
        CHECK(up.launcher->exit_code() == 0);
    }
    CHECK(devices() == "2\n");
}

TEST_CASE("what a macvlan lacks is said: a parent that answers for it, a name that is taken") {
    Carriers carriers;
    ConfigFolder folder;
    folder.write("lines.toml", toml());
    {
        LauncherProcess launcher(folder);
        REQUIRE(launcher.says("ready lines=2"));
        CHECK(launcher.says("line_incomplete line=mobile todo=\"sysctl -w net.ipv4.conf.wan0.arp_ignore=1\""));
    }
    sh("ip link add edge-mobile type veth && ip addr add 100.64.1.9/24 dev edge-mobile && ip link set edge-mobile up");
    {
        LauncherProcess launcher(folder);
        REQUIRE(launcher.says("ready lines=2"));
        CHECK(launcher.says("line=mobile todo=\"give it another device: edge-mobile is somebody else's"));
        Client client(launcher.socket());
        CHECK(client.line(0).ifindex == 0);
        CHECK(client.spawn("mobile").tell("udp 198.51.100.10 5300 300") == "socket EPERM");
    }
    CHECK(output_of("ip -o link show edge-mobile | grep -c edge-mobile") == "1\n");
    sh("ip link del edge-mobile");
    Flags flags;  // as systemd's ProtectKernelTunables=yes has it
    flags.before = {"/usr/bin/unshare",
                    "--mount",
                    "sh",
                    "-c",
                    "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec \"$@\"",
                    "sh"};
    LauncherProcess launcher(folder, flags);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    CHECK(launcher.says("give edge-launcher.service ReadWritePaths=/proc/sys/net/ipv6/conf"));
    CHECK(output_of("ip -o link show group 1162102597") == "");
}
