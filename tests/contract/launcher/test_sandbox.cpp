// What a worker is, and what it cannot do: tried from inside, on the real kernel.
#include <doctest/doctest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

struct Running {
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    LauncherProcess launcher{folder};
    Client client = [this] {
        REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
        return Client(launcher.socket());
    }();
};

/// What /proc says of it; nothing of a process that is gone.
std::map<std::string, std::string> status_of(pid_t pid) {
    std::map<std::string, std::string> status;
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string key, value; file >> key && std::getline(file >> std::ws, value);) status[key] = value;
    return status;
}

/// The launcher's one child before it has a worker.
pid_t spawner_of(pid_t launcher) {
    const auto id = std::to_string(launcher);
    return std::stoi(output_of("cat /proc/" + id + "/task/" + id + "/children"));
}

std::string word(const std::string& text, const std::string& key) {
    std::istringstream in(text);
    for (std::string one; in >> one;)
        if (one.starts_with(key + "=")) return one.substr(key.size() + 1);
    return "(absent)";
}

}  // namespace

TEST_CASE("what a worker sends leaves by its line, whatever the main table says") {
    Running up;
    struct {
        const char *line, *four, *six;
    } const kLines[] = {{"telecom", "100.64.1.2", "fd64:1::2"}, {"unicom", "100.64.2.2", "fd64:2::2"}};
    for (const auto& [line, four, six] : kLines) {
        CAPTURE(line);
        auto worker = up.client.spawn(line);
        for (const std::string kind : {"udp", "tcp"}) {
            CAPTURE(kind);
            CHECK(worker.tell(kind + " 198.51.100.10 5300 30000") == std::string("ok ") + line + " " + four);
            CHECK(worker.tell(kind + " 2001:db8::10 5300 30000") == std::string("ok ") + line + " " + six);
        }
        CHECK(worker.tell("ping 198.51.100.10") == "ok");
        CHECK(worker.tell("ping 2001:db8::10") == "ok");
    }
}

TEST_CASE("a worker cannot choose another line") {
    Running up;
    auto worker = up.client.spawn("unicom");
    const int before = up.carriers.arrived(0);
    CHECK(worker.tell("option device wan0") == "EPERM");
    CHECK(worker.tell("option device lo") == "EPERM");
    CHECK(worker.tell("option mark 257") == "EPERM");
    CHECK(up.carriers.arrived(0) == before);
}

TEST_CASE("only TCP, UDP and ping sockets over IPv4 and IPv6 can be made") {
    Running up;
    auto worker = up.client.spawn("telecom");
    struct {
        int family, type, protocol;
        bool made;
    } const kKinds[] = {
        {AF_INET, SOCK_STREAM, 0, true},
        {AF_INET6, SOCK_STREAM, IPPROTO_TCP, true},
        {AF_INET, SOCK_DGRAM, 0, true},
        {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, true},
        {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, true},
        {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, true},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, false},
        {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, false},
        {AF_INET, SOCK_RAW, IPPROTO_RAW, false},
        {AF_INET, SOCK_STREAM, IPPROTO_MPTCP, false},
        {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, false},
        {AF_UNIX, SOCK_STREAM, 0, false},
        {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, false},
        {AF_PACKET, SOCK_DGRAM, 0, false},
        {AF_VSOCK, SOCK_STREAM, 0, false},
        {AF_ALG, SOCK_SEQPACKET, 0, false},
        {AF_KEY, SOCK_RAW, 2, false},
        {AF_XDP, SOCK_RAW, 0, false},
        {0, SOCK_STREAM, 0, false},
    };
    for (const auto& kind : kKinds) {
        const auto question = "socket " + std::to_string(kind.family) + " " + std::to_string(kind.type) + " " +
                              std::to_string(kind.protocol);
        CAPTURE(question);
        const auto answer = worker.tell(question);
        // By the filter's rule of families or of protocols: where both hold either may answer.
        const bool refused = answer == "EAFNOSUPPORT" || answer == "EPROTONOSUPPORT";
        CHECK_MESSAGE((kind.made ? answer == "ok" : refused), answer);
    }
}

