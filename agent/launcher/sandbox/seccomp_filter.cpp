#include "agent/launcher/sandbox/seccomp_filter.hpp"

#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {
namespace {

constexpr auto kDenied = std::to_array<std::string_view>(
    {// mounts, roots and namespaces
     "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "move_mount",
     "mount_setattr", "setns", "unshare", "open_by_handle_at", "name_to_handle_at", "quotactl", "quotactl_fd", "swapon",
     "swapoff", "mknod", "mknodat", "fanotify_init",
     // other processes
     "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "move_pages",
     "migrate_pages",
     // kernel facilities a probe has no use for
     "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup",
     "keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load", "init_module", "finit_module",
     "delete_module", "modify_ldt", "iopl", "ioperm", "uselib", "lookup_dcookie", "personality", "memfd_secret",
     // the machine
     "reboot", "acct", "syslog", "vhangup", "sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex",
     "clock_adjtime",
     // a worker only goes out
     "listen", "accept", "accept4"});

constexpr std::uint64_t kNewNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kLooksForLeaks = true;  // LeakSanitizer stops the process it looks at, at its end
#else
constexpr bool kLooksForLeaks = false;
#endif

struct Release {
    void operator()(scmp_filter_ctx context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

constexpr scmp_datum_t kInt = 0xffff'ffff;  // what the kernel takes of an int, whatever stands in the upper half

Error refused(int status, std::string_view call) {
    return Error{Errc::unsupported, "seccomp", "no rule for " + std::string(call), -status};
}

template <class Calls>
Result<> deny(scmp_filter_ctx context, const Calls& calls) {
    for (const auto call : calls) {
        const int number = ::seccomp_syscall_resolve_name(std::string(call).c_str());
        if (number == __NR_SCMP_ERROR) return refused(-ENOSYS, call);
        const int status = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), number, 0);
        if (status != 0) return refused(status, call);
    }
    return ok();
}

Result<> deny_if(scmp_filter_ctx context, int call, std::string_view name, int error, const scmp_arg_cmp& argument) {
    const int status = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, 1, argument);
    if (status != 0) return refused(status, name);
    return ok();
}

/// Sockets of other families than these, in ascending order. One argument may be compared once a rule, hence the
/// enumeration.
Result<> deny_families_but(scmp_filter_ctx context, std::initializer_list<unsigned> allowed) {
    const unsigned low = *allowed.begin(), high = *(allowed.end() - 1);
    std::vector<scmp_arg_cmp> others{SCMP_A0(SCMP_CMP_LT, low), SCMP_A0(SCMP_CMP_GT, high)};
    for (unsigned family = low + 1; family < high; ++family)
        if (std::ranges::find(allowed, family) == allowed.end()) others.push_back(SCMP_A0(SCMP_CMP_EQ, family));
    for (const auto& other : others) {
        EDGE_TRY(deny_if(context, SCMP_SYS(socket), "socket", EAFNOSUPPORT, other));
    }
    return ok();
}

/// Sockets of other protocols than TCP, UDP and ICMP. Under nftables this list alone keeps them away: Multipath TCP
/// looks like TCP to who sees packets only, and opens further ways by itself. A number with a bit in the upper half,
/// which the kernel ignores, is above them all. Types above SOCK_DGRAM, where 0 means such a protocol, have one of
/// these bits.
Result<> deny_protocols(scmp_filter_ctx context) {
    for (const auto& argument :
         {SCMP_A2(SCMP_CMP_GT, IPPROTO_ICMPV6), SCMP_A2(SCMP_CMP_EQ, IPPROTO_DCCP), SCMP_A1(SCMP_CMP_MASKED_EQ, 4, 4),
          SCMP_A1(SCMP_CMP_MASKED_EQ, 8, 8), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW)}) {
        EDGE_TRY(deny_if(context, SCMP_SYS(socket), "socket", EPROTONOSUPPORT, argument));
    }
    return ok();
}

/// Pairs that are not of streams: one end of such a pair sends to any socket of the host's that has an abstract name.
Result<> deny_pairs(scmp_filter_ctx context) {
    for (const auto& argument : {SCMP_A0(SCMP_CMP_NE, AF_UNIX), SCMP_A1(SCMP_CMP_MASKED_EQ, 2, 2),
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, 4, 4), SCMP_A1(SCMP_CMP_MASKED_EQ, 8, 8)}) {
        EDGE_TRY(deny_if(context, SCMP_SYS(socketpair), "socketpair", EPERM, argument));
    }
    return ok();
}

