#include "agent/launcher/sandbox/spawner.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "agent/launcher/os/passed_fds.hpp"
#include "agent/launcher/sandbox/cage.hpp"

namespace edge::launcher {
namespace {

constexpr std::size_t kMostRequest = 128 * 1024;  // a policy with thousands of prefixes is on the command line

struct RequestHead {
    uid_t uid = 0;
    std::uint32_t words = 0;  // which follow, each with its NUL
};
enum class Step : int { request, enter, bear };
struct Answer {
    pid_t pid = 0;
    Step step = Step::bear;
    int error = 0;
};
enum PassedAt { kChannel, kLog, kControl, kNetwork, kGroup, kDoors };

/// Runs in the forked process. What it reads comes from the launcher; it is looked at as if it did not.
class Nursery {
  public:
    Nursery(int socket, const SandboxImage& image, UidRange uids, Privileges privileges, Namespaces namespaces)
        : socket_(socket),
          image_(image),
          uids_(uids),
          privileges_(privileges),
          namespaces_(namespaces),
          buffer_(kMostRequest) {}

    [[noreturn]] void serve() {
        while (true) {
            const Received received = receive_with_fds(socket_, buffer_);
            if (received.bytes == 0) ::_exit(0);  // the launcher is gone
            const auto plan = plan_of(received);
            if (!plan) {
                answer({0, Step::request, EINVAL}, Fd());
                continue;
            }
            bear(*plan, received.fds);
        }
    }

  private:
    std::optional<CagePlan> plan_of(const Received& received) {
        RequestHead head;
        const std::size_t least = privileges_ == Privileges::root ? kDoors : kGroup;
        if (received.truncated || received.bytes < sizeof head || received.fds.size() < least) return std::nullopt;
        std::memcpy(&head, buffer_.data(), sizeof head);
        if (head.uid < uids_.first || head.uid > uids_.last) return std::nullopt;
        CagePlan plan;
        auto* at = reinterpret_cast<char*>(buffer_.data()) + sizeof head;
        auto* const end = reinterpret_cast<char*>(buffer_.data()) + received.bytes;
        for (; at < end && plan.arguments.size() < head.words; at += std::strlen(at) + 1) {
            if (std::memchr(at, 0, static_cast<std::size_t>(end - at)) == nullptr) return std::nullopt;
            plan.arguments.push_back(at);
        }
        if (at != end || plan.arguments.size() != head.words || head.words == 0) return std::nullopt;
        plan.arguments.push_back(nullptr);
        for (const auto& file : image_.files) plan.files.push_back(file.c_str());
        plan.folders = folders_of(image_.files);
        plan.filter = {static_cast<unsigned short>(image_.filter.size()),
                       const_cast<sock_filter*>(image_.filter.data())};
        plan.uid = head.uid;
        plan.gid = group_of(head.uid, privileges_);
        plan.privileges = privileges_;
        plan.channel = received.fds[kChannel].get();
        plan.log = received.fds[kLog].get();
        plan.control = received.fds[kControl].get();
        for (std::size_t i = kDoors; i < received.fds.size(); ++i) plan.doors.push_back(received.fds[i].get());
        return plan;
    }

    void bear(const CagePlan& plan, const std::vector<Fd>& fds) {
        if (namespaces_ == Namespaces::others &&
            with_sys_admin([&] { return ::setns(fds[kNetwork].get(), CLONE_NEWNET); }) != 0)
            return answer({0, Step::enter, errno}, Fd());
        int pidfd = -1;
        clone_args how{};
        how.flags =
            CLONE_PARENT | CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
        how.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
        if (privileges_ == Privileges::root) {
            how.flags |= CLONE_INTO_CGROUP;
            how.cgroup = static_cast<__u64>(fds[kGroup].get());
        }
        const long pid = ::syscall(SYS_clone3, &how, sizeof how);
        if (pid == 0) enter_cage(plan);
        answer({static_cast<pid_t>(std::max(pid, 0L)), Step::bear, pid < 0 ? errno : 0}, Fd(pidfd));
    }

    void answer(const Answer& answer, const Fd& pidfd) {
        const int number = pidfd.get();
        const std::span<const int> fds(&number, pidfd ? 1 : 0);
        if (!send_with_fds(socket_, std::as_bytes(std::span(&answer, 1)), fds)) ::_exit(0);
    }

