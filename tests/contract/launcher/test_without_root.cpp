// The launcher of an ordinary user: who has no privilege, changes nothing of the machine's, and holds no more than it
// says. What arrived at the carriers is the oracle.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <sstream>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

const std::string kNetwork = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; ip -d link";

uid_t user() {
    return own_uids() + 9000;
}

/// A folder of the user's, with files of root's.
struct UserFolder : ConfigFolder {
    UserFolder() {
        write("lines.toml", lines_toml("external"));
        REQUIRE(::chown(path().c_str(), user(), user()) == 0);
    }
};

Flags as_user() {
    Flags flags;
    const std::string id = std::to_string(user());
    flags.before = {"/usr/bin/setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"};
    flags.agent_uid = user();
    flags.uid_base = 0;
    flags.cgroup = "none";
    flags.more = {"--guard", "cooperative"};
    return flags;
}

/// What the log tells the operator to type, each once.
std::vector<std::string> commands_in(const std::string& log) {
    std::vector<std::string> commands;
    const std::string before = " todo=\"";
    for (auto at = log.find(before); at != std::string::npos; at = log.find(before, at + 1)) {
        const auto from = at + before.size();
        commands.push_back(log.substr(from, log.find('"', from) - from));
    }
    return commands;
}

struct Running {
    Running() {
        launcher.emplace(folder, as_user());
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    void do_as_told() {
        for (const auto& command : commands_in(launcher->log())) sh(command);
    }

    Carriers carriers;
    UserFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

/// Every process of the user's that lives. A descriptor of one becomes readable when it ends.
class Processes {
  public:
    Processes() {
        std::istringstream found(output_of("ps -o pid=,stat= -u " + std::to_string(user())));
        int pid = 0;
        for (std::string state; found >> pid >> state;)  // a dead one that nobody collects is none
            if (state[0] != 'Z') all_.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    }
    std::size_t count() const { return all_.size(); }
    bool end() const {
        for (const auto& one : all_) {
            pollfd waiting{one.get(), POLLIN, 0};
            if (one && ::poll(&waiting, 1, 60'000) != 1) return false;
        }
        return true;
    }

  private:
    std::vector<Fd> all_;
};

std::string status_of(pid_t pid, const std::string& field) {
    return output_of("awk '$1 == \"" + field + ":\" {print $2}' /proc/" + std::to_string(pid) + "/status");
}

}  // namespace

TEST_CASE("without root: what is missing is told as commands, and behind them each prober leaves by its line") {
    Running up;
    CHECK(up.launcher->says("limits_absent why=\"not root\" not_held=\"cpu, memory, processes\""));
    CHECK(up.launcher->says("guard_absent level=cooperative"));
    for (const char* target : {kTarget4, kTarget6}) {  // nothing leads there yet: no answer that could be verified
        const auto route = up.client->route("unicom", target);
        CHECK((route.error != 0 || route.table != 102));
    }
    const auto commands = commands_in(up.launcher->log());
    const auto is_told = [&](const std::string& command) {
        return std::find(commands.begin(), commands.end(), command) != commands.end();
    };
    for (const std::string command : {"ip route add default via 100.64.2.1 dev wan1 table 102",
                                      "ip rule add oif wan1 lookup 102", "ip rule add from 100.64.2.2 lookup 102",
                                      "ip -6 rule add oif wan1 lookup 102", "ip -6 rule add from fd64:2::2 lookup 102"})
        CHECK_MESSAGE(is_told(command), command << "\n" << up.launcher->log());
    up.do_as_told();
    REQUIRE(up.client->comes_to_route("unicom", kTarget6));
    for (const std::string n : {"1", "2"}) {
        const std::string name = n == "1" ? "telecom" : "unicom", device = n == "1" ? "wan0" : "wan1";
        auto worker = up.client->spawn(name);
        CHECK(worker.tell("arguments").ends_with("--bind " + device + " "));
        for (const std::string kind : {"udp ", "tcp "}) {
            CHECK(worker.tell(kind + "198.51.100.10 5300 30000 " + device) == "ok " + name + " 100.64." + n + ".2");
            CHECK(worker.tell(kind + "2001:db8::10 5300 30000 " + device) == "ok " + name + " fd64:" + n + "::2");
        }
        for (const char* target : {kTarget4, kTarget6}) {
            const auto route = up.client->route(name, target);
            CHECK(route.error == 0);
            CHECK(std::string(route.ifname) == device);
            CHECK(route.table == 100 + static_cast<unsigned>(std::stoi(n)));
            CHECK(route.mark == 0);
        }
    }
    const auto before = commands_in(up.launcher->log()).size();
    sh("ip rule del oif wan1 lookup 102");  // and again when it is lost
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (commands_in(up.launcher->log()).size() == before && std::chrono::steady_clock::now() < until)
        (void)up.client->route("unicom", kTarget4);  // an answer later it has looked
    CHECK(commands_in(up.launcher->log()).size() == before + 1);
}

TEST_CASE("without root: the kernel's answer is what a socket gets that is looked up again with its address") {
    Running up;
    up.do_as_told();
    REQUIRE(up.client->comes_to_route("unicom", kTarget6));
    CHECK(up.client->route("unicom", kTarget4).table == 102);
    sh("ip route add default via 100.64.2.1 dev wan1 table 103 && ip rule add pref 1 from 100.64.2.2 lookup 103");
    const auto route = up.client->route("unicom", kTarget4);
    CHECK(route.table == 103);  // so that evidence says it
    CHECK(std::string(route.ifname) == "wan1");
    sh("ip rule del pref 1 && ip rule add pref 1 from 100.64.2.2 ipproto 17 dport 53 lookup 103");
    CHECK(up.client->route("unicom", kTarget4, IPPROTO_UDP, 53).table == 103);
    CHECK(up.client->route("unicom", kTarget4, IPPROTO_TCP, 53).table == 102);
}

TEST_CASE("without root: a socket for the agent's link has the line's device and address, and no mark") {
    Running up;
    up.do_as_told();
    REQUIRE(up.client->comes_to_route("unicom", kTarget4));
    Fd socket;
    const OpenUplink asked{line_name("unicom"), AF_INET, UplinkTransport::udp};
    const auto opened = up.client->ask<UplinkSocket>(Type::open_uplink, asked, &socket);
    REQUIRE(std::holds_alternative<UplinkSocket>(opened));
    CHECK(std::get<UplinkSocket>(opened).marked == 0);
    char device[16]{};
    socklen_t size = sizeof device;
    REQUIRE(::getsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, device, &size) == 0);
    CHECK(std::string(device) == "wan1");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(kPort);
    to.sin_addr.s_addr = htonl(0xC633640A);  // kTarget4
    REQUIRE(::sendto(socket.get(), "?", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 1);
    pollfd ready{socket.get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 5'000) == 1);
    char said[64];
    const auto got = ::recv(socket.get(), said, sizeof said, 0);
    CHECK(std::string(said, static_cast<std::size_t>(std::max<ssize_t>(got, 0))) == "unicom 100.64.2.2");
}

TEST_CASE("without root: of a line that is down nothing leaves, by whichever way") {
    Running up;
    up.do_as_told();
    REQUIRE(up.client->comes_to_route("unicom", kTarget6));
    auto worker = up.client->spawn("unicom");
    sh("ip link del wan1");
    auto changed = up.client->event<LineInfo>(Type::line_changed);
    while (changed && changed->ifindex != 0) changed = up.client->event<LineInfo>(Type::line_changed);
    for (const std::string target : {kTarget4, kTarget6}) {
        CHECK(worker.tell("udp " + target + " 5300 300 wan1") == "ENODEV");
        CHECK(up.client->route("unicom", target).error == ENODEV);
    }
    CHECK(up.carriers.arrived(0) == 0);
    CHECK(up.carriers.arrived(1) == 0);
}

TEST_CASE("without root: launcher and workers have no privilege, and tell no limit that they have not") {
    Running up;
    const auto host = std::get<HostInfo>(up.client->ask_header_only<HostInfo>(Type::get_host));
    CHECK(host.enforcement == Enforcement::cooperative);
    CHECK(host.cgroup_mode == CgroupMode::none);
    CHECK(host.uid_base == user());
    CHECK(host.uids == 1);
    CHECK(host.cpu_percent + host.memory_mb + host.pids == 0);
    CHECK(std::string(host.cgroup).empty());
    CHECK(status_of(up.launcher->pid(), "CapPrm") == "0000000000000000\n");
    CHECK(status_of(up.launcher->pid(), "Seccomp") == "2\n");
    CHECK(status_of(up.launcher->pid(), "NoNewPrivs") == "1\n");

    auto one = up.client->spawn("telecom");
    auto other = up.client->spawn("unicom");
    const auto id = std::to_string(user());
    for (auto* worker : {&one, &other}) {
        CHECK(worker->spawned().uid == user());
        const auto is = worker->tell("identity");
        CHECK_MESSAGE(is.starts_with("uid=" + id + "," + id + "," + id + " gid=" + id + "," + id + "," + id), is);
        for (const std::string held : {" pid=1 ", " effective=0 ", " permitted=0 ", " bounding=0 ", " no_new_privs=1 ",
                                       " seccomp=2 ", " nofile=4096 core=0 ", " host=edge ", " fds=0,1,2,3,"})
            CHECK_MESSAGE(is.find(held) != std::string::npos, held << " in " << is);
        for (const std::string denied :
             {"mount", "chroot", "setns", "unshare_user", "ptrace", "bpf", "listen", "death_signal", "datagram_pair"})
            CHECK(worker->tell("call " + denied) == "EPERM");
        CHECK(worker->tell("kill " + std::to_string(up.launcher->pid())) == "ESRCH");  // whose uid it has
        CHECK(worker->tell("open /etc/passwd") == "ENOENT");
    }
}

TEST_CASE("without root: a worker that is killed takes along what it started, and one that crashes, too") {
    Running up;
    const auto idle = Processes().count();
    CHECK(idle == 2);  // the launcher, and what gives birth
    auto worker = up.client->spawn("telecom");
    REQUIRE(worker.tell("leave 3") == "ok");
    const Processes all;
    CHECK(all.count() == idle + 4);
    std::size_t left = 0;
    SUBCASE("by the client") {
        CHECK(std::holds_alternative<Done>(up.client->ask<Done>(Type::kill, Kill{worker.spawned().worker})));
        CHECK(up.client->event<WorkerExited>(Type::worker_exited)->reason == ExitReason::killed);
        left = idle;
    }
    SUBCASE("by a defect of its own") {
        CHECK(worker.tell("crash") == "gone");
        CHECK(up.client->event<WorkerExited>(Type::worker_exited)->worker == worker.spawned().worker);
        left = idle;
    }
    SUBCASE("with a client that goes") {
        up.client.reset();
        CHECK(worker.tell("spin 10000") == "gone");
        Client next(up.launcher->socket());
        auto again = next.spawn("telecom");  // its end has been heard of
        CHECK(again.tell("exit 3") == "gone");
        CHECK(next.event<WorkerExited>(Type::worker_exited)->code == 3);
        left = idle;
    }
    SUBCASE("with the launcher that is killed") {
        up.launcher->signal(SIGKILL);
        CHECK(up.launcher->exit_code() == 128 + SIGKILL);
        CHECK(all.end());
    }
    SUBCASE("with the launcher that is stopped") {
        up.launcher->signal(SIGTERM);
        CHECK(up.launcher->exit_code() == 0);
        CHECK(all.end());
    }
    CHECK(Processes().count() == left);
}

TEST_CASE("without root: nothing of the machine is touched, and nothing of a killed launcher is in the way") {
    Carriers carriers;
    UserFolder folder;
    const auto state = [&] {
        return output_of(kNetwork) + groups_named("none") + output_of("ls -A /run/edge-launcher");
    };
    const auto before = state();
    {
        LauncherProcess killed(folder, as_user());
        REQUIRE_MESSAGE(killed.says("ready lines=2"), killed.log());
        Client client(killed.socket());
        auto worker = client.spawn("telecom");
        CHECK(state() == before);
        killed.signal(SIGKILL);
        CHECK(killed.exit_code() == 128 + SIGKILL);
        CHECK(worker.tell("identity") == "gone");
    }
    CHECK(state() == before);
    LauncherProcess next(folder, as_user());
    REQUIRE_MESSAGE(next.says("ready lines=2"), next.log());
    {
        LauncherProcess second(folder, as_user());
        CHECK(second.exit_code() == 69);
        CHECK(second.says("is in use by another process; stop it, or choose another --socket"));
    }
    {
        const Fd held(::open((folder.path() + "/other.sock.lock").c_str(), O_CREAT | O_RDWR, 0600));
        REQUIRE(::fchown(held.get(), user(), user()) == 0);
        REQUIRE(::flock(held.get(), LOCK_EX) == 0);  // by one that has no socket yet
        auto flags = as_user();
        flags.socket = folder.path() + "/other.sock";
        LauncherProcess third(folder, flags);
        REQUIRE(third.says("is in use by another process; stop it, or choose another --socket"));  // or it would serve
        CHECK(third.exit_code() == 69);
        REQUIRE(::unlink((folder.path() + "/other.sock.lock").c_str()) == 0);
    }
    CHECK(Client(next.socket()).spawn("telecom").tell("identity").starts_with("uid="));
    next.signal(SIGTERM);
    CHECK(next.exit_code() == 0);
    CHECK(state() == before);
    CHECK(output_of("ls -A " + folder.path()) == "lines.toml\npolicy.toml\n");
}

namespace {

struct Refused {
    const char* name;
    std::function<void(const ConfigFolder&, Flags&)> prepare;
    int code;
    std::vector<std::string> says;
};

std::string with_line(const std::string& from, const std::string& to) {
    std::string lines = lines_toml("external");
    return lines.replace(lines.find(from), from.size(), to);
}

const Refused kRefused[] = {
    {"what it does not hold is not accepted",
     [](auto&, auto& flags) { flags.more = {}; },
     77,
     {"privileges: not root; run as root, or with --guard cooperative --cgroup none"}},
    {"nor if a group is asked for",
     [](auto&, auto& flags) { flags.cgroup = own_group(); },
     77,
     {"privileges: not root; run as root, or with --guard cooperative --cgroup none"}},
    {"root has groups", [](auto&, auto& flags) { flags.before = {}; }, 64, {"--cgroup none is for an ordinary user"}},
    {"there is one uid",
     [](auto&, auto& flags) { flags.uid_base = own_uids(); },
     64,
     {"--uid-base: without root every worker has your uid; take it out"}},
    {"nothing is counted",
     [](auto&, auto& flags) {
         flags.more.insert(flags.more.end(), {"--state", "/tmp"});
     },
     64,
     {"--state: without root nothing is counted; take it out"}},
    {"a user's own files are root's launcher's not",
     [](auto&, auto& flags) {
         flags.more = {"--check-config"};
         flags.cgroup = own_group();
     },
     78,
     {": belongs to uid ", "run: chown root "}},
    {"nobody else's agent",
     [](auto&, auto& flags) { flags.agent_uid = 1; },
     64,
     {"--agent-uid: without root your own agent alone is served"}},
    {"also where they are only read",
     [](auto& folder, auto& flags) {
         folder.write("lines.toml", with_line("routes = \"external\"", "routes = \"managed\""));
         flags.more.push_back("--check-config");
     },
     78,
     {"lines.toml:11:1: managed routes need root"}},
    {"nothing to clean up",
     [](auto&, auto& flags) { flags.more.push_back("--cleanup"); },
     64,
     {"--cgroup none leaves nothing to clean up"}},
    {"routes and devices are not its to make",
     [](auto& folder, auto&) {
         folder.write("lines.toml",
                      with_line("routes = \"external\"", "routes = \"managed\"") +
                          "[[line]]\nname = \"made\"\nkind = \"macvlan\"\ncarrier = \"cm\"\ndevice = \"edge-made\"\n"
                          "parent = \"eth0\"\naddresses = [\"100.64.3.2/24\"]\ngateway4 = \"100.64.3.1\"\n"
                          "table = 103\nmark = 0x103\nroutes = \"managed\"\n"
                          "[[line]]\nname = \"inside\"\nkind = \"netns\"\nnetns = \"cell\"\ncarrier = \"cm\"\n"
                          "device = \"eth1\"\naddresses = [\"100.64.4.2\"]\ngateway4 = \"100.64.4.1\"\n"
                          "table = 104\nmark = 0x104\n");
     },
     78,
     {"lines.toml:11:1: managed routes need root; take this out, and add those that edge-launcher prints",
      "lines.toml:25:1: without root a line is kind = \"device\", which edge-probe can bind to by itself",
      "lines.toml:36:1: without root a line is kind"}},
    {"a file of somebody else's",
     [](auto& folder, auto&) { REQUIRE(::chown((folder.path() + "/policy.toml").c_str(), 1234, 0) == 0); },
     78,
     {"policy.toml: belongs to uid 1234; run: chown "}},
    {"a limit that nobody would hold",
     [](auto& folder, auto&) { folder.write("policy.toml", policy_toml() + "[line]\nbytes_per_s = 1000\n"); },
     78,
     {"policy.toml:11:2: [line] limits what --guard cooperative does not count"}},
};

}  // namespace

TEST_CASE("without root: what cannot be is refused in words that say what to do") {
    shared_carriers();
    for (const auto& one : kRefused) {
        SUBCASE(one.name) {
            UserFolder folder;
            Flags flags = as_user();
            one.prepare(folder, flags);
            LauncherProcess launcher(folder, flags);
            CHECK_MESSAGE(launcher.exit_code() == one.code, launcher.log());
            for (const auto& text : one.says) CHECK_MESSAGE(launcher.says(text), launcher.log());
            CHECK(output_of("ls -A " + folder.path()) == "lines.toml\npolicy.toml\n");
        }
    }
}
