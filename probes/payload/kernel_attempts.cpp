// To get privileges, namespaces, other processes or facilities of the kernel. By number: a library may refuse first.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "probes/payload/endpoint.hpp"

namespace edge::probes {
namespace {

AttemptOutcome call(const char* what, long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    return tried(syscall(number, a, b, c, d, e), what);
}

long address_of(const void* pointer) {
    return reinterpret_cast<long>(pointer);
}

AttemptOutcome clone_with(unsigned long flags) {
    const long child = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) _exit(0);
    return tried(child, "a child");
}

AttemptOutcome clone3_with(unsigned long flags) {
    clone_args how{};
    how.flags = flags;
    how.exit_signal = SIGCHLD;
    const long child = syscall(SYS_clone3, &how, sizeof how);
    if (child == 0) _exit(0);
    return tried(child, "a child");
}

int end_at_once(void*) {
    return 0;
}

/// It has no death signal, and who executes a program in it is bound to the launcher no more.
AttemptOutcome thread(const Facts&) {
    static char stack[16 << 10];
    return tried(clone(end_at_once, stack + sizeof stack,
                       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, nullptr),
                 "a thread");
}

/// One end of a pair sends to any socket that has a name, whose owner is told that we are the launcher's user.
AttemptOutcome datagram_pair(const Facts&) {
    int ends[2]{};
    return call("a pair", SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, address_of(ends));
}

/// Over the processes that were named; none of them is visible in the sandbox's own pid namespace.
AttemptOutcome each_pid(const Facts& facts, AttemptOutcome (*attempt)(int pid)) {
    AttemptOutcome last = not_tried("no processes were given");
    for (const auto& pid : facts.list("pids")) {
        last = attempt(std::stoi(pid));
        if (last.got_through) return last;
    }
    return last;
}

AttemptOutcome trace(int pid) {
    return call("ptrace", SYS_ptrace, PTRACE_SEIZE, pid);
}

AttemptOutcome read_memory(int pid) {
    char here[8];
    const iovec local{here, sizeof here}, remote{here, sizeof here};
    return call("its memory", SYS_process_vm_readv, pid, address_of(&local), 1, address_of(&remote), 1);
}

AttemptOutcome by_pidfd(int pid) {
    const auto opened = call("a pidfd", SYS_pidfd_open, pid);
    return opened.got_through ? opened : any_of({opened, call("its fd", SYS_pidfd_getfd, 3, 0)});
}

AttemptOutcome raise_limits(const Facts&) {
    const rlimit more{1 << 20, 1 << 20};
    const rlimit file{1 << 20, 1 << 20};
    return any_of({tried(setrlimit(RLIMIT_NOFILE, &more), "more descriptors"),
                   tried(setrlimit(RLIMIT_FSIZE, &file), "larger files")});
}

AttemptOutcome set_ids(const Facts&) {
    return any_of({call("setuid", SYS_setuid, 0), call("setgid", SYS_setgid, 0),
                   call("setresuid", SYS_setresuid, 0, 0, 0), call("setgroups", SYS_setgroups, 0, 0),
                   call("another uid", SYS_setuid, getuid() + 1)});
}

AttemptOutcome set_capabilities(const Facts&) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct all[2]{{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
    return call("all capabilities", SYS_capset, address_of(&header), address_of(all));
}

/// Any of these is a way to privileges at the next execve.
AttemptOutcome privileges_back(const Facts&) {
    AttemptOutcome last = any_of({tried(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), "no_new_privs off"),
                                  tried(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0), "securebits cleared"),
                                  tried(prctl(PR_SET_SECCOMP, 0, 0, 0, 0), "seccomp off"),
                                  tried(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0), "ambient")});
    if (last.got_through) return last;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) return got("no_new_privs was never set");
    if (prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) == 1) return got("the bounding set is not empty");
    return last;
}

AttemptOutcome run_program(const Facts&) {
    char* const none[] = {nullptr};
    for (const char* path : {"/bin/sh", "/bin/false", "/usr/bin/id", "/usr/bin/su", "/sbin/ip"})
        execve(path, none, none);
    return stopped(errno);  // else it would not be here; its exit is no answer, and so counts
}

