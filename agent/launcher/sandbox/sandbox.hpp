// A worker's cage: what is in it, and how a process gets into it and cannot get out. Read with cage.cpp, which is what
// the new process does; here is what the launcher does.
#pragma once
#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/launcher/os/fd.hpp"
#include "agent/launcher/sandbox/cgroups.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// The same for every worker; made once at start.
struct SandboxImage {
    std::vector<std::string> files;   // absolute; each is there under its own path, read-only; the first is run
    std::vector<sock_filter> filter;  // the wide filter
};

struct StartedWorker {
    pid_t pid = 0;  // in our pid namespace; in its own it is 1
    Fd pidfd;
};

/// Starts files[0] with these arguments, and an empty environment, in a new sandbox: born in `group`, as `uid` (and gid
/// of the same number), with `channel` as fd 3 and `log` as fd 2. Returns when it has been executed, some milliseconds
/// later. Errors: io, `where` being the step that failed; then nothing is left running.
Result<StartedWorker> start_worker(const SandboxImage& image, const std::vector<std::string>& arguments, uid_t uid,
                                   const WorkerGroup& group, int channel, int log);

}  // namespace edge::launcher
