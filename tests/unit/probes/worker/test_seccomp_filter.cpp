#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "probes/reactor/line_device.hpp"
#include "probes/worker/landlock.hpp"
#include "probes/worker/seccomp_filter.hpp"

using namespace edge::probes;

namespace {

constexpr int kNotSealed = 250;

/// What a sealed process sees: the errno of `attempt` (0 for success), or 1000 + the signal that killed it.
template <class Attempt>
int sealed(Attempt attempt, Binding binding = Binding::done) {
    const pid_t child = fork();
    if (child == 0) {
        if (!seal_system_calls(binding)) _exit(kNotSealed);
        _exit(attempt() < 0 ? errno : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

constexpr int kKilledBySeccomp = 1000 + SIGSYS;

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    return syscall(number, a, b, c, d, e);
}

int set_option(int family, int type, int protocol, int level, int name) {
    const int fd = socket(family, type, protocol);
    if (fd < 0) return fd;
    const int one = 1;
    return setsockopt(fd, level, name, &one, sizeof one);
}

}  // namespace

TEST_CASE("a worker that nothing binds may bind its sockets to a device itself, and mark none") {
    const auto bind = [] {
        bind_sockets_to("lo");
        const int error = bind_to_line(socket(AF_INET, SOCK_DGRAM, 0));
        errno = error;
        return error == 0 ? 0 : -1;
    };
    const auto mark = [] { return set_option(AF_INET, SOCK_DGRAM, 0, SOL_SOCKET, SO_MARK); };
    CHECK(sealed(bind, Binding::by_itself) == 0);
    CHECK(sealed(mark, Binding::by_itself) == ENOSYS);
    CHECK(sealed(bind) == ENOSYS);
    // A device that went: the socket must not be used.
    CHECK(
        sealed(
            [] { return bind_sockets_to("nowhere0"), bind_to_line(socket(AF_INET, SOCK_DGRAM, 0)) == ENODEV ? 0 : -1; },
            Binding::by_itself) == 0);
}

TEST_CASE("escape calls kill the process") {
    for (const long number : {SYS_execve,
                              SYS_execveat,
                              SYS_fork,
                              SYS_vfork,
                              SYS_ptrace,
                              SYS_process_vm_readv,
                              SYS_process_vm_writev,
                              SYS_setns,
                              SYS_unshare,
                              SYS_chroot,
                              SYS_pivot_root,
                              SYS_mount,
                              SYS_umount2,
                              SYS_open_tree,
                              SYS_move_mount,
                              SYS_fsopen,
                              SYS_fsmount,
                              SYS_open_by_handle_at,
                              SYS_bpf,
                              SYS_perf_event_open,
                              SYS_userfaultfd,
                              SYS_io_uring_setup,
                              SYS_io_uring_enter,
                              SYS_keyctl,
                              SYS_add_key,
                              SYS_init_module,
                              SYS_finit_module,
                              SYS_kexec_load,
                              SYS_swapon,
                              SYS_reboot,
                              SYS_setuid,
                              SYS_setresuid,
                              SYS_setgroups,
                              SYS_capset,
                              SYS_listen,
                              SYS_accept,
                              SYS_accept4}) {
        CAPTURE(number);
        CHECK(sealed([&] { return call(number); }) == kKilledBySeccomp);
    }
    CHECK(sealed([] { return call(SYS_clone, SIGCHLD); }) == kKilledBySeccomp);
    CHECK(sealed([] { return call(SYS_clone, CLONE_NEWUSER | SIGCHLD); }) == kKilledBySeccomp);
}

TEST_CASE("files are not there") {
    CHECK(sealed([] { return open("/etc/passwd", O_RDONLY); }) == ENOENT);
    CHECK(sealed([] { return open("/tmp/x", O_CREAT | O_WRONLY, 0600); }) == ENOENT);
    CHECK(sealed([] { return call(SYS_open, reinterpret_cast<long>("/etc/passwd")); }) == ENOENT);
    CHECK(sealed([] { return access("/", R_OK); }) == ENOENT);
    CHECK(sealed([] { return call(437); }) == ENOENT);  // openat2
}

TEST_CASE("threads and other processes are refused, and the library can go on") {
    CHECK(sealed([] { return call(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM); }) == EPERM);
    CHECK(sealed([] { return call(SYS_clone3); }) == ENOSYS);
    CHECK(sealed([] { return kill(1, 0); }) == EPERM);
    CHECK(sealed([] { return call(SYS_tgkill, 1, 1, 0); }) != 0);
    CHECK(sealed([] { return call(SYS_memfd_create, reinterpret_cast<long>("x")); }) == EPERM);
    CHECK(sealed([] { return call(SYS_prlimit64); }) == EPERM);
}

TEST_CASE("sockets are INET and INET6, for TCP, UDP and ICMP echo") {
    CHECK(sealed([] { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }) == 0);
    CHECK(sealed([] { return socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP); }) == 0);
    for (const auto& [family, type, protocol] : {std::tuple{AF_UNIX, SOCK_STREAM, 0},
                                                 {AF_UNIX, SOCK_DGRAM, 0},
                                                 {AF_NETLINK, SOCK_RAW, 0},
                                                 {AF_PACKET, SOCK_RAW, 0},
                                                 {AF_INET, SOCK_RAW, int{IPPROTO_ICMP}},
                                                 {AF_INET, SOCK_RAW, int{IPPROTO_RAW}},
                                                 {AF_INET6, SOCK_RAW, int{IPPROTO_ICMPV6}},
                                                 {AF_INET, SOCK_STREAM, 262 /* MPTCP */},
                                                 {AF_INET, SOCK_DGRAM, 136},
                                                 {AF_INET, SOCK_SEQPACKET, 0},
                                                 {40 /* VSOCK */, SOCK_STREAM, 0},
                                                 {38 /* ALG */, SOCK_SEQPACKET, 0},
                                                 {44 /* XDP */, SOCK_RAW, 0},
                                                 {15 /* KEY */, SOCK_RAW, 2}}) {
        CAPTURE(family);
        CAPTURE(type);
        CAPTURE(protocol);
        CHECK(sealed([&] { return socket(family, type, protocol); }) == ENOSYS);
    }
    CHECK(sealed([] {
              int pair[2];
              return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
          }) == EPERM);
    CHECK(sealed([] { return call(SYS_bind); }) == EPERM);
}

TEST_CASE("socket options are an allow-list: nothing that chooses device, mark or source") {
    for (const auto& [level, name] : {std::pair{SOL_SOCKET, SO_MARK},
                                      {SOL_SOCKET, SO_BINDTODEVICE},
                                      {SOL_SOCKET, 62 /* BINDTOIFINDEX */},
                                      {SOL_SOCKET, SO_PRIORITY},
                                      {SOL_SOCKET, SO_ATTACH_FILTER},
                                      {SOL_SOCKET, SO_ATTACH_BPF},
                                      {int{IPPROTO_IP}, 50 /* UNICAST_IF */},
                                      {int{IPPROTO_IP}, IP_PKTINFO},
                                      {int{IPPROTO_IP}, IP_TRANSPARENT},
                                      {int{IPPROTO_IP}, IP_FREEBIND},
                                      {int{IPPROTO_IP}, IP_HDRINCL},
                                      {int{IPPROTO_IP}, IP_OPTIONS},
                                      {int{IPPROTO_IP}, IP_MULTICAST_IF},
                                      {int{IPPROTO_IP}, IP_ADD_MEMBERSHIP},
                                      {int{IPPROTO_TCP}, 31 /* ULP */},
                                      {int{IPPROTO_TCP}, TCP_REPAIR}}) {
        CAPTURE(level);
        CAPTURE(name);
        CHECK(sealed([&] { return set_option(AF_INET, SOCK_DGRAM, 0, level, name); }) == ENOSYS);
    }
    for (const int name : {IPV6_PKTINFO, IPV6_2292PKTINFO, 76 /* UNICAST_IF */, IPV6_RTHDR, IPV6_HOPOPTS,
                           IPV6_MULTICAST_IF, IPV6_JOIN_GROUP}) {
        CAPTURE(name);
        CHECK(sealed([&] { return set_option(AF_INET6, SOCK_DGRAM, 0, IPPROTO_IPV6, name); }) == ENOSYS);
    }
    CHECK(sealed([] { return set_option(AF_INET, SOCK_DGRAM, 0, IPPROTO_IP, IP_RECVERR); }) == 0);
    CHECK(sealed([] { return set_option(AF_INET, SOCK_STREAM, 0, IPPROTO_TCP, TCP_NODELAY); }) == 0);
}

TEST_CASE("memory is never executable") {
    CHECK(sealed([] {
              return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                                  : 0;
          }) == ENOSYS);
    CHECK(sealed([] {
              void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return mprotect(page, 4096, PROT_READ | PROT_EXEC);
          }) == ENOSYS);
    CHECK(sealed([] {
              return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                                   : 0;
          }) == 0);
}

TEST_CASE("Landlock alone takes every file away") {
    const pid_t child = fork();
    if (child == 0) {
        if (!give_up_files()) _exit(kNotSealed);
        _exit(open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == kNotSealed) {
        MESSAGE("skipped: this kernel has no Landlock");
        return;
    }
    CHECK(WEXITSTATUS(status) == EACCES);
}
