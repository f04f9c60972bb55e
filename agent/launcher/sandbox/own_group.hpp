// The control group that an init system gave this process, for `--cgroup self`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/launcher/sandbox/cgroups.hpp"

namespace edge::launcher {

/// The v2 group in the text of /proc/self/cgroup, such as "/edge.slice/edge-lines.slice/edge-launcher.service"; empty
/// if it names none, or the root. Pure. Source: cgroups(7).
std::string v2_group_in(std::string_view proc_cgroup);

/// Moves this process into the leaf `launcher` of its group, because a group whose children have limits may hold no
/// process itself, and hands the controllers on. Returns the name for CgroupTree::claim.
/// Errors: bad_value (in the root group), io.
Result<std::string> enter_own_group(const CgroupMounts& mounts);

/// The unit's slices are idle again, which an earlier start of the launcher may have ended. Errors: io.
Result<> begin_idleness(const CgroupMounts& mounts, const std::string& group);

/// Workers are to have their share of the processors: takes cpu.idle from this group and from each above it, and
/// returns those that had it. Errors: io.
Result<std::vector<std::string>> end_idleness(const CgroupMounts& mounts, const std::string& group);

}  // namespace edge::launcher