    int socket_;
    const SandboxImage& image_;
    UidRange uids_;
    Privileges privileges_;
    Namespaces namespaces_;
    std::vector<std::byte> buffer_;
};

[[noreturn]] void be_spawner(int socket, pid_t launcher, const SandboxImage& image, UidRange uids,
                             Privileges privileges, Namespaces namespaces) {
    const auto must = [](bool done) {
        if (!done) ::_exit(EXIT_FAILURE);
    };
    // A terminal or a service manager that ends the launcher may signal us, too: the launcher has workers to end first.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
    must(::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
    must(::getppid() == launcher);
    must(::dup2(socket, 3) == 3 && ::close_range(4, ~0U, 0) == 0);  // 2, the log, is the workers' and the sanitizers'
    must(::fcntl(3, F_SETFD, FD_CLOEXEC) == 0);
    must(keep_capability_to_enter(namespaces));
    // An execve(2) of root's would give back what the bounding set has (capabilities(7)); so it gives nothing. To empty
    // that set takes CAP_SETPCAP, which the launcher has not.
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    ::prctl(PR_SET_NAME, "edge-spawner", 0, 0, 0);
    Nursery(3, image, uids, privileges, namespaces).serve();
}

Error refusal_of(const Answer& answer) {
    switch (answer.step) {
        case Step::request:
            return os_error(answer.error, "spawner", "does not take the request for one of ours");
        case Step::enter:
            return os_error(answer.error, "setns", "the line's network namespace cannot be entered");
        case Step::bear:
            break;
    }
    return os_error(answer.error, "clone3", "no sandbox can be made; user namespaces must be allowed");
}

}  // namespace

gid_t group_of(uid_t uid, Privileges privileges) {
    return privileges == Privileges::root ? uid : ::getegid();
}

Result<Spawner> Spawner::fork(const SandboxImage& image, UidRange uids, Privileges privileges, Namespaces namespaces) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return os_error(errno, "socketpair");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    int pidfd = -1;
    clone_args how{};
    how.flags = CLONE_PIDFD;
    how.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    how.exit_signal = SIGCHLD;
    const pid_t launcher = ::getpid();
    const long pid = ::syscall(SYS_clone3, &how, sizeof how);
    if (pid < 0) return os_error(errno, "clone3");
    if (pid == 0) be_spawner(theirs.get(), launcher, image, uids, privileges, namespaces);
    return Spawner(Fd(pidfd), std::move(ours), privileges);
}

Spawner::~Spawner() {
    socket_.reset();
    siginfo_t how{};
    if (process_) ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &how, WEXITED);
}

Result<Newborn> Spawner::bear(const Birth& birth) {
    const RequestHead head{birth.uid, static_cast<std::uint32_t>(birth.arguments.size())};
    const auto* bytes = reinterpret_cast<const std::byte*>(&head);
    std::vector<std::byte> request(bytes, bytes + sizeof head);
    for (const auto& word : birth.arguments) {
        const auto* text = reinterpret_cast<const std::byte*>(word.c_str());
        request.insert(request.end(), text, text + word.size() + 1);
    }
    if (request.size() > kMostRequest)
        return Error{Errc::too_large, "sandbox",
                     "the policy makes a command line of over 128 KiB; say it in fewer prefixes"};
    std::vector<int> fds{birth.channel, birth.log, birth.control, birth.network};
    if (birth.group >= 0) fds.push_back(birth.group);
    for (const auto& door : birth.doors) fds.push_back(door.get());
    if (!send_with_fds(socket_.get(), request, fds)) return os_error(errno, "spawner");
    Answer answer;
    auto received = receive_with_fds(socket_.get(), std::as_writable_bytes(std::span(&answer, 1)));
    if (received.bytes != sizeof answer)
        return Error{Errc::io, "spawner", "has ended; edge-launcher must be restarted"};
    if (answer.error != 0) return refusal_of(answer);
    if (received.truncated || received.fds.size() != 1) {
        // It waits at the door of its cage. Nobody has waited for it, so its number is its own still.
        if (::kill(answer.pid, SIGKILL) == 0) ::waitpid(answer.pid, nullptr, 0);
        return os_error(EMFILE, "spawner", "no descriptor is left for the new process; raise LimitNOFILE of the unit");
    }
    return Newborn{answer.pid, std::move(received.fds.front())};
}

}  // namespace edge::launcher