/// Nothing that a worker does lets it outlive its launcher: neither to take its death signal back, nor a thread, which
/// has none and keeps none when it executes a program. A number with a bit in the upper half is none to prctl.
Result<> deny_outliving(scmp_filter_ctx context) {
    EDGE_TRY(deny_if(context, SCMP_SYS(prctl), "prctl", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, PR_SET_PDEATHSIG)));
    return deny_if(context, SCMP_SYS(clone), "clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

/// Joining a group makes the kernel report it by whichever device the caller names, in packets of no socket, which no
/// program on the line's cgroup sees: seen arriving at another line's carrier (tests/escape, igmp-join, mld-join).
Result<> deny_groups(scmp_filter_ctx context) {
    // Joins and filters of <linux/in.h> and <linux/in6.h>; the MCAST_ ones have the same number in both families.
    constexpr std::pair<int, int> kJoins[] = {{IPPROTO_IP, IP_ADD_MEMBERSHIP},
                                              {IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP},
                                              {IPPROTO_IP, IP_MSFILTER},
                                              {IPPROTO_IP, MCAST_JOIN_GROUP},
                                              {IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP},
                                              {IPPROTO_IP, MCAST_MSFILTER},
                                              {IPPROTO_IPV6, IPV6_JOIN_GROUP},
                                              {IPPROTO_IPV6, IPV6_JOIN_ANYCAST},
                                              {IPPROTO_IPV6, MCAST_JOIN_GROUP},
                                              {IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP},
                                              {IPPROTO_IPV6, MCAST_MSFILTER}};
    for (const auto& [level, name] : kJoins) {
        const int status = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setsockopt), 2,
                                              SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, static_cast<scmp_datum_t>(level)),
                                              SCMP_A2(SCMP_CMP_MASKED_EQ, kInt, static_cast<scmp_datum_t>(name)));
        if (status != 0) return refused(status, "setsockopt");
    }
    return ok();
}

Result<> deny_new_namespaces(scmp_filter_ctx context) {
    const int status = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (status != 0) return refused(status, "clone3");
    for (std::uint64_t bit = 1; bit <= kNewNamespaces; bit <<= 1) {
        if ((kNewNamespaces & bit) == 0) continue;
        EDGE_TRY(deny_if(context, SCMP_SYS(clone), "clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit)));
    }
    return ok();
}

Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
    const Fd file(::memfd_create("filter", MFD_CLOEXEC));
    if (!file) return os_error(errno, "memfd_create");
    const int status = ::seccomp_export_bpf(context, file.get());
    if (status != 0) return refused(status, "export");
    const auto bytes = ::lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> filter(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
    if (::pread(file.get(), filter.data(), static_cast<std::size_t>(bytes), 0) != bytes)
        return os_error(errno, "seccomp");
    return filter;
}

}  // namespace

std::span<const std::string_view> denied_calls() {
    return kDenied;
}

Result<std::vector<sock_filter>> wide_filter() {
    const Context context(::seccomp_init(SCMP_ACT_ALLOW));
    if (!context) return refused(-ENOMEM, "init");
    ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: the list is long, calls are many
    EDGE_TRY(deny(context.get(), kDenied));
    EDGE_TRY(deny_families_but(context.get(), {AF_INET, AF_INET6}));
    EDGE_TRY(deny_protocols(context.get()));
    EDGE_TRY(deny_pairs(context.get()));
    EDGE_TRY(deny_outliving(context.get()));
    EDGE_TRY(deny_groups(context.get()));
    EDGE_TRY(deny_new_namespaces(context.get()));
    return exported(context.get());
}

Result<> confine_launcher(const LauncherCalls& calls) {
    const Context context(::seccomp_init(SCMP_ACT_ALLOW));
    if (!context) return refused(-ENOMEM, "init");
    const auto is_needed = [&](std::string_view call) {
        if (call == "accept" || call == "accept4") return true;
        return (call == "bpf" && calls.bpf) || (call == "setns" && calls.setns) || (call == "ptrace" && kLooksForLeaks);
    };
    std::vector<std::string_view> denied;
    std::copy_if(kDenied.begin(), kDenied.end(), std::back_inserter(denied), std::not_fn(is_needed));
    denied.push_back("connect");  // an uplink's socket is made here; it goes nowhere from here
    if (!calls.programs) denied.insert(denied.end(), {"execve", "execveat"});
    EDGE_TRY(deny(context.get(), denied));
    EDGE_TRY(deny_families_but(context.get(), {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}));
    EDGE_TRY(deny_new_namespaces(context.get()));
    const int status = ::seccomp_load(context.get());  // sets no_new_privs, too
    if (status != 0) return refused(status, "load");
    return ok();
}

}  // namespace edge::launcher