TEST_CASE("calls that lead out of a sandbox are refused") {
    Running up;
    auto worker = up.client.spawn("telecom");
    for (const std::string name : {"mount",         "umount",      "open_tree",
                                   "fsopen",        "pivot_root",  "chroot",
                                   "unshare_user",  "unshare_net", "setns",
                                   "clone_newuser", "ptrace",      "process_vm_readv",
                                   "bpf",           "io_uring",    "keyctl",
                                   "add_key",       "perf",        "userfaultfd",
                                   "kexec",         "init_module", "open_by_handle_at",
                                   "sethostname",   "listen",      "capset"}) {
        CAPTURE(name);
        CHECK(worker.tell("call " + name) == "EPERM");
    }
    CHECK(worker.tell("call clone3") == "ENOSYS");   // glibc then uses clone
    CHECK(worker.tell("call setuid0") == "EINVAL");  // no such uid in there
}

TEST_CASE("a sandbox holds the probe's files and nothing else") {
    Running up;
    auto worker = up.client.spawn("telecom");
    const auto files = worker.tell("list");
    CAPTURE(files);
    std::istringstream in(files);
    int count = 0;
    for (std::string file; in >> file; ++count) {
        const bool expected = file.ends_with("/launcher_payload") || file.find(".so") != std::string::npos ||
                              file == "/etc/ssl/certs/ca-certificates.crt" || file.starts_with("/proc");
        CHECK_MESSAGE(expected, file);
    }
    CHECK(count >= 4);
    CHECK(worker.tell("open /etc/passwd") == "ENOENT");
    CHECK(worker.tell("open " + up.folder.path() + "/lines.toml") == "ENOENT");
    CHECK(worker.tell("create /new") == "EROFS");
    CHECK(worker.tell("create /lib/new") == "EROFS");
}

TEST_CASE("a worker has a uid of its own, no privilege, and few descriptors") {
    Running up;
    auto worker = up.client.spawn("telecom");
    auto other = up.client.spawn("telecom");
    CHECK(worker.spawned().uid != other.spawned().uid);
    const auto identity = worker.tell("identity");
    CAPTURE(identity);
    const auto uid = std::to_string(worker.spawned().uid);
    CHECK(worker.spawned().uid - own_uids() < 256);
    CHECK(word(identity, "uid") == uid + "," + uid + "," + uid);
    CHECK(word(identity, "gid") == uid + "," + uid + "," + uid);
    for (const auto& [key, value] : {std::pair{"groups", "0"},
                                     {"effective", "0"},
                                     {"permitted", "0"},
                                     {"bounding", "0"},
                                     {"no_new_privs", "1"},
                                     {"seccomp", "2"},
                                     {"nofile", "4096"},
                                     {"core", "0"},
                                     {"deathsig", "9"},
                                     {"pid", "1"},
                                     {"sid", "1"},
                                     {"ppid", "0"},
                                     {"host", "edge"},
                                     {"fds", "0,1,2,3,"}})
        CHECK_MESSAGE(word(identity, key) == value, key);
    CHECK(worker.tell("kill " + std::to_string(other.spawned().pid)) == "ESRCH");
    CHECK(worker.tell("kill " + std::to_string(up.launcher.pid())) == "ESRCH");
    CHECK(other.tell("socket 2 1 0") == "ok");
}

TEST_CASE("a worker is told its line and the policy, and nothing by environment") {
    Running up;
    auto worker = up.client.spawn("unicom");
    const auto arguments = worker.tell("arguments");
    CHECK(arguments.find("worker --fd 3 --line unicom --device wan1 --address 100.64.2.2 --address fd64:2::2 "
                         "--resolver 198.51.100.10 "
                         "--allow 198.51.100.0/24 --allow 2001:db8::/32 --port 5300 --service dns --service ping") ==
          0);
    CHECK(worker.tell("environment") == "");
}

