#include "agent/launcher/sandbox/cage.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

// Of the child, which is one thread and one cage.
int control_socket = -1;
int null_device = -1;

[[noreturn]] void give_up(const char* step) {
    CageReport report;
    report.error = errno;
    std::strncpy(report.step, step, sizeof report.step - 1);
    (void)!::write(control_socket, &report, sizeof report);
    ::_exit(127);
}

long must(long result, const char* step) {
    if (result < 0) give_up(step);
    return result;
}

/// The launcher maps our uid first.
void wait_for_go() {
    char go = 0;
    if (::read(control_socket, &go, 1) != 1) ::_exit(127);  // the launcher died
}

/// Each by itself: whoever puts another process into a v1 group waits for a grace period of RCU first, 13 ms measured.
void enter_groups(const CagePlan& plan) {
    for (const int door : plan.doors) must(::write(door, "0", 1), "entering a control group");
}

constexpr int kMaxFiles = 128;

/// Copies of the mounts of the files. Taken while we are still root outside, so that a program below a folder that only
/// root may enter can be run.
void take_files(const CagePlan& plan, int (&trees)[kMaxFiles]) {
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
    for (std::size_t i = 0; i < plan.files.size(); ++i)
        trees[i] = static_cast<int>(
            must(::open_tree(AT_FDCWD, plan.files[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), plan.files[i]));
}

/// Without privileges the further groups of the user stay: nobody may drop what keeps him from something
/// (user_namespaces(7), /proc/PID/setgroups). Nothing in the cage goes by a group.
void become_user(const CagePlan& plan) {
    if (plan.privileges == Privileges::root) must(::setgroups(0, nullptr), "setgroups");
    must(::setresgid(plan.gid, plan.gid, plan.gid), "setresgid");
    must(::setresuid(plan.uid, plan.uid, plan.uid), "setresuid");
}

/// A root that holds the files and nothing else, read-only with all that is mounted in it.
void build_root(const CagePlan& plan, const int (&trees)[kMaxFiles]) {
    ::umask(022);
    if (EDGE_IS_OFF(own_root)) return;
    must(::mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=256k,mode=0755"), "tmpfs");
    must(::chdir("/tmp"), "chdir");
    for (const auto& folder : plan.folders) must(::mkdir(folder.c_str(), 0755), "mkdir");
    for (std::size_t i = 0; i < plan.files.size(); ++i) {
        const char* name = plan.files[i] + 1;  // without the leading slash
        ::close(static_cast<int>(
            must(::open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444), "creating a mount point")));
        must(::move_mount(trees[i], "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH), "binding a file");
    }
    must(::syscall(SYS_pivot_root, ".", "."), "pivot_root");  // old root is now on top of the new one: pivot_root(2)
    must(::umount2(".", MNT_DETACH), "leaving the old root");
    must(::chdir("/"), "chdir");
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (EDGE_IS_OFF(read_only_root)) return;
    must(::syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof attributes),
         "making the root read-only");
}

void set_limits() {
    struct {
        decltype(RLIMIT_NOFILE) what;
        rlim_t most;
    } constexpr kLimits[] = {
        {RLIMIT_NOFILE, 4096},  // sockets of many probes at once
        {RLIMIT_CORE, 0},       // a core would hold other tasks' data
        {RLIMIT_FSIZE, 0},     {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_NICE, 0},      {RLIMIT_RTPRIO, 0},  {RLIMIT_SIGPENDING, 256},
    };  // no RLIMIT_CPU: a warm worker lives for weeks, its group's cpu limit holds
    for (const auto& limit : kLimits) {
        rlimit value{};
        must(::getrlimit(limit.what, &value), "getrlimit");
        value.rlim_max = std::min(value.rlim_max, limit.most);
        value.rlim_cur = value.rlim_max;
        must(::setrlimit(limit.what, &value), "setrlimit");
    }
}

constexpr unsigned long kSecureBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

/// These are powers over our own user namespace only, but they reach code of the kernel that plain users do not.
void drop_capabilities() {
    for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        must(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "dropping the bounding set");
    must(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clearing ambient capabilities");
    must(::prctl(PR_SET_SECUREBITS, kSecureBits, 0, 0, 0), "securebits");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2]{};
    must(::syscall(SYS_capset, &header, none), "capset");
}

void detach_from_launcher() {
    must(::setsid(), "setsid");
    must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "pdeathsig");  // after setresuid, which clears it
    pollfd launcher{control_socket, 0, 0};
    if (::poll(&launcher, 1, 0) != 0) ::_exit(127);          // it died before the line above
    must(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable");  // execve sets it again: the worker repeats this
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    must(::sigprocmask(SIG_SETMASK, &none, nullptr), "sigprocmask");
    ::umask(077);
}

/// 0 and 1 nothing, 2 the log, 3 the channel; all others close at execve.
void arrange_descriptors(const CagePlan& plan) {
    // Above the targets first, so that no dup2 hits a descriptor that is still needed.
    const int channel = static_cast<int>(must(::fcntl(plan.channel, F_DUPFD_CLOEXEC, 10), "fcntl"));
    const int log = static_cast<int>(must(::fcntl(plan.log, F_DUPFD_CLOEXEC, 10), "fcntl"));
    const int null = static_cast<int>(must(::fcntl(null_device, F_DUPFD_CLOEXEC, 10), "fcntl"));
    control_socket = static_cast<int>(must(::fcntl(control_socket, F_DUPFD_CLOEXEC, 10), "fcntl"));
    must(::dup2(null, 0), "dup2");
    must(::dup2(null, 1), "dup2");
    must(::dup2(log, 2), "dup2");
    must(::dup2(channel, 3), "dup2");
    if (EDGE_IS_OFF(descriptors)) return;
    must(::close_range(4, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
}

}  // namespace

std::vector<std::string> folders_of(const std::vector<std::string>& files) {
    std::vector<std::string> folders;
    for (const auto& file : files)
        for (auto slash = file.find('/', 1); slash != std::string::npos; slash = file.find('/', slash + 1))
            folders.push_back(file.substr(1, slash - 1));
    std::sort(folders.begin(), folders.end());  // a parent is a prefix of what is in it, so it comes first
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    return folders;
}

void enter_cage(const CagePlan& plan) {
    control_socket = plan.control;
    int trees[kMaxFiles];
    errno = E2BIG;
    if (plan.files.size() > kMaxFiles) give_up("too many libraries");
    wait_for_go();
    enter_groups(plan);
    null_device = static_cast<int>(must(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"));
    take_files(plan, trees);
    become_user(plan);
    build_root(plan, trees);
    must(::sethostname("edge", 4), "sethostname");
    if (!EDGE_IS_OFF(rlimits)) set_limits();
    if (!EDGE_IS_OFF(no_new_privs)) must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    if (!EDGE_IS_OFF(capabilities)) drop_capabilities();
    detach_from_launcher();
    arrange_descriptors(plan);
    if (!EDGE_IS_OFF(wide_filter)) must(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &plan.filter), "seccomp");
    const CageReport ready;
    must(::write(control_socket, &ready, sizeof ready), "report");
    char* const no_environment[] = {nullptr};
    ::execve(plan.files[0], plan.arguments.data(), no_environment);
    give_up("execve of the probe program");
}

}  // namespace edge::launcher
