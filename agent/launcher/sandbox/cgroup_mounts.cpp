#include <algorithm>
#include <map>
#include <sstream>

#include "agent/launcher/sandbox/cgroups.hpp"

namespace edge::launcher {
namespace {

std::vector<std::string> words_of(std::string_view text, char separator) {
    std::vector<std::string> words;
    std::istringstream in{std::string(text)};
    for (std::string word; std::getline(in, word, separator);) words.push_back(word);
    return words;
}

bool lists(std::string_view text, char separator, std::string_view word) {
    const auto words = words_of(text, separator);
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string_view name_of(Controller controller) {
    constexpr std::array<std::string_view, 4> kNames{"cpu", "memory", "pids", "io"};
    return kNames[static_cast<unsigned>(controller)];
}

std::vector<std::string> CgroupMounts::trees() const {
    std::vector<std::string> all;
    for (const auto& tree : home)
        if (!tree.empty() && tree != v2 && std::find(all.begin(), all.end(), tree) == all.end()) all.push_back(tree);
    all.push_back(v2);
    return all;
}

Result<CgroupMounts> find_cgroup_mounts(std::string_view mountinfo,
                                        const std::function<std::string(const std::string&)>& controllers_of) {
    CgroupMounts mounts;
    std::istringstream in{std::string(mountinfo)};
    for (std::string line; std::getline(in, line);) {
        // proc(5): ID PARENT DEV ROOT MOUNT-POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER-OPTIONS
        const auto dash = line.find(" - ");
        if (dash == std::string::npos) continue;
        const auto left = words_of(line.substr(0, dash), ' ');
        const auto right = words_of(line.substr(dash + 3), ' ');
        if (left.size() < 6 || right.size() < 3) continue;
        if (right[0] == "cgroup2" && mounts.v2.empty()) mounts.v2 = left[4];
        if (right[0] != "cgroup") continue;
        for (const auto controller : kControllers) {
            auto& home = mounts.home[static_cast<unsigned>(controller)];
            const auto name = controller == Controller::io ? "blkio" : name_of(controller);
            if (home.empty() && lists(right[2], ',', name)) home = left[4];
        }
    }
    if (mounts.v2.empty())
        return Error{Errc::unsupported, "cgroup",
                     "no cgroup v2 tree is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup/unified"};
    std::string in_v2 = controllers_of(mounts.v2);
    while (!in_v2.empty() && in_v2.back() == '\n') in_v2.pop_back();
    for (const auto controller : kControllers) {
        auto& home = mounts.home[static_cast<unsigned>(controller)];
        if (!home.empty()) continue;
        const bool there = lists(in_v2, ' ', name_of(controller));
        if (!there && controller == Controller::io) continue;
        if (!there)
            return Error{Errc::unsupported, "cgroup",
                         "controller " + std::string(name_of(controller)) + " is neither in " + mounts.v2 +
                             "/cgroup.controllers nor mounted as v1; boot without cgroup_disable=" +
                             std::string(name_of(controller))};
        home = mounts.v2;
    }
    return mounts;
}

std::vector<LimitFile> limit_files(Controller controller, bool v2, const Limits& limits) {
    constexpr std::uint64_t kPeriodUs = 100'000;
    const std::string quota = std::to_string(kPeriodUs * limits.cpu_percent / 100);
    const std::string period = std::to_string(kPeriodUs);
    const std::string bytes = std::to_string(std::uint64_t{limits.memory_mb} << 20);
    switch (controller) {
        case Controller::cpu:
            if (v2) return {{"cpu.max", quota + " " + period}};
            return {{"cpu.cfs_period_us", period}, {"cpu.cfs_quota_us", quota}};
        case Controller::memory:
            if (v2) return {{"memory.max", bytes}, {"memory.swap.max", "0", true}, {"memory.oom.group", "1"}};
            return {{"memory.limit_in_bytes", bytes}, {"memory.memsw.limit_in_bytes", bytes, true}};
        case Controller::pids:
            return {{"pids.max", std::to_string(limits.pids)}};
        case Controller::io:
            break;  // of all together
    }
    return {};
}

std::vector<LimitFile> host_first_files(Controller controller, bool v2, const std::string& disk) {
    // Workers read their libraries when they start and write nothing.
    constexpr std::uint64_t kReadBytes = 32 << 20, kWriteBytes = 1 << 20;
    const std::string read = std::to_string(kReadBytes), write = std::to_string(kWriteBytes);
    if (controller == Controller::cpu)
        return {v2 ? LimitFile{"cpu.weight", "1", true} : LimitFile{"cpu.shares", "2", true}, {"cpu.idle", "1", true}};
    if (controller != Controller::io) return {};
    std::vector<LimitFile> files;
    if (v2)
        files = {{"io.weight", "1", true}, {"io.bfq.weight", "1", true}};
    else
        files = {{"blkio.weight", "10", true}, {"blkio.bfq.weight", "1", true}};
    if (disk.empty()) return files;
    if (v2) {
        files.push_back({"io.max", disk + " rbps=" + read + " wbps=" + write, true});
    } else {
        files.push_back({"blkio.throttle.read_bps_device", disk + " " + read, true});
        files.push_back({"blkio.throttle.write_bps_device", disk + " " + write, true});
    }
    return files;
}

}  // namespace edge::launcher
