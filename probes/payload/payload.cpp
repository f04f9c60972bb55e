#include "probes/payload/payload.hpp"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "probes/failures.hpp"
#include "probes/worker/seccomp_filter.hpp"

namespace edge::probes {
namespace {

/// Each answers 0 when it got through, else an errno.
int outcome(long result) {
    return result < 0 ? errno : 0;
}

int set_option(int level, int name, const void* value, socklen_t size) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) return errno;
    const int result = outcome(setsockopt(fd, level, name, value, size));
    close(fd);
    return result;
}

int set_number(int level, int name, int value) {
    return set_option(level, name, &value, sizeof value);
}

int make_socket(int family, int type, int protocol) {
    const int fd = socket(family, type, protocol);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

int listen_on_loopback() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : outcome(listen(fd, 1));
}

int open_file(const char* path) {
    return outcome(open(path, O_RDONLY | O_CLOEXEC));
}

int start_program() {
    char* const none[] = {nullptr};
    return outcome(execve("/bin/false", none, none));  // its status 1 says that it ran
}

int fork_child() {
    const long child = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) _exit(0);
    return outcome(child);
}

struct Attempt {
    std::string_view name;
    int (*run)();
};
constexpr std::array kAttempts = std::to_array<Attempt>({
    {"open-shadow", [] { return open_file("/etc/shadow"); }},
    {"open-proc", [] { return open_file("/proc/1/environ"); }},
    {"so-mark", [] { return set_number(SOL_SOCKET, SO_MARK, 1); }},
    {"so-bindtodevice", [] { return set_option(SOL_SOCKET, SO_BINDTODEVICE, "lo", 3); }},
    {"ip-unicast-if", [] { return set_number(IPPROTO_IP, 50, static_cast<int>(htonl(1))); }},  // IP_UNICAST_IF
    {"ip-freebind", [] { return set_number(IPPROTO_IP, IP_FREEBIND, 1); }},
    {"raw-socket", [] { return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
    {"packet-socket", [] { return make_socket(AF_PACKET, SOCK_DGRAM, 0); }},
    {"netlink-socket", [] { return make_socket(AF_NETLINK, SOCK_RAW, 0); }},
    {"unix-socket", [] { return make_socket(AF_UNIX, SOCK_STREAM, 0); }},
    {"vsock-socket", [] { return make_socket(40, SOCK_STREAM, 0); }},  // AF_VSOCK
    {"kill-all", [] { return outcome(syscall(SYS_kill, -1, 0)); }},
    {"memfd", [] { return outcome(syscall(SYS_memfd_create, "x", 0)); }},
    {"listen", [] { return listen_on_loopback(); }},
    {"ptrace", [] { return outcome(ptrace(PTRACE_ATTACH, 1, nullptr, nullptr)); }},
    {"unshare", [] { return outcome(unshare(CLONE_NEWUSER)); }},
    {"setns", [] { return outcome(syscall(SYS_setns, 0, 0)); }},
    {"mount", [] { return outcome(mount("none", "/", "tmpfs", 0, nullptr)); }},
    {"bpf", [] { return outcome(syscall(SYS_bpf, 0, nullptr, 0)); }},
    {"io-uring", [] { return outcome(syscall(SYS_io_uring_setup, 1, nullptr)); }},
    {"keyctl", [] { return outcome(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }},
    {"fork", [] { return fork_child(); }},
    {"execve", [] { return start_program(); }},
});

const Attempt* find(std::string_view name) {
    for (const Attempt& attempt : kAttempts) {
        if (attempt.name == name) return &attempt;
    }
    return nullptr;
}

}  // namespace

int run_payload(const std::vector<std::string>& arguments) {
    bool got_through = false;
    bool has_name = false;
    for (const std::string& name : arguments) {
        if (name == "--sealed") {
            if (auto sealed = seal_system_calls(); !sealed) return EX_OSERR;
            continue;
        }
        const Attempt* attempt = find(name);
        if (!attempt) return EX_USAGE;
        has_name = true;
        const int error = attempt->run();
        got_through = got_through || error == 0;
        std::printf("%s: %s\n", name.c_str(), error == 0 ? "ok" : errno_name(error).c_str());
        std::fflush(stdout);
    }
    if (!has_name) {
        for (const Attempt& attempt : kAttempts)
            std::printf("%.*s\n", static_cast<int>(attempt.name.size()), attempt.name.data());
    }
    return got_through ? 1 : EX_OK;
}

}  // namespace edge::probes
