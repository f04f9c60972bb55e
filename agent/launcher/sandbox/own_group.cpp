#include "agent/launcher/sandbox/own_group.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {

std::string v2_group_in(std::string_view proc_cgroup) {
    constexpr std::string_view kMark = "0::/";
    const auto at = proc_cgroup.starts_with(kMark) ? 0 : proc_cgroup.find("\n0::/");
    if (at == std::string_view::npos) return {};
    const auto line = proc_cgroup.substr(at + (at == 0 ? 0 : 1) + kMark.size() - 1);
    const std::string group(line.substr(0, line.find('\n')));
    return group == "/" ? std::string() : group;
}

Result<std::string> enter_own_group(const CgroupMounts& mounts) {
    EDGE_TRY(const auto text, read_file("/proc/self/cgroup"));
    const std::string group = v2_group_in(text);
    if (group.empty())
        return Error{Errc::bad_value, "--cgroup self",
                     "this process is in the root group; name a group, or run it as a unit with Delegate=yes"};
    const std::string leaf = mounts.v2 + group + "/launcher";
    if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return os_error(errno, leaf);
    EDGE_TRY(write_file(leaf + "/cgroup.procs", "0"));
    for (const auto controller : kControllers)  // what is not delegated CgroupTree::claim says
        if (mounts.in_v2(controller))
            (void)write_file(mounts.v2 + group + "/cgroup.subtree_control", "+" + std::string(name_of(controller)));
    return group.substr(1) + "/lines";
}

Result<> begin_idleness(const CgroupMounts& mounts, const std::string& group) {
    for (const std::string slice : {"edge.slice", "edge.slice/edge-lines.slice"}) {
        const std::string file = mounts.of(Controller::cpu) + "/" + slice + "/cpu.idle";
        if (!group.starts_with(slice + "/") || !std::filesystem::exists(file)) continue;  // since Linux 5.15
        EDGE_TRY(write_file(file, "1"));
    }
    return ok();
}

Result<std::vector<std::string>> end_idleness(const CgroupMounts& mounts, const std::string& group) {
    std::vector<std::string> idle;
    for (std::filesystem::path at = group; at.has_relative_path(); at = at.parent_path()) {
        const std::string file = mounts.of(Controller::cpu) + "/" + at.relative_path().string() + "/cpu.idle";
        if (const auto now = read_file(file); !now || now.value() != "1\n") continue;
        EDGE_TRY(write_file(file, "0"));
        idle.push_back(at.string());
    }
    return idle;
}

}  // namespace edge::launcher
