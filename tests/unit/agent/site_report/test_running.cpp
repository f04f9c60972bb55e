#include "agent/site_report/running.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace edge::agent;

TEST_CASE("a process is of the unit that its group is in, in either version of the trees") {
    CHECK(unit_in("0::/edge.slice/edge-launcher.service/launcher\n") == "edge-launcher.service");
    CHECK(unit_in("4:memory:/x.service\n1:name=systemd:/system.slice/edge-agent.service\n0::/\n") ==
          "edge-agent.service");
    CHECK(unit_in("0::/user.slice/user-0.slice/session-1.scope\n") == "");
    CHECK(unit_in("4:memory:/x.service\n0::/\n") == "");
    CHECK(unit_in("") == "");
}

TEST_CASE("what a flag was given stands behind it, or behind its sign") {
    CHECK(value_of({"edge-launcher", "--config", "/etc/edge", "--state=/s"}, "--config") == "/etc/edge");
    CHECK(value_of({"edge-launcher", "--config", "/etc/edge", "--state=/s"}, "--state") == "/s");
    CHECK(value_of({"edge-launcher", "--config"}, "--config") == "");
    CHECK(value_of({"edge-launcher", "--config-dir", "x"}, "--config") == "");
}

TEST_CASE("who holds a lock is told by its device and inode") {
    const std::string locks =
        "1: POSIX  ADVISORY  WRITE 11 fe:01:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 fe:01:77 0 EOF\n"
        "2: -> FLOCK  ADVISORY  WRITE 13 fe:01:78 0 EOF\n";
    CHECK(flock_in(locks, "fe:01:77") == 12);
    CHECK(flock_in(locks, "fe:01:7") == 0);
    CHECK(flock_in(locks, "fe:01:78") == 0);  // it waits for it
}

TEST_CASE("of a process that runs its file is known, and no unit that it only stands below") {
    ::setenv("SYSTEMD_EXEC_PID", "1", 1);  // as a shell of a unit's has it
    const auto self = program_of(::getpid());
    CHECK(self.file.find("unit_agent") != std::string::npos);
    CHECK(self.unit == "");
    CHECK(program_of(0).pid == 0);
    char path[] = "/tmp/edge-lock-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(::flock(fd, LOCK_EX) == 0);
    CHECK(holder_of(path) == ::getpid());
    ::close(fd);
    CHECK(holder_of(path) == 0);
    ::unlink(path);
}

TEST_CASE("a lock is seen while others come and go") {
    const auto new_file = [] {
        char path[] = "/tmp/edge-lock-XXXXXX";
        const int fd = ::mkstemp(path);
        return std::pair(fd, std::string(path));
    };
    const auto [held, path] = new_file();
    REQUIRE(::flock(held, LOCK_EX) == 0);
    std::vector<int> others;
    for (int i = 0; i < 300; ++i) {  // more than one page of /proc/locks
        const auto [fd, its] = new_file();
        others.push_back(fd);
        ::unlink(its.c_str());
    }
    std::atomic<bool> is_over = false;
    std::thread busy([&] {
        while (!is_over) {
            for (const int fd : others) ::flock(fd, LOCK_EX);
            for (const int fd : others) ::flock(fd, LOCK_UN);
        }
    });
    int unseen = 0;
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
         std::chrono::steady_clock::now() < end;)
        if (holder_of(path) != ::getpid()) ++unseen;
    is_over = true;
    busy.join();
    CHECK(unseen == 0);
    for (const int fd : others) ::close(fd);
    ::close(held);
    ::unlink(path.c_str());
}
