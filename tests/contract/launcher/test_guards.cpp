// What a line guard holds a sandbox to, tried from inside, with each of the two; what arrived at the carriers is the
// oracle.
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

/// Each test that asks runs once with either guard.
std::string each_guard() {
    std::string chosen;
    SUBCASE("bpf") {
        chosen = "bpf";
    }
    SUBCASE("nft") {
        chosen = "nft";
    }
    return chosen;
}

struct Running {
    explicit Running(const std::string& guard, const std::string& policy = policy_toml(),
                     const std::string& lines = lines_toml())
        : by_bpf(guard == "bpf") {
        folder.write("policy.toml", policy);
        folder.write("lines.toml", lines);
        Flags flags;
        flags.more = {"--guard", guard};
        launcher.emplace(folder, flags);
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    /// BPF answers the call itself. What nftables rejects is heard of by ICMP, or the datagram's EPERM.
    bool refused(const std::string& said) const {
        if (by_bpf) return said == "EPERM" || said == "0 EPERM";
        return !said.starts_with("ok") && !said.starts_with("1 ") && said != "silence" && said != "ETIMEDOUT";
    }

    bool by_bpf;
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

std::string policy_with(const std::string& targets, const std::string& line = "") {
    return "services = [\"dns\"]\n[targets]\n" + targets + "\n[line]\n" + line + "\n[worker]\nmemory_mb = 512\n";
}

std::string index_of(const char* device) {
    return std::to_string(if_nametoindex(device));
}

}  // namespace

TEST_CASE("a datagram that names another device in its ancillary data does not leave by it") {
    Running up(each_guard());
    auto worker = up.client->spawn("unicom");
    const int before = up.carriers.arrived(0);
    // The binding alone lets IPv4 through here: ip_cmsg_send takes the device named for the one bound to.
    CHECK(worker.tell("stray udp " + index_of("wan0") + " 198.51.100.10 5300") == "EPERM");
    CHECK(worker.tell("stray udp " + index_of("lo") + " 198.51.100.10 5300") != "ok");
    CHECK(worker.tell("stray udp " + index_of("wan0") + " 2001:db8::10 5300") != "ok");
    CHECK(worker.tell("stray ping " + index_of("wan0") + " 2001:db8::10 0") != "ok");
    CHECK(worker.tell("stray udp " + index_of("wan1") + " 198.51.100.10 5300") == "ok");
    CHECK(up.carriers.arrived(0) == before);
    CHECK(up.client->stats(worker).traffic.strays >= 1);
}

TEST_CASE("a datagram from another line's address does not leave") {
    Running up(each_guard());
    auto worker = up.client->spawn("unicom");
    CHECK(worker.tell("from udp 100.64.1.2 198.51.100.10 5300") == "EPERM");
    CHECK(worker.tell("from udp fd64:1::2 2001:db8::10 5300") == "EPERM");
    CHECK(worker.tell("from udp 100.64.2.2 198.51.100.10 5300") == "ok");
    CHECK(worker.tell("from udp fd64:2::2 2001:db8::10 5300") == "ok");
    CHECK(up.client->stats(worker).traffic.strays == 2);
}

TEST_CASE("only the line's own addresses may be bound to") {
    Running up("bpf");  // nftables sees packets: "from another line's address" is its answer
    auto worker = up.client->spawn("telecom");
    for (const std::string kind : {"udp", "tcp"}) {
        CAPTURE(kind);
        for (const std::string address : {"0.0.0.0", "::", "127.0.0.1", "::1", "100.64.2.2", "fd64:2::2"}) {
            CAPTURE(address);
            CHECK(worker.tell("bind " + kind + " " + address + " 4000") == "EPERM");
        }
        CHECK(worker.tell("bind " + kind + " 100.64.1.2 4000") == "ok");
        CHECK(worker.tell("bind " + kind + " fd64:1::2 4000") == "ok");
    }
}

TEST_CASE("targets that policy forbids are refused by the kernel, whatever the worker thinks") {
    Running up(each_guard());
    auto worker = up.client->spawn("telecom");
    const int before = up.carriers.arrived(0) + up.carriers.arrived(1);
    for (const std::string address :
         {"127.0.0.1",       "10.0.0.1",        "172.16.0.1", "192.168.0.1", "169.254.169.254",
          "100.100.100.200", "100.64.1.1",      "100.64.1.2", "100.64.2.1",  "100.64.2.2",
          "224.0.0.1",       "255.255.255.255", "0.0.0.0",    "::1",         "fe80::1",
          "fd00:ec2::254",   "fd64:1::1",       "fd64:1::2",  "ff02::1",     "::ffff:10.0.0.1",
          "64:ff9b::a00:1",  "2002:a00:1::",    "::10.0.0.1"}) {
        CAPTURE(address);
        CHECK(up.refused(worker.tell("udp " + address + " 5300 1")));
        CHECK(up.refused(worker.tell("tcp " + address + " 5300 1")));
        CHECK(up.refused(worker.tell("send " + address + " 5300 1")));
        const auto opened = worker.tell("fastopen " + address + " 5300");
        if (up.by_bpf) CHECK(opened == "EPERM");
        CHECK(worker.tell("ping " + address) != "ok");
    }
    CHECK(up.carriers.arrived(0) + up.carriers.arrived(1) == before);
    CHECK(worker.tell("udp 198.51.100.10 5300 30000").starts_with("ok telecom"));
}

TEST_CASE("ports that policy does not list are refused, and 53 is open to the line's resolver only") {
    const std::string resolver = "100.64.1.1";  // in a range that is denied otherwise
    std::string lines = lines_toml();
    for (auto at = lines.find(kTarget4); at != std::string::npos; at = lines.find(kTarget4))
        lines.replace(at, std::string(kTarget4).size(), resolver);
    Running up(each_guard(), policy_toml(), lines);
    auto worker = up.client->spawn("telecom");
    CHECK(up.refused(worker.tell("udp 198.51.100.10 5301 1")));
    CHECK(up.refused(worker.tell("tcp 2001:db8::10 22 1")));
    CHECK(up.refused(worker.tell("udp 198.51.100.10 53 1")));
    CHECK(worker.tell("udp " + resolver + " 53 1") != "EPERM");
    CHECK(worker.tell("send " + resolver + " 53 1") == "1 ok");
    CHECK(up.refused(worker.tell("udp " + resolver + " 54 1")));
    CHECK(worker.tell("ping " + resolver) == "EPERM");
    CHECK(up.client->stats(worker).traffic.denied >= 1);  // the ping: no hook but the packets' sees it
}

TEST_CASE("what `only` lists is open over TCP on that port and on no other, although its range is denied") {
    Running up(each_guard(), policy_with("only = [\"198.51.100.10:5300\", \"[2001:db8::10]:5300\"]\nports = [80]"));
    auto worker = up.client->spawn("unicom");
    for (const std::string target : {kTarget4, kTarget6}) {
        CAPTURE(target);
        const int before = up.carriers.arrived(1);
        CHECK(worker.tell("tcp " + target + " 5300 30000").starts_with("ok unicom"));
        CHECK(up.carriers.arrived(1) == before + 1);
        CHECK(up.refused(worker.tell("tcp " + target + " 5301 1")));
        CHECK(up.refused(worker.tell("udp " + target + " 5300 1")));
        CHECK(up.refused(worker.tell("send " + target + " 5300 1")));
        CHECK(worker.tell("ping " + target) != "ok");
        CHECK(up.carriers.arrived(1) == before + 1);
    }
}

TEST_CASE("an IPv4 address inside an allowed IPv6 address must be allowed as well") {
    Running up(each_guard(), policy_with("allow = [\"2000::/3\", \"64:ff9b::/96\", \"198.51.100.0/24\"]\ndeny = "
                                         "[\"203.0.113.0/24\"]"));
    auto worker = up.client->spawn("telecom");
    struct {
        const char* address;
        bool allowed;
    } const kRows[] = {
        {"64:ff9b::c633:640a", true},   // 198.51.100.10
        {"64:ff9b::a00:1", false},      // 10.0.0.1
        {"64:ff9b::cb00:7101", false},  // 203.0.113.1
        {"2002:c633:640a::1", true},
        {"2002:7f00:1::1", false},                      // 127.0.0.1
        {"2001:0:c633:640a:0:0:39cc:9bf5", up.by_bpf},  // server and client 198.51.100.10; see target_ranges.hpp
        {"2001:0:a00:1:0:0:39cc:9bf5", false},          // server 10.0.0.1
        {"2001:0:c633:640a:0:0:f5ff:fffe", false},      // client 10.0.0.1
        {"2001:db8:1::5efe:198.51.100.10", up.by_bpf},  // ISATAP
        {"2001:db8:1:0:200:5efe:192.168.1.1", false},
    };
    for (const auto& [address, allowed] : kRows) {
        CAPTURE(address);
        CHECK((worker.tell(std::string("send ") + address + " 5300 1") != "0 EPERM") == allowed);
    }
}

TEST_CASE("nobody outside can open a connection to what runs on a line") {
    Running up("bpf");  // with nftables listen(2) is what a worker cannot do, see test_sandbox.cpp
    std::string group = output_of("awk '$3 == \"cgroup2\" {print $2; exit}' /proc/self/mounts");
    group.erase(group.find_last_not_of('\n') + 1);
    // A group of its own: in a pure v2 tree the line's, which has groups below it, takes no process (cgroups(7)).
    const std::string below = group + "/" + Flags{}.cgroup + "/line-telecom/outsider", procs = below + "/cgroup.procs";
    REQUIRE(mkdir(below.c_str(), 0755) == 0);
    const auto connects = [&](bool guarded) {
        int ready[2], stop[2];
        REQUIRE(pipe(ready) == 0);
        REQUIRE(pipe(stop) == 0);
        const pid_t pid = fork();
        if (pid == 0) {  // a server without a sandbox: only the guard is left
            const bool placed = !guarded || (std::ofstream(procs) << getpid() << std::flush).good();
            const int fd = socket(AF_INET, SOCK_STREAM, 0);
            sockaddr_in at{};
            at.sin_family = AF_INET;
            at.sin_port = htons(4100);
            at.sin_addr.s_addr = htonl(0x64400102);  // 100.64.1.2
            const bool listening = bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 && listen(fd, 4) == 0;
            char word = listening && placed ? 'y' : 'n';
            (void)!write(ready[1], &word, 1);
            (void)!read(stop[0], &word, 1);
            _exit(0);
        }
        char word = 'n';
        REQUIRE(read(ready[0], &word, 1) == 1);
        REQUIRE(word == 'y');
        const bool reached = up.carriers.reaches(0, "100.64.1.2", 4100);
        (void)!write(stop[1], "x", 1);
        waitpid(pid, nullptr, 0);
        for (const int fd : {ready[0], ready[1], stop[0], stop[1]}) close(fd);
        return reached;
    };
    CHECK(connects(false));  // the way there is open
    CHECK_FALSE(connects(true));
    CHECK(rmdir(below.c_str()) == 0);
}

TEST_CASE("what a sandbox sends and receives is counted in IP bytes") {
    Running up(each_guard());
    auto worker = up.client->spawn("telecom");
    auto other = up.client->spawn("telecom");
    const auto before = up.client->stats(worker).traffic;
    CHECK(before.sent_packets == 0);
    REQUIRE(worker.tell("udp 198.51.100.10 5300 30000").starts_with("ok telecom"));
    const auto after = up.client->stats(worker).traffic;
    CHECK(after.sent_packets == 1);
    CHECK(after.sent_bytes == 20 + 8 + 3);
    CHECK(after.received_packets == 1);
    CHECK(after.received_bytes > 28);
    CHECK(up.client->stats(other).traffic.sent_packets == 0);
}

TEST_CASE("a line sends no more than its budget, all its workers together") {
    Running up(each_guard(), policy_with("allow = [\"198.51.100.0/24\"]", "packets_per_s = 50"));
    auto first = up.client->spawn("telecom");
    auto second = up.client->spawn("telecom");
    auto elsewhere = up.client->spawn("unicom");
    first.tell("send 198.51.100.10 5300 400");
    second.tell("send 198.51.100.10 5300 400");
    const auto one = up.client->stats(first).traffic, two = up.client->stats(second).traffic;
    CHECK(one.sent_packets + two.sent_packets >= 50);  // a second's worth at once
    CHECK(one.sent_packets + two.sent_packets < 400);  // and what came due meanwhile, on a busy machine
    CHECK(one.throttled + two.throttled == 800 - one.sent_packets - two.sent_packets);
    CHECK(elsewhere.tell("send 198.51.100.10 5300 40") == "40 ok");
}

TEST_CASE("what a line has spent stays spent while its targets change") {
    Running up(each_guard(), policy_with("allow = [\"198.51.100.0/24\"]", "packets_per_s = 50"));
    auto worker = up.client->spawn("telecom");
    const auto began = std::chrono::steady_clock::now();
    worker.tell("send 198.51.100.10 5300 400");
    for (int last = 1; last <= 6; ++last) {
        REQUIRE(std::holds_alternative<Done>(up.client->deny({"203.0.113." + std::to_string(last)})));
        worker.tell("send 198.51.100.10 5300 400");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    // A second's worth at once, and what came due meanwhile; a new bucket each time would be 50 more each time.
    CHECK(static_cast<double>(up.client->stats(worker).traffic.sent_packets) <= 51 + 50 * took.count());
}

TEST_CASE("an agent that changes its targets all the time is told to wait") {
    Running up("bpf");
    int refused = 0;
    for (int i = 0; i < 1000 && refused == 0; ++i)
        if (const auto answer = up.client->deny({"203.0.113.1"}); !std::holds_alternative<Done>(answer))
            refused = std::get<int>(answer);
    CHECK(refused == EAGAIN);
    CHECK(up.client->line(0).count == 2);  // and is served all the same
}

TEST_CASE("a byte budget counts whole packets") {
    Running up(each_guard(), policy_with("allow = [\"198.51.100.0/24\"]", "bytes_per_s = 3100"));
    auto worker = up.client->spawn("telecom");
    worker.tell("send 198.51.100.10 5300 1000");  // 31 bytes each
    const auto traffic = up.client->stats(worker).traffic;
    CHECK(traffic.sent_packets >= 99);
    CHECK(traffic.sent_packets < 500);
    CHECK(traffic.sent_packets + traffic.throttled == 1000);
}

TEST_CASE("a device that is made anew is held anew, and in between nothing leaves") {
    const auto guard = each_guard();
    Carriers carriers;
    ConfigFolder folder;
    Flags flags;
    flags.more = {"--guard", guard};
    LauncherProcess launcher(folder, flags);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    Client client(launcher.socket());
    auto worker = client.spawn("unicom");
    REQUIRE(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    sh("ip link del wan1");
    auto changed = client.event<LineInfo>(Type::line_changed);
    while (changed && changed->ifindex != 0) changed = client.event<LineInfo>(Type::line_changed);
    for (const std::string target : {kTarget4, kTarget6})
        CHECK_FALSE(worker.tell("udp " + target + " 5300 300").starts_with("ok"));
    CHECK(carriers.arrived(0) == 0);
    carriers.plug_in(1);
    while (changed && changed->link_up == 0) changed = client.event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(client.comes_to_route("unicom", kTarget6));
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
    CHECK(worker.tell("udp 2001:db8::10 5300 30000") == "ok unicom fd64:2::2");
    CHECK(carriers.arrived(0) == 0);
}

TEST_CASE("both guards say who they are, and the route a worker's socket takes") {
    Running up(each_guard());
    CHECK(up.launcher->says(up.by_bpf ? "enforcement=bpf-guard" : "enforcement=nft-guard"));
    const auto wanted = up.by_bpf ? Enforcement::bpf_guard : Enforcement::nft_guard;
    CHECK(up.client->line(1).enforced_by == wanted);
    CHECK(std::get<HostInfo>(up.client->ask_header_only<HostInfo>(Type::get_host)).enforcement == wanted);
    for (const char* target : {kTarget4, kTarget6}) {
        const auto route = up.client->route("unicom", target);
        CHECK(route.error == 0);
        CHECK(route.table == 102);
        CHECK(std::string(route.ifname) == "wan1");
    }
    auto first = up.client->spawn("telecom"), second = up.client->spawn("unicom");
    CHECK(first.spawned().uid == own_uids());
    CHECK(second.spawned().uid == own_uids() + 128);  // each line has uids of its own
}

TEST_CASE("without CAP_BPF the lines are held by nftables, and the log says why") {
    shared_carriers();
    ConfigFolder folder;
    Flags flags;
    flags.before = {"/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-bpf,-sys_admin"};
    {
        LauncherProcess launcher(folder, flags);
        REQUIRE_MESSAGE(launcher.says("ready lines=2 enforcement=nft-guard"), launcher.log());
        CHECK(launcher.says("guard_fallback level=nft-guard why=\"bpf maps: "));
        CHECK(Client(launcher.socket()).spawn("unicom").tell("tcp 198.51.100.10 5300 30000") == "ok unicom 100.64.2.2");
        CHECK(output_of("nft list tables") == "table inet edge_launcher\n");
    }
    CHECK(output_of("nft list tables") == "");
    flags.more = {"--guard", "bpf"};
    LauncherProcess refused(folder, flags);
    CHECK(refused.exit_code() == 71);
    CHECK(refused.says("guard: no line can be held on this host: bpf maps: "));
}

TEST_CASE("the table of a killed launcher holds on, and goes with the next start or --cleanup") {
    shared_carriers();
    ConfigFolder folder;
    Flags flags;
    flags.more = {"--guard", "nft"};
    {
        LauncherProcess launcher(folder, flags);
        REQUIRE(launcher.says("ready"));
        launcher.signal(SIGKILL);
        launcher.exit_code();
    }
    CHECK(output_of("nft list tables") == "table inet edge_launcher\n");
    CHECK(output_of("ip rule | grep -c uidrange") == "4\n");
    SUBCASE("the next start") {
        flags.more = {"--guard", "bpf"};
        LauncherProcess next(folder, flags);
        CHECK(next.says("ready"));
    }
    SUBCASE("--cleanup") {
        flags.more = {"--cleanup"};
        LauncherProcess cleanup(folder, flags);
        CHECK(cleanup.exit_code() == 0);
    }
    CHECK(output_of("nft list tables") == "");
    CHECK(output_of("ip rule | grep -c uidrange") == "0\n");
}

TEST_CASE("without a guard a line's workers are led by its table, and what that does not hold is let through") {
    Running up("cooperative");
    CHECK(up.launcher->says("enforcement=cooperative"));
    CHECK(up.launcher->says("guard_absent level=cooperative not_held=\"devices, sources, targets, rates, counters\""));
    CHECK(up.client->line(1).enforced_by == Enforcement::cooperative);
    CHECK(std::get<HostInfo>(up.client->ask_header_only<HostInfo>(Type::get_host)).enforcement ==
          Enforcement::cooperative);
    auto worker = up.client->spawn("unicom");
    // Held: what binds nothing, or the line's own device, leaves by the line, and only ways in its table are ways.
    for (const std::string kind : {"udp", "tcp"}) {
        CHECK(worker.tell(kind + " 198.51.100.10 5300 3000") == "ok unicom 100.64.2.2");
        CHECK(worker.tell(kind + " 2001:db8::10 5300 3000") == "ok unicom fd64:2::2");
    }
    CHECK(worker.tell("stray udp " + index_of("wan1") + " 198.51.100.10 5300") == "ok");
    CHECK(worker.tell("option device wan1") == "ok");  // as edge-probe does
    const int by_telecom = up.carriers.arrived(0);
    CHECK(worker.tell("stray udp " + index_of("wan0") + " 2001:db8::10 5300") == "ENETUNREACH");
    CHECK(worker.tell("stray udp " + index_of("wan0") + " 198.51.100.10 5300") == "ok");  // asks by ARP, in vain
    CHECK(up.carriers.arrived(0) == by_telecom);
    for (const char* target : {kTarget4, kTarget6}) {
        const auto route = up.client->route("unicom", target);
        CHECK(route.error == 0);
        CHECK(route.table == 102);
        CHECK(std::string(route.ifname) == "wan1");
    }
    // Not held, each of which a guard refuses in the cases above.
    struct {
        const char* what;
        std::string tried;
        std::string said;
    } const kNotHeld[] = {
        {"another device, for who is on its link", "stray udp " + index_of("wan0") + " 100.64.1.1 5300", "ok"},
        {"another line's source", "from udp 100.64.1.2 198.51.100.10 5300", "ok"},
        {"any address to bind to", "bind udp 127.0.0.1 4000", "ok"},
        {"a denied target", "udp 100.64.2.1 5300 3000", "ECONNREFUSED"},
        {"a port that is not listed", "tcp 198.51.100.10 22 3000", "ECONNREFUSED"},
        {"a rate", "send 198.51.100.10 5300 400", "400 ok"},
    };
    const int before = up.carriers.arrived(1);
    for (const auto& one : kNotHeld) {
        CAPTURE(one.what);
        CHECK(worker.tell(one.tried) == one.said);
    }
    for (int tries = 0; tries < 1'000'000 && up.carriers.arrived(1) < before + 2; ++tries) {
    }
    CHECK(up.carriers.arrived(1) > before + 1);                 // the foreign source among them
    CHECK(up.client->stats(worker).traffic.sent_packets == 0);  // and nothing is counted
}

TEST_CASE("without a guard a line that has no way is closed, and a limit that nobody would hold is refused") {
    Carriers carriers;
    ConfigFolder folder;
    Flags flags;
    flags.more = {"--guard", "cooperative"};
    {
        LauncherProcess launcher(folder, flags);
        REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
        Client client(launcher.socket());
        auto worker = client.spawn("unicom");
        sh("ip link del wan1");
        auto changed = client.event<LineInfo>(Type::line_changed);
        while (changed && changed->ifindex != 0) changed = client.event<LineInfo>(Type::line_changed);
        for (const std::string target : {kTarget4, kTarget6})
            CHECK(worker.tell("udp " + target + " 5300 300") == "ENETUNREACH");
        CHECK(carriers.arrived(0) == 0);
    }
    folder.write("policy.toml", policy_with("", "bytes_per_s = 1000"));
    LauncherProcess refused(folder, flags);
    CHECK(refused.exit_code() == 78);
    CHECK(refused.says("[line] limits what --guard cooperative does not count; take it out, or choose another"));
}

TEST_CASE("two lines share a device, and each leaves from its own addresses alone") {
    const auto guard = each_guard();
    Carriers carriers;
    sh("ip addr add 100.64.1.3/24 dev wan0 && ip -6 addr add fd64:1::3/64 dev wan0 nodad");
    ConfigFolder folder;
    std::string lines;
    for (const std::string n : {"2", "3"})
        lines += "[[line]]\nname = \"line" + n + "\"\nkind = \"address\"\ndevice = \"wan0\"\naddresses = [\"100.64.1." +
                 n + "/24\", \"fd64:1::" + n +
                 "/64\"]\ngateway4 = \"100.64.1.1\"\ngateway6 = \"fd64:1::1\"\ntable = 10" + n + "\nmark = 0x10" + n +
                 "\nresolvers = [\"198.51.100.10\"]\nroutes = \"managed\"\n";
    folder.write("lines.toml", lines);
    Flags flags;
    flags.more = {"--guard", guard};
    LauncherProcess launcher(folder, flags);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    Client client(launcher.socket());
    CHECK(client.line(1).kind == LineBy::address);
    for (const std::string n : {"2", "3"}) {
        CAPTURE(n);
        const std::string other = n == "2" ? "3" : "2";
        auto worker = client.spawn("line" + n);
        for (const std::string kind : {"udp", "tcp"}) {  // nobody says bind: the table does
            CHECK(worker.tell(kind + " 198.51.100.10 5300 30000") == "ok telecom 100.64.1." + n);
            CHECK(worker.tell(kind + " 2001:db8::10 5300 30000") == "ok telecom fd64:1::" + n);
        }
        const int before = carriers.arrived(0);
        CHECK(worker.tell("from udp 100.64.1." + other + " 198.51.100.10 5300") == "EPERM");
        CHECK(worker.tell("from udp fd64:1::" + other + " 2001:db8::10 5300") == "EPERM");
        CHECK(carriers.arrived(0) == before);
        CHECK(client.stats(worker).traffic.strays == 2);
        for (const char* target : {kTarget4, kTarget6})
            CHECK(client.route("line" + n, target).table == 100U + static_cast<unsigned>(n[0] - '0'));
    }
}