AttemptOutcome run_from_memory(const Facts&) {
    const int file = static_cast<int>(syscall(SYS_memfd_create, "x", 0));
    if (file < 0) return stopped(errno);
    const char script[] = "#!/bin/sh\n";
    if (write(file, script, sizeof script - 1) < 0) return stopped(errno);
    char* const none[] = {nullptr};
    syscall(SYS_execveat, file, "", none, none, AT_EMPTY_PATH);
    return stopped(errno);
}

AttemptOutcome perf(const Facts&) {
    perf_event_attr event{};
    event.size = sizeof event;
    event.type = PERF_TYPE_SOFTWARE;
    event.exclude_kernel = 1;
    return call("an event", SYS_perf_event_open, address_of(&event), 0, -1, -1, 0);
}

AttemptOutcome io_uring(const Facts&) {
    char parameters[120]{};
    return any_of({call("a ring", SYS_io_uring_setup, 4, address_of(parameters)),
                   call("aio", SYS_io_setup, 4, address_of(parameters))});
}

AttemptOutcome keys(const Facts&) {
    return any_of(
        {call("the session's keyring", SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1),
         call("a key", SYS_add_key, address_of("user"), address_of("x"), address_of("x"), 1, KEY_SPEC_PROCESS_KEYRING),
         call("a request", SYS_request_key, address_of("user"), address_of("x"), 0, 0)});
}

AttemptOutcome clocks(const Facts&) {
    const timespec epoch{1, 0};
    const timeval time{1, 0};
    return any_of({call("settimeofday", SYS_settimeofday, address_of(&time), 0),
                   call("clock_settime", SYS_clock_settime, 0, address_of(&epoch)),
                   call("reboot", SYS_reboot, 0xfee1dead, 672274793, 0, 0), call("acct", SYS_acct, 0),
                   call("syslog", SYS_syslog, 10, 0, 0), call("swapon", SYS_swapon, address_of("/dev/sda"), 0),
                   call("sethostname", SYS_sethostname, address_of("x"), 1), call("vhangup", SYS_vhangup),
                   call("quotactl", SYS_quotactl, 0, 0, 0, 0), call("kexec", SYS_kexec_load, 0, 0, 0, 0)});
}

/// The two other ways into an x86-64 kernel; their numbers mean other calls, so a filter must know them.
AttemptOutcome by_int80(const Facts&) {
#ifdef __x86_64__
    // Where the kernel has no such way in, that is a fault: the worker dies of it, whatever would report it.
    signal(SIGSEGV, SIG_DFL);
    long result = 20;  // getpid there
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    if (result < 0) errno = static_cast<int>(-result);
    return result < 0 ? stopped(errno) : got("a 32-bit call");
#else
    return not_tried("another machine");
#endif
}

AttemptOutcome by_x32(const Facts&) {
#ifdef __x86_64__
    return call("an x32 call", 0x40000000 | SYS_getpid);
#else
    return not_tried("another machine");
#endif
}

AttemptOutcome socket_of(int family, int type, int protocol) {
    const AttemptSocket made(family, type, protocol);
    return tried(made.get(), "a socket of family " + std::to_string(family));
}

