// A line in a network namespace that somebody else made: what arrived at the carrier is the oracle.
#include <doctest/doctest.h>
#include <signal.h>

#include <optional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

const std::string& name() {
    static const std::string unique = own_group("-carrier");
    return unique;
}

std::string in_it(const std::string& command) {
    return "ip netns exec " + name() + " " + command;
}

std::string toml(const std::string& routes = "managed") {
    std::string lines = lines_toml(routes);
    const std::string device = "device = \"wan1\"";
    return lines.insert(lines.find(device), "kind = \"netns\"\nnetns = \"" + name() + "\"\n");
}

/// Owns: the namespace, which has the second line's device in it.
class Inside {
  public:
    explicit Inside(Carriers& carriers) : carriers_(carriers) {
        sh("ip netns del " + name() + " 2>/dev/null; true");  // of a run that was killed
        make();
    }
    ~Inside() { sh("ip netns del " + name() + " 2>/dev/null; true"); }
    void make() const {
        sh("ip netns add " + name() + " && ip link set wan1 netns " + name());
        sh(in_it(
            "sh -c 'ip link set wan1 addrgenmode none; ip link set lo up; ip addr add 100.64.2.2/24 dev wan1; ip -6 "
            "addr add fd64:2::2/64 dev wan1 nodad; ip link set wan1 up; sysctl -qw net.ipv4.ping_group_range=\"0 "
            "2147483647\"'"));
    }
    /// Without its name, and its device is gone with it.
    void destroy() const {
        sh(in_it("ip link del wan1"));
        sh("ip netns del " + name());
    }
    void make_again() const {
        carriers_.plug_in(1);
        make();
    }

  private:
    Carriers& carriers_;
};

struct Running {
    explicit Running(const std::string& routes = "managed") : inside(carriers) {
        folder.write("lines.toml", toml(routes));
        launcher.emplace(folder);
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    Carriers carriers;
    Inside inside;
    ConfigFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

const std::string kRouting = "sh -c 'ip rule; ip -6 rule; ip route show table all; ip -6 route show table all'";

}  // namespace

TEST_CASE("a line in a namespace leaves by its device there, and is held there") {
    Running up;
    auto worker = up.client->spawn("unicom");
    for (const std::string kind : {"udp", "tcp"}) {
        CHECK(worker.tell(kind + " 198.51.100.10 5300 3000") == "ok unicom 100.64.2.2");
        CHECK(worker.tell(kind + " 2001:db8::10 5300 3000") == "ok unicom fd64:2::2");
    }
    CHECK(worker.tell("ping 198.51.100.10") == "ok");
    CHECK(up.carriers.arrived(0) == 0);
    CHECK(up.carriers.arrived(1) == 4);
    const auto line = up.client->line(1);
    CHECK(line.kind == LineBy::netns);
    CHECK(std::string(line.place) == name());
    CHECK(line.enforced_by == Enforcement::bpf_guard);
    for (const char* target : {kTarget4, kTarget6}) {
        const auto route = up.client->route("unicom", target);
        CHECK(route.error == 0);
        CHECK(route.table == 102);
        CHECK(route.ifindex == line.ifindex);
        CHECK(std::string(route.ifname) == "wan1");
    }
    CHECK(output_of(in_it("ip rule | grep -c 237")) == "3\n");
    CHECK(output_of("ip rule | grep -c 237") == "3\n");  // the other line's

    // A second way out of the namespace, as another line's device is elsewhere: the guard knows indices of the right
    // namespace.
    sh(in_it(
        "sh -c 'ip link add other type veth; ip addr add 192.0.2.9/24 dev other; ip link set other up; ip route add "
        "198.51.100.0/24 dev other'"));
    const auto other = output_of(in_it("ip -o link show other | cut -d: -f1"));
    const auto sent = [&] { return output_of(in_it("sh -c 'ip -s link show other | tail -1'")); };
    const auto before = sent();
    CHECK(worker.tell("stray udp " + other.substr(0, other.size() - 1) + " 198.51.100.10 5300") == "EPERM");
    CHECK(worker.tell("from udp 192.0.2.9 198.51.100.10 5300") == "EPERM");
    CHECK(worker.tell("udp 198.51.100.10 5300 3000") == "ok unicom 100.64.2.2");
    CHECK(sent() == before);
    // Own addresses of either namespace are no targets of a line in the other.
    sh(in_it("ip addr add 203.0.113.5/32 dev lo"));
    sh("ip addr add 198.51.100.77/32 dev lo");
    sh("timeout 20 sh -c 'until ip -o addr show dev lo | grep -q 198.51.100.77; do :; done'");
    for (int tries = 0; tries < 100 && worker.tell("udp 198.51.100.77 5300 1") != "EPERM"; ++tries) {
    }
    CHECK(worker.tell("udp 198.51.100.77 5300 1") == "EPERM");
    sh("ip addr del 198.51.100.77/32 dev lo");
    auto telecom = up.client->spawn("telecom");
    CHECK(telecom.tell("udp 198.51.100.10 5300 3000") == "ok telecom 100.64.1.2");
}

TEST_CASE("what is lost in a namespace is put back, and nothing of ours is left there at the end") {
    Carriers carriers;
    Inside inside(carriers);
    const auto before = output_of(in_it(kRouting));
    ConfigFolder folder;
    folder.write("lines.toml", toml());
    {
        LauncherProcess launcher(folder);
        REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
        const auto stood = output_of(in_it(kRouting));
        CHECK(stood != before);
        sh(in_it("sh -c 'ip rule del pref 10000; ip route flush table 102'"));
        sh("timeout 20 " +
           in_it("sh -c 'until ip rule | grep -q ^10000: && ip route show table 102 | grep -q ^default; do "
                 ":; done'"));
        CHECK(output_of(in_it(kRouting)) == stood);
    }
    CHECK(output_of(in_it(kRouting)) == before);
    {
        LauncherProcess launcher(folder);
        REQUIRE(launcher.says("ready"));
        launcher.signal(SIGKILL);
        launcher.exit_code();
    }
    CHECK(output_of(in_it(kRouting)) != before);
    SUBCASE("--cleanup") {
        Flags flags;
        flags.more = {"--cleanup"};
        LauncherProcess cleanup(folder, flags);
        CHECK(cleanup.exit_code() == 0);
        CHECK(output_of(in_it(kRouting)) == before);
    }
    SUBCASE("the next start, also where no line is in it any more") {
        folder.write("lines.toml", lines_toml("managed"));
        LauncherProcess launcher(folder);
        REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
        CHECK(output_of(in_it(kRouting)) == before);
    }
}

TEST_CASE("a namespace that goes takes its line and workers along; when it is back so is the line, within a second") {
    Running up;
    auto worker = up.client->spawn("unicom");
    REQUIRE(worker.tell("udp 198.51.100.10 5300 3000") == "ok unicom 100.64.2.2");
    up.inside.destroy();
    auto changed = up.client->event<LineInfo>(Type::line_changed);
    while (changed && changed->closed != Closed::no_namespace) changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->ifindex == 0);
    CHECK(worker.tell("udp 198.51.100.10 5300 300") == "gone");
    CHECK(up.client->spawn_error("unicom") == ENODEV);
    CHECK(up.client->route("unicom", kTarget4).error == ENODEV);
    CHECK(up.launcher->says("line_namespace line=unicom netns=" + name() + " why=\"/run/netns/" + name() +
                            ": no such network namespace"));