TEST_CASE("the launcher works with five capabilities and can get no other") {
    // cap_kill 5, setgid 6, setuid 7, net_admin 12, bpf 39; dac_override 1 is for making NAME in the root of a tree
    const std::string five = "00000080000010e0", and_dac_override = "00000080000010e2";
    shared_carriers();
    ConfigFolder folder;
    SUBCASE("in the root of the control group trees, serving an agent that is not root") {
        Flags flags;
        flags.agent_uid = own_uids() + 1000;
        LauncherProcess launcher(folder, flags);
        const auto check = [&](const std::string& when) {
            CAPTURE(when);
            auto sets = status_of(launcher.pid());
            CHECK(sets["CapEff:"] == five);
            CHECK(sets["CapPrm:"] == and_dac_override);
            CHECK(sets["CapBnd:"] == five);
        };
        REQUIRE_MESSAGE(launcher.says("ready"), launcher.log());
        check("it serves");
        struct stat socket {};
        REQUIRE(::stat(launcher.socket().c_str(), &socket) == 0);
        CHECK(socket.st_uid == flags.agent_uid);
        CHECK((socket.st_mode & 07777) == 0600);
        {
            Client client(launcher.socket());
            CHECK(client.spawn("telecom").tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
            check("a worker runs");
        }
        REQUIRE(launcher.says("worker_exited"));
        Client(launcher.socket()).line(0);
        check("the worker's group is removed");
    }
    SUBCASE("in a group that was delegated to it, as in a unit with CapabilityBoundingSet") {
        DelegatedGroup parent(own_group("-unit"));
        Flags flags;
        flags.cgroup = own_group("-unit") + "/lines";
        flags.socket = folder.path() + "/launcher.sock";
        flags.before = {"/usr/bin/setpriv", "--inh-caps=-all",
                        "--bounding-set=-all,+kill,+setgid,+setuid,+net_admin,+bpf"};
        LauncherProcess launcher(folder, flags);
        REQUIRE_MESSAGE(launcher.says("ready"), launcher.log());
        CHECK(Client(launcher.socket()).spawn("telecom").tell("udp 198.51.100.10 5300 30000") ==
              "ok telecom 100.64.1.2");
        auto sets = status_of(launcher.pid());
        for (const char* set : {"CapEff:", "CapPrm:", "CapBnd:"}) CHECK(sets[set] == five);
    }
}

TEST_CASE("the launcher filters itself, and its spawner, which is not filtered, holds nothing") {
    shared_carriers();
    ConfigFolder folder;
    LauncherProcess launcher(folder);
    REQUIRE_MESSAGE(launcher.says("ready"), launcher.log());
    auto status = status_of(launcher.pid());
    CHECK(status["Seccomp:"] == "2");
    CHECK(status["NoNewPrivs:"] == "1");
    Client client(launcher.socket());
    CHECK(client.spawn("telecom").tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
    const pid_t spawner = spawner_of(launcher.pid());
    auto its = status_of(spawner);
    CHECK(its["Name:"] == "edge-spawner");
    CHECK(its["NoNewPrivs:"] == "1");
    CHECK(its["Seccomp:"] == "0");  // its children mount and change their root
    for (const char* set : {"CapEff:", "CapPrm:", "CapInh:", "CapAmb:"}) CHECK(its[set] == "0000000000000000");
    CHECK(output_of("ls /proc/" + std::to_string(spawner) + "/fd") == "0\n1\n2\n3\n");
    SUBCASE("it ends with a launcher that is killed") {
        const Fd gone(static_cast<int>(::syscall(SYS_pidfd_open, spawner, 0)));
        launcher.signal(SIGKILL);
        CHECK(launcher.exit_code() == 128 + SIGKILL);
        pollfd ended{gone.get(), POLLIN, 0};
        CHECK(::poll(&ended, 1, 30'000) == 1);
    }
    SUBCASE("without it the launcher ends, says so, and leaves nothing") {
        ::kill(spawner, SIGKILL);
        CHECK(launcher.exit_code() == 74);
        CHECK(launcher.says("spawner: has ended"));
        CHECK(groups_named(own_group()) == "");
    }
    SUBCASE("what a terminal or a service manager sends to all ends the launcher first") {
        ::kill(spawner, SIGTERM);
        ::kill(spawner, SIGINT);
        CHECK(client.spawn("unicom").tell("identity") != "gone");
        launcher.signal(SIGTERM);
        CHECK(launcher.exit_code() == 0);
    }
}
