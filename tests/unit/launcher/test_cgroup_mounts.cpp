#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/sandbox/cgroups.hpp"
#include "agent/launcher/sandbox/own_group.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

const std::string kPure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string kHybrid =
    "31 24 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 31 0:28 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw\n"
    "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:6 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "35 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "36 31 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";

Result<CgroupMounts> find(const std::string& mountinfo, const std::string& in_v2) {
    return find_cgroup_mounts(mountinfo, [&](const std::string&) { return in_v2; });
}

std::string files(Controller controller, bool v2) {
    std::string all;
    for (const auto& file : limit_files(controller, v2, {.cpu_percent = 20, .memory_mb = 64, .pids = 4}))
        all += file.name + "=" + file.value + (file.optional ? "? " : " ");
    return all;
}

}  // namespace

TEST_CASE("a pure v2 host has everything in one tree") {
    const auto mounts = find(kPure, "cpuset cpu io memory hugetlb pids\n");
    REQUIRE(mounts);
    CHECK(mounts.value().trees() == std::vector<std::string>{"/sys/fs/cgroup"});
    CHECK_FALSE(mounts.value().hybrid());
}

TEST_CASE("a hybrid host has its limits in v1 and guards and kill in v2") {
    const auto mounts = find(kHybrid, "hugetlb\n");
    REQUIRE(mounts);
    CHECK(mounts.value().hybrid());
    CHECK(mounts.value().v2 == "/sys/fs/cgroup/unified");
    CHECK(mounts.value().of(Controller::cpu) == "/sys/fs/cgroup/cpu,cpuacct");
    CHECK(mounts.value().trees() == std::vector<std::string>{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory",
                                                             "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified"});
}

TEST_CASE("io is limited where there is something to limit it with, and is no condition") {
    CHECK_FALSE(find(kHybrid, "hugetlb\n").value().has(Controller::io));
    const auto blkio = find(kHybrid + "37 31 0:33 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n", "");
    REQUIRE(blkio);
    CHECK(blkio.value().of(Controller::io) == "/sys/fs/cgroup/blkio");
    CHECK(blkio.value().trees().size() == 5);
    CHECK_FALSE(find(kPure, "cpu memory pids\n").value().has(Controller::io));
    CHECK(find(kPure, "cpu io memory pids\n").value().in_v2(Controller::io));
}

TEST_CASE("what is missing is named") {
    CHECK(find("", "").error().message().find("no cgroup v2 tree is mounted; mount one") != std::string::npos);
    CHECK(find(kPure, "cpu pids\n")
              .error()
              .message()
              .find("controller memory is neither in /sys/fs/cgroup/cgroup.controllers nor") != std::string::npos);
    CHECK(find("36 31 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", "").error().code == Errc::unsupported);
    CHECK_FALSE(find("- - \n a b - c\n - cgroup2\n", ""));
}

TEST_CASE("limits are written as each version of the files takes them") {
    CHECK(files(Controller::cpu, true) == "cpu.max=20000 100000 ");
    CHECK(files(Controller::cpu, false) == "cpu.cfs_period_us=100000 cpu.cfs_quota_us=20000 ");
    CHECK(files(Controller::memory, true) == "memory.max=67108864 memory.swap.max=0? memory.oom.group=1 ");
    CHECK(files(Controller::memory, false) == "memory.limit_in_bytes=67108864 memory.memsw.limit_in_bytes=67108864? ");
    CHECK(files(Controller::pids, true) == "pids.max=4 ");
    CHECK(files(Controller::pids, false) == "pids.max=4 ");
}

TEST_CASE("the group an init system gave us is the v2 line's, and the root is none") {
    CHECK(v2_group_in("0::/edge.slice/edge-launcher.service\n") == "/edge.slice/edge-launcher.service");
    CHECK(v2_group_in("4:memory:/a\n1:cpu:/b\n0::/user.slice\n") == "/user.slice");
    CHECK(v2_group_in("10::/x\n0::/\n").empty());
    CHECK(v2_group_in("4:memory:/a\n").empty());
    CHECK(v2_group_in("").empty());
}

TEST_CASE("workers that are to have their share have it at every level that counts") {
    const std::string root = "/tmp/edge-idle-" + std::to_string(::getpid());
    const std::string outer = root + "/edge.slice", slice = outer + "/edge-lines.slice";
    const std::string unit = slice + "/edge-launcher.service";
    const std::string lines = "edge.slice/edge-lines.slice/edge-launcher.service/lines";
    std::filesystem::create_directories(unit);
    std::ofstream(root + "/cpu.idle") << "1\n";  // of the root, which no group has: it is not asked
    for (const auto& one : {outer, slice}) std::ofstream(one + "/cpu.idle") << "1\n";
    std::ofstream(unit + "/cpu.idle") << "0\n";
    CgroupMounts mounts = find(kPure, "cpu memory pids\n").value();
    mounts.v2 = root;
    mounts.home.fill(root);
    const auto idle = end_idleness(mounts, lines);
    CHECK(idle.value() == std::vector<std::string>{"edge.slice/edge-lines.slice", "edge.slice"});
    for (const auto& one : {outer, slice}) CHECK(read_file(one + "/cpu.idle").value().front() == '0');
    CHECK(read_file(root + "/cpu.idle").value() == "1\n");
    CHECK(end_idleness(mounts, lines).value().empty());
    CHECK(begin_idleness(mounts, lines).has_value());
    for (const auto& one : {outer, slice}) CHECK(read_file(one + "/cpu.idle").value().front() == '1');
    CHECK(begin_idleness(mounts, "system.slice/mine.service/lines").has_value());  // nobody's business of ours
    std::filesystem::remove_all(root);
}

TEST_CASE("all workers together come after the host at its processors and its disk") {
    const auto all = [](Controller controller, bool v2, const std::string& disk) {
        std::string text;
        for (const auto& file : host_first_files(controller, v2, disk)) text += file.name + "=" + file.value + " ";
        return text;
    };
    CHECK(all(Controller::io, true, "8:0") == "io.weight=1 io.bfq.weight=1 io.max=8:0 rbps=33554432 wbps=1048576 ");
    CHECK(all(Controller::io, false, "8:0") ==
          "blkio.weight=10 blkio.bfq.weight=1 blkio.throttle.read_bps_device=8:0 33554432 "
          "blkio.throttle.write_bps_device=8:0 1048576 ");
    CHECK(all(Controller::io, true, "") == "io.weight=1 io.bfq.weight=1 ");
    CHECK(all(Controller::memory, true, "8:0") == "");
    CHECK(all(Controller::cpu, true, "8:0") == "cpu.weight=1 cpu.idle=1 ");
    CHECK(all(Controller::cpu, false, "8:0") == "cpu.shares=2 cpu.idle=1 ");
}
