#include <doctest/doctest.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "agent/launcher/sandbox/seccomp_filter.hpp"

using namespace edge::launcher;

TEST_CASE("the list of refused calls is the one that was reviewed") {
    std::string all;
    for (const auto call : denied_calls()) all += std::string(call) + " ";
    CHECK(all ==
          "mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr setns "
          "unshare "
          "open_by_handle_at name_to_handle_at quotactl quotactl_fd swapon swapoff mknod mknodat fanotify_init ptrace "
          "process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd move_pages migrate_pages bpf "
          "perf_event_open "
          "userfaultfd io_uring_setup io_uring_enter io_uring_register io_setup keyctl add_key request_key kexec_load "
          "kexec_file_load init_module finit_module delete_module modify_ldt iopl ioperm uselib lookup_dcookie "
          "personality "
          "memfd_secret reboot acct syslog vhangup sethostname setdomainname settimeofday clock_settime adjtimex "
          "clock_adjtime listen accept accept4 ");
}

TEST_CASE("the filter can be built here, and fits the kernel's limit") {
    const auto filter = wide_filter();
    REQUIRE(filter);
    CHECK(filter.value().size() > 60);
    CHECK(filter.value().size() < 400);   // one more comparison for each packet is one too many
    CHECK(filter.value().size() < 4096);  // BPF_MAXINSNS
}

namespace {

/// What `call` answers in a process that is confined like this: 0 or its errno; -1 when it could not be confined.
int answer(const LauncherCalls& calls, const std::function<long()>& call) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (!confine_launcher(calls)) ::_exit(255);
        ::_exit(call() >= 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

long executes() {
    char* const words[] = {const_cast<char*>("true"), nullptr};
    return ::execve("/bin/true", words, nullptr);
}

}  // namespace

TEST_CASE("a launcher that filtered itself can do what it needs, and no more") {
    const LauncherCalls none;
    CHECK(answer(none, executes) == EPERM);
    CHECK(answer(none, [] { return ::unshare(CLONE_NEWNS); }) == EPERM);
    CHECK(answer(none, [] { return ::mount("none", "/tmp", "tmpfs", 0, nullptr); }) == EPERM);
    CHECK(answer(none, [] { return ::setns(-1, CLONE_NEWNET); }) == EPERM);
    CHECK(answer(none, [] { return ::syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0); }) == EPERM);
    CHECK(answer(none, [] { return ::syscall(SYS_clone3, nullptr, 0); }) == ENOSYS);
    CHECK(answer(none, [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }) == EPERM);
    CHECK(answer(none, [] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }) == EPERM);
    for (const int family : {AF_INET, AF_INET6}) {  // for an uplink, which somebody else connects
        CHECK(answer(none, [family] { return ::socket(family, SOCK_DGRAM, 0); }) == 0);
        CHECK(answer(none, [family] {
                  const int fd = ::socket(family, SOCK_DGRAM, 0);
                  sockaddr_storage to{};
                  to.ss_family = static_cast<sa_family_t>(family);
                  return ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
              }) == EPERM);
    }
    for (const int family : {AF_AX25, AF_X25, AF_KEY, AF_PACKET, AF_VSOCK, AF_ALG})
        CHECK(answer(none, [family] { return ::socket(family, SOCK_DGRAM, 0); }) == EAFNOSUPPORT);
    CHECK(answer(none, [] { return ::socket(AF_UNIX, SOCK_SEQPACKET, 0); }) == 0);
    CHECK(answer(none, [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }) == 0);
    CHECK(answer(none, [] { return ::accept4(-1, nullptr, nullptr, 0); }) == EBADF);
    CHECK(answer({.programs = true}, executes) == 0);
    CHECK(answer({.setns = true}, [] { return ::setns(-1, CLONE_NEWNET); }) == EBADF);
    CHECK(answer({.bpf = true}, [] { return ::syscall(SYS_bpf, 9999, nullptr, 0); }) != EPERM);
}

