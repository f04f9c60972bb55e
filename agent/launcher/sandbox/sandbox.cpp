#include "agent/launcher/sandbox/sandbox.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/sandbox/cage.hpp"

namespace edge::launcher {
namespace {

constexpr int kEndTimeoutMs = 2000;    // of what was killed; it takes a millisecond
constexpr int kStartTimeoutMs = 5000;  // measured: 4 ms; a machine that takes this long starts nothing useful

std::string map_of(std::uint32_t id) {
    return std::to_string(id) + " " + std::to_string(id) + " 1";
}

/// What only the parent may do: the map of one uid, which needs CAP_SETUID and CAP_SETGID out here, or is our own.
Result<> prepare(pid_t pid, uid_t uid, Privileges privileges) {
    const std::string proc = "/proc/" + std::to_string(pid);
    EDGE_TRY(write_file(proc + "/uid_map", map_of(uid)));
    if (privileges == Privileges::none) {
        EDGE_TRY(write_file(proc + "/setgroups", "deny"));  // or no group may be mapped (user_namespaces(7))
    }
    EDGE_TRY(write_file(proc + "/gid_map", map_of(group_of(uid, privileges))));
    // If the machine runs out, a probe goes before the agent. Root may have put us beyond that, and it stays so.
    const auto first_to_go = write_file(proc + "/oom_score_adj", "500");
    if (privileges == Privileges::none) return ok();
    return first_to_go;
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

Result<Newborn> start_worker(Spawner& spawner, Birth birth, const WorkerGroup& group) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return os_error(errno, "socketpair");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    EDGE_TRY(const auto doors, group.doors());
    birth.group = group.fd();
    birth.doors = doors;
    birth.control = theirs.get();
    EDGE_TRY(auto worker, spawner.bear(birth));
    theirs.reset();
    auto started = prepare(worker.pid, birth.uid, spawner.privileges());
    if (started && ::send(ours.get(), "g", 1, MSG_NOSIGNAL) != 1) started = os_error(errno, "sandbox");
    if (started) started = await_start(ours.get());
    if (started) return worker;
    end_newborn(worker);
    return started.error();
}

void end_newborn(const Newborn& worker) {
    ::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
    wait_for_end(worker, std::chrono::steady_clock::now() + std::chrono::milliseconds(kEndTimeoutMs));
}

void wait_for_end(const Newborn& worker, std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd ended{worker.pidfd.get(), POLLIN, 0};
    ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    siginfo_t gone{};
    ::waitid(P_PIDFD, static_cast<id_t>(worker.pidfd.get()), &gone, WEXITED | WNOHANG);
}

}  // namespace edge::launcher
