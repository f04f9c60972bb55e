// What of a file is on the medium after a power cut is the kernel's to say; that it was asked, and in which order, is
// seen here: these take the places of libc's own.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "agent/disk/posix_disk.hpp"

using namespace edge::agent;

namespace {

std::string g_calls;  // one after the other, with a comma between

void add(const std::string& call) {
    g_calls += (g_calls.empty() ? "" : ", ") + call;
}

void note(const char* call, int fd) {
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd));
    add(std::string(call) + " " + (std::filesystem::is_directory(path) ? "." : path.filename().string()));
}

std::string take_calls() {
    return std::exchange(g_calls, {});
}

}  // namespace

extern "C" int fsync(int fd) {
    note("fsync", fd);
    return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
    note("fdatasync", fd);
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
extern "C" int renameat(int from_fd, const char* from, int to_fd, const char* to) noexcept {
    add(std::string("rename ") + from + " " + to);
    return static_cast<int>(::syscall(SYS_renameat2, from_fd, from, to_fd, to, 0));
}

TEST_CASE("the real disk syncs what is in a file before its name, and the name before it says so") {
    char name[] = "/tmp/edge-disk-XXXXXX";
    const std::string path = ::mkdtemp(name);
    (void)take_calls();  // of other tests
    auto made = PosixDisk::make(path + "/state");
    REQUIRE(made);
    PosixDisk& disk = made.value();
    CHECK(take_calls() == "fsync .");  // the directory above it
    REQUIRE(disk.replace("a", "one"));
    CHECK(take_calls() == "fsync a.new, rename a.new a, fsync .");
    REQUIRE(disk.append("b", "two"));
    CHECK(take_calls().empty());
    REQUIRE(disk.sync("b"));
    CHECK(take_calls() == "fdatasync b");
    REQUIRE(disk.truncate("b", 1));
    REQUIRE(disk.rename("b", "c"));
    REQUIRE(disk.sync("c"));
    REQUIRE(disk.sync_names());
    CHECK(take_calls() == "rename b c, fdatasync c, fsync .");
    std::filesystem::remove_all(path);
}