    up.inside.make_again();
    const auto made = std::chrono::steady_clock::now();
    while (changed && (changed->link_up == 0 || changed->absent != 0))
        changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(changed->closed == Closed::no);
    CHECK(up.client->comes_to_route("unicom", kTarget6));
    CHECK(std::chrono::steady_clock::now() - made < std::chrono::seconds(1));
    auto next = up.client->spawn("unicom");
    CHECK(next.tell("udp 198.51.100.10 5300 3000") == "ok unicom 100.64.2.2");
    CHECK(next.tell("tcp 2001:db8::10 5300 3000") == "ok unicom fd64:2::2");
    CHECK(up.carriers.arrived(0) == 0);
}

TEST_CASE("a namespace that is not there yet is a line that is down, and external routes are told with where they go") {
    Carriers carriers;
    ConfigFolder folder;
    folder.write("lines.toml", toml("external"));
    LauncherProcess launcher(folder);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    Client client(launcher.socket());
    CHECK(client.line(1).closed == Closed::no_namespace);
    CHECK(client.spawn("telecom").tell("identity") != "gone");
    Inside inside(carriers);
    auto changed = client.event<LineInfo>(Type::line_changed);
    while (changed && changed->link_up == 0) changed = client.event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(
        launcher.says("todo=\"ip netns exec " + name() + " ip route add default via 100.64.2.1 dev wan1 table 102\""));
}

TEST_CASE("two lines that name one namespace differently are told so, and not that another launcher is there") {
    Carriers carriers;
    const Inside inside(carriers);
    ConfigFolder folder;
    const std::string other_name = folder.path() + "/other-name";
    sh("ln -s /run/netns/" + name() + " " + other_name);
    std::string lines = toml();
    lines.insert(lines.find("device = \"wan0\""), "kind = \"netns\"\nnetns = \"" + other_name + "\"\n");
    folder.write("lines.toml", lines);
    LauncherProcess launcher(folder);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    CHECK(launcher.says("is the network namespace of another line under another name; name it alike"));
}

TEST_CASE("without the capability, with nftables, or in its own namespace, a launcher says what to do") {
    Carriers carriers;
    Inside inside(carriers);
    ConfigFolder folder;
    folder.write("lines.toml", toml());
    Flags flags;
    SUBCASE("no capability") {
        flags.before = {"/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-sys_admin"};
        LauncherProcess launcher(folder, flags);
        CHECK(launcher.exit_code() == 78);
        CHECK(
            launcher.says("lines.toml:15:1: kind = \"netns\" needs cap_sys_admin; run `systemctl edit edge-launcher`, "
                          "and give it CapabilityBoundingSet=CAP_SYS_ADMIN below [Service]"));
    }
    SUBCASE("nftables") {
        flags.more = {"--guard", "nft"};
        LauncherProcess launcher(folder, flags);
        CHECK(launcher.exit_code() == 78);
        CHECK(launcher.says("lines.toml:15:1: kind = \"netns\" is held by BPF alone, not by --guard nft"));
    }
    SUBCASE("no other line has the capability in effect") {
        LauncherProcess launcher(folder, flags);
        REQUIRE(launcher.says("ready lines=2"));
        const auto status = "/proc/" + std::to_string(launcher.pid()) + "/status";
        CHECK(output_of("awk '/CapEff/ {print $2}' " + status) == "00000080000010e0\n");
    }
}