namespace {

/// What `attempt` returns in a process under the wide filter; -1 when it could not be put on. `before` runs without it.
int under_wide_filter(const std::function<int()>& attempt) {
    const auto filter = wide_filter();
    if (!filter) return -1;
    const sock_fprog program{static_cast<unsigned short>(filter.value().size()),
                             const_cast<sock_filter*>(filter.value().data())};
    const pid_t child = ::fork();
    if (child == 0) {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, 2, &program) != 0) ::_exit(255);
        ::_exit(attempt());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("no multicast group is joined, whatever stands in the upper halves of the arguments") {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    const ip_mreqn group{{htonl(0xefff0203)}, {0}, 1};
    CHECK(under_wide_filter([&] {
              int got_through = 0;
              for (const unsigned long level : {0UL, 1UL << 32})
                  for (const unsigned long name : {0UL, 1UL << 32})
                      if (::syscall(SYS_setsockopt, fd, level | IPPROTO_IP, name | IP_ADD_MEMBERSHIP, &group,
                                    sizeof group) == 0 ||
                          errno != EPERM)
                          ++got_through;
              return got_through;
          }) == 0);
    ::close(fd);
}

TEST_CASE("sockets are of TCP, UDP and ICMP, whatever stands in the upper half of the protocol") {
    const auto makes = [](long family, long type, unsigned long protocol) {
        return under_wide_filter(
            [=] { return ::syscall(SYS_socket, family, type, protocol) >= 0 ? 0 : static_cast<int>(errno); });
    };
    for (const long family : {AF_INET, AF_INET6})
        for (const auto& [type, protocol] : {std::pair<long, unsigned long>{SOCK_STREAM, 0},
                                             {SOCK_STREAM, IPPROTO_TCP},
                                             {SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP}})
            CHECK(makes(family, type, protocol) == 0);
    CHECK(makes(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6) != EPROTONOSUPPORT);  // the group may be denied ping
    constexpr unsigned long kMultipathTcp = 262, kUpperHalf = 1UL << 32;
    for (const unsigned long protocol : {kMultipathTcp, 132UL, 136UL, 33UL, 255UL})  // MPTCP, SCTP, UDP-Lite, DCCP, raw
        for (const auto upper : {0UL, kUpperHalf})
            CHECK(makes(AF_INET, SOCK_STREAM, upper | protocol) == EPROTONOSUPPORT);
    for (const long type : {SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET})  // 0 is then not TCP nor UDP
        CHECK(makes(AF_INET, type | SOCK_CLOEXEC, 0) == EPROTONOSUPPORT);
    CHECK(makes(AF_INET, SOCK_RAW, IPPROTO_ICMP) == EPROTONOSUPPORT);  // with 0 the kernel says so itself
}

TEST_CASE("nothing lets a worker outlive its launcher, nor send to a socket of the host's that has a name") {
    const auto answers = [](const std::function<long()>& call) {
        return under_wide_filter([&] { return call() >= 0 ? 0 : static_cast<int>(errno); });
    };
    for (const unsigned long upper : {0UL, 1UL << 32})
        CHECK(answers([=] { return ::syscall(SYS_prctl, upper | PR_SET_PDEATHSIG, 0); }) == EPERM);
    CHECK(answers([] { return ::prctl(PR_SET_DUMPABLE, 0); }) == 0);
    CHECK(answers([] { return ::syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0); }) == EPERM);
    int ends[2];
    for (const long type : {SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET})
        CHECK(answers([&] { return ::socketpair(AF_UNIX, static_cast<int>(type) | SOCK_CLOEXEC, 0, ends); }) == EPERM);
    CHECK(answers([&] { return ::socketpair(AF_TIPC, SOCK_STREAM, 0, ends); }) == EPERM);
    CHECK(answers([&] { return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }) == 0);
}
