#include "agent/site_report/running.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

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
