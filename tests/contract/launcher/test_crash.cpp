// After kill -9 the next start finds and clears what was left; two launchers keep out of each other's way.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

const std::string kRouting = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all";

}  // namespace

TEST_CASE("what a killed launcher left is cleared by the next start") {
    shared_carriers();
    ConfigFolder folder;
    const auto before = output_of(kRouting);
    Fd channel;
    pid_t orphan = 0;
    {
        LauncherProcess launcher(folder);
        REQUIRE(launcher.says("ready"));
        Client client(launcher.socket());
        auto worker = client.spawn("telecom");
        orphan = worker.spawned().pid;
        launcher.signal(SIGKILL);
        CHECK(launcher.exit_code() == 128 + SIGKILL);
        CHECK(worker.tell("identity") == "gone");  // PR_SET_PDEATHSIG
    }
    CHECK(::access(("/proc/" + std::to_string(orphan) + "/root").c_str(), F_OK) != 0);
    CHECK(output_of("ip rule | grep 237") != "");  // the lines stay closed meanwhile
    CHECK(groups_named(own_group() + "/line-telecom/worker-1") != "");
    SUBCASE("which then serves") {
        folder.write("lines.toml", lines_toml().substr(0, lines_toml().find("[[line]]", 5)));  // with one line fewer
        LauncherProcess next(folder);
        REQUIRE_MESSAGE(next.says("ready lines=1"), next.log());
        CHECK(output_of("ip rule | grep -c 237") == "3\n");
        CHECK(groups_named(own_group() + "/line-unicom") == "");
        CHECK(groups_named(own_group() + "/line-telecom/worker-1") == "");
        CHECK(Client(next.socket()).spawn("telecom").tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
    }
    SUBCASE("or by --cleanup, which needs no configuration") {
        folder.write("lines.toml", "broken");
        Flags flags;
        flags.more = {"--cleanup"};
        LauncherProcess cleanup(folder, flags);
        CHECK(cleanup.exit_code() == 0);
    }
    CHECK(output_of(kRouting) == before);
    CHECK(groups_named(own_group()) == "");
}

TEST_CASE("processes that outlived a launcher are killed with their group") {
    shared_carriers();
    ConfigFolder folder;
    // What a worker would be if the death signal had not reached it.
    const bool pure_v2 = ::access("/sys/fs/cgroup/unified", F_OK) != 0;
    const std::string path =
        std::string(pure_v2 ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/unified/") + own_group() + "/line-telecom/worker-9";
    sh("mkdir -p " + path);
    const pid_t suite = ::getpid(), stray = ::fork();
    if (stray == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != suite) ::_exit(1);
        ::signal(SIGTERM, SIG_IGN);
        for (;;) ::pause();
    }
    sh("echo " + std::to_string(stray) + " > " + path + "/cgroup.procs");
    LauncherProcess launcher(folder);
    REQUIRE_MESSAGE(launcher.says("ready"), launcher.log());
    int status = 0;
    ::waitpid(stray, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("what everybody may lock keeps no launcher from starting") {
    shared_carriers();
    const DelegatedGroup group(own_group("-locked"));
    std::string path = output_of("awk '$3 == \"cgroup2\" {print $2; exit}' /proc/self/mounts");
    path.erase(path.find_last_not_of('\n') + 1);
    const Fd space(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    const Fd folder_of_group(::open((path + "/" + own_group("-locked")).c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(::flock(space.get(), LOCK_EX | LOCK_NB) == 0);
    REQUIRE(::flock(folder_of_group.get(), LOCK_EX | LOCK_NB) == 0);
    ConfigFolder folder;
    Flags flags;
    flags.cgroup = own_group("-locked");
    LauncherProcess launcher(folder, flags);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    struct stat status {};
    REQUIRE(::fstat(space.get(), &status) == 0);
    const std::string lock = "/run/edge-launcher/netns-" + std::to_string(status.st_ino);
    REQUIRE(::stat(lock.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);  // what only root may open
    launcher.signal(SIGTERM);
    CHECK(launcher.exit_code() == 0);
    CHECK(::stat(lock.c_str(), &status) != 0);
}

TEST_CASE("a second launcher with the same group, or in the same network namespace, is refused and disturbs nothing") {
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    LauncherProcess first(folder);
    REQUIRE(first.says("ready"));
    const auto routing = output_of(kRouting);
    Flags flags;
    SUBCASE("the same group") {
        flags.socket = folder.path() + "/second.sock";
        carriers.elsewhere();
        LauncherProcess second(folder, flags);
        CHECK(second.exit_code() == 69);
        CHECK(
            second.says(own_group() + ": another edge-launcher holds this group; stop it, or choose another --cgroup"));
        carriers.back();
    }
    SUBCASE("the same network namespace") {
        flags.cgroup = own_group("-2");
        LauncherProcess second(folder, flags);
        CHECK(second.exit_code() == 69);
        CHECK(second.says("another edge-launcher runs in this network namespace"));
        CHECK(groups_named(own_group("-2")) == "");
    }
    SUBCASE("the same socket") {
        flags.cgroup = own_group("-2");
        flags.socket = first.socket();
        carriers.elsewhere();
        LauncherProcess second(folder, flags);
        CHECK(second.exit_code() == 69);
        CHECK(second.says("is in use by another process; stop it, or choose another --socket"));
        carriers.back();
    }
    SUBCASE("--cleanup beside a running one") {
        flags.more = {"--cleanup"};
        LauncherProcess second(folder, flags);
        CHECK(second.exit_code() == 69);
    }
    CHECK(output_of(kRouting) == routing);
    CHECK(Client(first.socket()).spawn("telecom").tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
}

TEST_CASE("two launchers have no worker's user in common, whatever namespaces they run in") {
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    LauncherProcess first(folder);
    REQUIRE(first.says("ready"));
    for (const int by : {-255, 255}) {
        carriers.elsewhere();
        const uid_t base = own_uids() + static_cast<uid_t>(by);
        LauncherProcess second(folder, {.cgroup = own_group("-2"), .uid_base = base});
        carriers.back();
        CHECK(second.exit_code() == 69);
        CHECK(second.says("--uid-base: another edge-launcher has some of the uids " + std::to_string(base) + " to "));
    }
    CHECK(groups_named(own_group("-2")) == "");
}

TEST_CASE("launchers in different network namespaces run side by side") {
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    LauncherProcess first(folder);
    REQUIRE(first.says("ready"));
    Client client(first.socket());
    auto worker = client.spawn("telecom");
    {
        Flags flags{.cgroup = own_group("-2"), .uid_base = own_uids() + 1000};
        carriers.elsewhere();  // where its devices are not: lines down, but it serves
        LauncherProcess second(folder, flags);
        REQUIRE_MESSAGE(second.says("ready lines=2"), second.log());
        carriers.back();
        CHECK(second.says("line_down line=telecom device=wan0 why=\"no such device\""));
        Client other(second.socket());
        auto closed = other.spawn("telecom");
        CHECK(closed.spawned().uid == own_uids() + 1000);
        CHECK(closed.tell("udp 198.51.100.10 5300 300") == "socket EPERM");
        CHECK(other.line(0).link_up == 0);
    }
    CHECK(groups_named(own_group("-2")) == "");
    CHECK(worker.tell("udp 198.51.100.10 5300 30000") == "ok telecom 100.64.1.2");
}
