// Who runs: a program's process, and what /proc tells of it.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/site_report/site_facts.hpp"

namespace edge::agent {

/// The process, its file and the unit that systemd started it as. Source: systemd.exec(5), SYSTEMD_EXEC_PID.
SiteProgram program_of(pid_t pid);
/// The value behind `--NAME` on its command line, a path made absolute as it took it; empty: not given.
std::string path_given_to(pid_t pid, const std::string& name);
/// Who holds a flock(2) on the file; 0: nobody that can be seen. Source: proc(5), /proc/locks.
pid_t holder_of(const std::string& file);

/// Pure parts.
std::string unit_in(const std::string& proc_cgroup);
std::string value_of(const std::vector<std::string>& words, const std::string& flag);
pid_t flock_in(const std::string& proc_locks, const std::string& device_and_inode);

}  // namespace edge::agent
