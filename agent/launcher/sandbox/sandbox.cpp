#include "agent/launcher/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/sandbox/cage.hpp"

namespace edge::launcher {
namespace {

constexpr int kStartTimeoutMs = 5000;  // measured: 4 ms; a machine that takes this long starts nothing useful

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

/// What only the parent may do: the v1 groups, and the map of one uid, which needs CAP_SETUID and CAP_SETGID out here.
Result<> prepare(pid_t pid, uid_t uid, const WorkerGroup& group) {
    EDGE_TRY(group.admit(pid));
    const std::string proc = "/proc/" + std::to_string(pid);
    const std::string map = std::to_string(uid) + " " + std::to_string(uid) + " 1";
    EDGE_TRY(write_file(proc + "/uid_map", map));
    EDGE_TRY(write_file(proc + "/gid_map", map));
    return write_file(proc + "/oom_score_adj", "500");  // if the machine runs out, a probe goes before the agent
}

/// Waits until the child has executed the program: its report, then the end of the control socket.
Result<> await_start(int control) {
    bool ready = false;
    for (;;) {
        pollfd waiting{control, POLLIN, 0};
        const int polled = ::poll(&waiting, 1, kStartTimeoutMs);
        if (polled < 0 && errno == EINTR) continue;
        if (polled == 0) return Error{Errc::timed_out, "sandbox", "did not start within 5 s"};
        CageReport report;
        const ssize_t n = ::recv(control, &report, sizeof report, 0);
        if (n <= 0 && ready) return ok();
        if (n != sizeof report)
            return Error{Errc::io, "sandbox", "died on its way; is memory_mb of policy.toml too small?"};
        if (report.error != 0) return os_error(report.error, std::string("sandbox: ") + report.step);
        ready = true;
    }
}

}  // namespace

Result<StartedWorker> start_worker(const SandboxImage& image, const std::vector<std::string>& arguments, uid_t uid,
                                   const WorkerGroup& group, int channel, int log) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return os_error(errno, "socketpair");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return os_error(errno, "/dev/null");

    CagePlan plan;
    for (const auto& file : image.files) plan.files.push_back(file.c_str());
    plan.folders = folders_of(image.files);
    plan.arguments = pointers_to(arguments);
    plan.filter = {static_cast<unsigned short>(image.filter.size()), const_cast<sock_filter*>(image.filter.data())};
    plan.uid = uid;
    plan.channel = channel;
    plan.log = log;
    plan.null = null.get();
    plan.control = theirs.get();
    plan.launcher_end = ours.get();

    int pidfd = -1;
    clone_args how{};
    how.flags =
        CLONE_INTO_CGROUP | CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    how.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    how.exit_signal = SIGCHLD;
    how.cgroup = static_cast<__u64>(group.fd());
    const long pid = ::syscall(SYS_clone3, &how, sizeof how);
    if (pid < 0) return os_error(errno, "clone3", "no sandbox can be made; user namespaces must be allowed");
    if (pid == 0) enter_cage(plan);

    StartedWorker worker{static_cast<pid_t>(pid), Fd(pidfd)};
    theirs.reset();
    auto started = prepare(worker.pid, uid, group);
    if (started && ::send(ours.get(), "g", 1, MSG_NOSIGNAL) != 1) started = os_error(errno, "sandbox");
    if (started) started = await_start(ours.get());
    if (started) return worker;
    ::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
    siginfo_t gone{};
    ::waitid(P_PIDFD, static_cast<id_t>(worker.pidfd.get()), &gone, WEXITED);
    return started.error();
}

}  // namespace edge::launcher
