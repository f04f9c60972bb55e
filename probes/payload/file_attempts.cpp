// To see or change what is not the sandbox's own.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "probes/payload/attempt.hpp"

extern char** environ;

namespace edge::probes {
namespace {

AttemptOutcome open_any(std::initializer_list<const char*> paths, int how = O_RDONLY) {
    AttemptOutcome last = stopped(ENOENT);
    for (const char* path : paths) {
        last = tried(open(path, how | O_CLOEXEC | O_NONBLOCK), path);
        if (last.got_through) return last;
    }
    return last;
}

AttemptOutcome open_given(const Facts& facts) {
    AttemptOutcome last = not_tried("no paths were given");
    for (const auto& path : facts.list("paths")) {
        last = open_any({path.c_str()});
        if (last.got_through) return last;
    }
    return last;
}

/// By every descriptor it has, and by relative names.
AttemptOutcome climb_out(const Facts&) {
    for (int fd = 0; fd < 64; ++fd) {
        if (openat(fd, "../../../../../../etc/shadow", O_RDONLY | O_CLOEXEC) >= 0) return got("by a descriptor");
        if (fchdir(fd) == 0) return got("fchdir to a descriptor");
    }
    return open_any({"../../../../../../etc/shadow", "/../etc/shadow", "/proc/self/root/etc/shadow"});
}

AttemptOutcome create(const Facts&) {
    for (const char* path : {"/x", "/tmp/x", "/etc/x", "/usr/x", "/var/x", "/dev/shm/x"}) {
        if (open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0) return got(path);
        if (mkdir(path, 0700) == 0) return got(path);
        if (symlink("/etc/shadow", path) == 0) return got(path);
    }
    const int unnamed = open("/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return tried(unnamed, "an unnamed file");
}

AttemptOutcome change_program(const Facts& facts) {
    const std::string program = facts.text("program");
    if (program.empty()) return not_tried("the program was not named");
    const char* path = program.c_str();
    return any_of({tried(open(path, O_WRONLY | O_CLOEXEC), "opened to write"), tried(chmod(path, 0777), "chmod"),
                   tried(unlink(path), "unlink"), tried(rename(path, "/x"), "rename"),
                   tried(truncate(path, 0), "truncate"), tried(link(path, "/x"), "link")});
}

AttemptOutcome make_nodes(const Facts&) {
    return any_of({tried(mknod("/sda", S_IFBLK | 0600, makedev(8, 0)), "a disk"),
                   tried(mknod("/mem", S_IFCHR | 0600, makedev(1, 1)), "memory"),
                   tried(mkfifo("/fifo", 0600), "a fifo")});
}

/// 0 and 1 are nothing, 2 the log, 3 the channel; what the run-time of a sanitizer opened is not inherited.
AttemptOutcome inherited(const Facts&) {
    std::string others;
    for (int fd = 4; fd < 4096; ++fd)
        if (fcntl(fd, F_GETFD) >= 0) others += " " + std::to_string(fd);
    if (!others.empty()) return got("descriptors" + others);
    return {false, "none but 0 to 3"};
}

AttemptOutcome read_environment(const Facts&) {
    if (environ != nullptr && *environ != nullptr) return got(*environ);
    return {false, "it is empty"};
}

AttemptOutcome core_dump(const Facts&) {
    rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &limit) == 0) return got("RLIMIT_CORE raised");
    const int why = errno;
    if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max != 0) return got("RLIMIT_CORE is not 0");
    return stopped(why);
}

const auto kFileAttempts = std::to_array<Attempt>({
    {"open-secrets",
     [](const Facts&) {
         return open_any({"/etc/shadow", "/etc/passwd", "/etc/edge/agent.toml", "/etc/edge/policy.toml", "/root/.ssh",
                          "/var/lib/edge", "/var/log", "/run/systemd", "/etc/ssl/private"});
     }},
    {"open-given-paths", open_given},
    {"open-proc",
     [](const Facts&) {
         return open_any({"/proc", "/proc/1/environ", "/proc/1/root", "/proc/1/mem", "/proc/self/mem", "/proc/kcore",
                          "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/self/uid_map"});
     }},
    {"open-sys",
     [](const Facts&) {
         return open_any({"/sys", "/sys/kernel", "/sys/fs/cgroup", "/sys/fs/cgroup/release_agent",
                          "/sys/fs/cgroup/unified/cgroup.procs", "/sys/fs/bpf", "/sys/kernel/debug"});
     }},
    {"open-dev",
     [](const Facts&) {
         return open_any({"/dev", "/dev/null", "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/net/tun", "/dev/sda",
                          "/dev/shm", "/dev/pts/ptmx", "/dev/fuse"});
     }},
    {"climb-out", climb_out},
    {"create-file", create},
    {"change-program", change_program},
    {"mknod", make_nodes},
    {"inherited-fds", inherited},
    {"environment", read_environment},
    {"core-dump", core_dump},
});

}  // namespace

std::span<const Attempt> file_attempts() {
    return kFileAttempts;
}

}  // namespace edge::probes
