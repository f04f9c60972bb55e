// A process that does nothing but give birth to workers. It is forked before the launcher filters itself, and holds no
// capability: who took over the launcher, by the one packet format that is not its own, could start workers in their
// cages, and no other program.
#pragma once
#include <linux/filter.h>
#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "agent/launcher/config.hpp"
#include "agent/launcher/os/capabilities.hpp"
#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// The same for every worker; made once at start.
struct SandboxImage {
    std::vector<std::string> files;   // absolute; each is there under its own path, read-only; the first is run
    std::vector<sock_filter> filter;  // the wide filter
};

/// A process that stands at the door of its cage, and waits there for its go.
struct Newborn {
    pid_t pid = 0;  // in our pid namespace; in its own it is 1
    Fd pidfd;
};

/// What a worker is made of besides the image. Borrows all of it.
struct Birth {
    std::span<const std::string> arguments;  // the first is the program's name
    uid_t uid = 0;
    int group = -1;               // of cgroup v2, to be born in; -1: in that of the spawner
    int channel = -1;             // becomes fd 3
    int log = -1;                 // becomes fd 2
    int control = -1;             // the new process's end
    std::span<const Fd> doors{};  // of v1 groups that it enters
    int network = -1;             // the namespace it is born in; with Namespaces::own that of the spawner is taken
};

/// A worker's group: of its uid's number, or our own, which is the only one that may be mapped without privileges.
gid_t group_of(uid_t uid, Privileges privileges);

/// Owns: the process, which ends with it. Executor: the launcher's one thread.
class Spawner {
  public:
    /// Forks; the caller is one thread still. What can be started is `image`, as a uid of `uids`, for ever.
    /// Errors: io.
    static Result<Spawner> fork(const SandboxImage& image, UidRange uids, Privileges privileges, Namespaces namespaces);
    Spawner(Spawner&&) = default;
    Spawner& operator=(Spawner&&) = default;
    ~Spawner();

    /// The newborn is the caller's child. Errors: io, unsupported (no user namespaces), too_large (arguments).
    Result<Newborn> bear(const Birth& birth);
    Privileges privileges() const { return privileges_; }
    /// Readable when the process has ended, and with it the power to start anything.
    int pidfd() const { return process_.get(); }

  private:
    Spawner(Fd process, Fd socket, Privileges privileges)
        : process_(std::move(process)), socket_(std::move(socket)), privileges_(privileges) {}
    Fd process_, socket_;
    Privileges privileges_;
};

}  // namespace edge::launcher