const auto kKernelAttempts = std::to_array<Attempt>({
    {"mount",
     [](const Facts&) {
         return any_of({call("tmpfs", SYS_mount, address_of("none"), address_of("/"), address_of("tmpfs"), 0, 0),
                        call("remounted", SYS_mount, 0, address_of("/"), 0, 32, 0),
                        call("proc", SYS_mount, address_of("none"), address_of("/"), address_of("proc"), 0, 0),
                        call("umount", SYS_umount2, address_of("/"), 2)});
     }},
    {"new-mount-calls",
     [](const Facts&) {
         return any_of({call("open_tree", SYS_open_tree, AT_FDCWD, address_of("/"), 1),
                        call("fsopen", SYS_fsopen, address_of("tmpfs"), 0),
                        call("move_mount", SYS_move_mount, 0, 0, 0, 0),
                        call("mount_setattr", SYS_mount_setattr, AT_FDCWD, address_of("/"), 0, 0, 0)});
     }},
    {"pivot-root", [](const Facts&) { return call("pivot_root", SYS_pivot_root, address_of("/"), address_of("/")); }},
    {"chroot", [](const Facts&) { return call("chroot", SYS_chroot, address_of("/")); }},
    {"unshare-user", [](const Facts&) { return call("unshare", SYS_unshare, CLONE_NEWUSER); }},
    {"unshare-net", [](const Facts&) { return call("unshare", SYS_unshare, CLONE_NEWNET); }},
    {"clone-newuser", [](const Facts&) { return clone_with(CLONE_NEWUSER); }},
    {"clone3-newuser", [](const Facts&) { return clone3_with(CLONE_NEWUSER | CLONE_NEWNET); }},
    {"setns",
     [](const Facts&) {
         return any_of({call("setns", SYS_setns, 3, 0), call("setns", SYS_setns, 0, 0)});
     }},
    {"ptrace", [](const Facts& f) { return each_pid(f, trace); }},
    {"process-vm", [](const Facts& f) { return each_pid(f, read_memory); }},
    {"kill-all", [](const Facts&) { return call("signal", SYS_kill, -1, 0); }},
    {"kill-given-pids",
     [](const Facts& f) { return each_pid(f, [](int pid) { return call("a signal", SYS_kill, pid, 0); }); }},
    {"pidfd-given-pids", [](const Facts& f) { return each_pid(f, by_pidfd); }},
    {"sched-fifo",
     [](const Facts&) {
         const sched_param high{50};
         return any_of({call("fifo", SYS_sched_setscheduler, 0, SCHED_FIFO, address_of(&high)),
                        call("round robin", SYS_sched_setscheduler, 0, SCHED_RR, address_of(&high))});
     }},
    {"raise-priority",
     [](const Facts&) {
         return any_of({call("nice", SYS_setpriority, PRIO_PROCESS, 0, -5),
                        call("io in real time", SYS_ioprio_set, 1, 0, 1 << 13)});
     }},
    {"raise-limits", raise_limits},
    {"set-ids", set_ids},
    {"capset", set_capabilities},
    {"privileges-back", privileges_back},
    {"execve", run_program},
    {"execveat-memfd", run_from_memory},
    {"bpf", [](const Facts&) { return call("a map", SYS_bpf, 0, address_of("\2\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0"), 16); }},
    {"perf-event", perf},
    {"userfaultfd", [](const Facts&) { return call("userfaultfd", SYS_userfaultfd, 1); }},
    {"io-uring", io_uring},
    {"keyring", keys},
    {"modules",
     [](const Facts&) {
         return any_of({call("init", SYS_init_module, 0, 0, 0), call("finit", SYS_finit_module, 0, 0, 0),
                        call("delete", SYS_delete_module, address_of("x"), 0)});
     }},
    {"clock-and-power", clocks},
    {"file-handle",
     [](const Facts&) {
         return call("open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, address_of("\0\0\0\0"), 0);
     }},
    {"ports-and-ldt",
     [](const Facts&) {
#ifdef __x86_64__
         return any_of({call("iopl", SYS_iopl, 3), call("ioperm", SYS_ioperm, 0x60, 1, 1),
                        call("modify_ldt", SYS_modify_ldt, 0, 0, 0)});
#else
         return not_tried("another machine");
#endif
     }},
    {"int80", by_int80},
    {"x32", by_x32},
    {"unix-socket", [](const Facts&) { return socket_of(AF_UNIX, SOCK_STREAM, 0); }},
    {"netlink-socket",
     [](const Facts&) {
         return any_of({socket_of(AF_NETLINK, SOCK_RAW, 0), socket_of(AF_NETLINK, SOCK_RAW, 16)});
     }},
    {"datagram-pair", datagram_pair},
    {"death-signal", [](const Facts&) { return call("prctl", SYS_prctl, PR_SET_PDEATHSIG, 0); }},
    {"thread", thread},
    {"odd-sockets",
     [](const Facts&) {
         return any_of({socket_of(40, SOCK_STREAM, 0), socket_of(38, SOCK_SEQPACKET, 0), socket_of(44, SOCK_RAW, 0),
                        socket_of(15, SOCK_RAW, 2), socket_of(30, SOCK_RDM, 0), socket_of(21, SOCK_SEQPACKET, 0)});
     }},
});

}  // namespace

std::span<const Attempt> kernel_attempts() {
    return kKernelAttempts;
}

}  // namespace edge::probes
