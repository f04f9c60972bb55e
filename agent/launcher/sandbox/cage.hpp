// The steps a new process takes into its sandbox: system calls only, on memory laid out before it was born.
#pragma once
#include <linux/filter.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/launcher/os/capabilities.hpp"

namespace edge::launcher {

/// Laid out before the child is born, so that it allocates nothing.
struct CagePlan {
    std::vector<const char*> files;    // absolute paths to bind
    std::vector<std::string> folders;  // to be made for them, relative, parents first
    std::vector<char*> arguments;      // null-terminated, as execve takes them
    std::vector<int> doors;            // of the v1 control groups to be in
    sock_fprog filter{};
    uid_t uid = 0;
    gid_t gid = 0;
    Privileges privileges = Privileges::root;
    int channel = -1;  // becomes fd 3
    int log = -1;      // becomes fd 2
    int control = -1;  // to the launcher: its `go`, our CageReport
};

/// What the child tells the launcher: `error` 0 just before execve, or the step that failed.
struct CageReport {
    int error = 0;
    char step[60]{};
};

/// The folders that hold these files, relative to the root, parents first, each once. Pure.
std::vector<std::string> folders_of(const std::vector<std::string>& files);

/// Runs in the child of clone3, which holds no other end of `control`. Never returns.
[[noreturn]] void enter_cage(const CagePlan& plan);

}  // namespace edge::launcher
