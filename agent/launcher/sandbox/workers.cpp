#include "agent/launcher/sandbox/workers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace edge::launcher {

using namespace std::chrono_literals;

namespace {

void add(Traffic& sum, const Traffic& one) {
    for (auto field :
         {&Traffic::sent_bytes, &Traffic::sent_packets, &Traffic::received_bytes, &Traffic::received_packets,
          &Traffic::strays, &Traffic::denied, &Traffic::throttled, &Traffic::unasked})
        sum.*field += one.*field;
}

}  // namespace

Workers::Workers(Poller& poller, CgroupTree& groups, LineGuard& guard, Spawner spawner, Limits limits,
                 spdlog::logger& log, OnExit on_exit)
    : poller_(poller),
      groups_(groups),
      guard_(guard),
      spawner_(std::move(spawner)),
      limits_(limits),
      log_(log),
      on_exit_(std::move(on_exit)) {}

Workers::~Workers() {
    const auto until = Clock::now() + 2s;
    for (auto& [id, worker] : workers_) (void)end(worker);
    for (auto& [id, worker] : workers_) {
        poller_.forget(worker.process.pidfd.get());
        poller_.forget(worker.log.get());
        wait_for_end(worker.process, until);
    }
}

/// All of a group; where there is none the worker is the first process of its pid namespace, and the kernel ends all
/// others in it with that one (pid_namespaces(7)).
Result<> Workers::end(const Worker& worker) {
    if (worker.group.is_there()) return worker.group.kill();
    const int pidfd = worker.process.pidfd.get();
    if (::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) == 0 || errno == ESRCH) return ok();
    return os_error(errno, "worker " + std::to_string(worker.id), "cannot be killed");
}

std::optional<uid_t> Workers::free_uid(const UidRange& uids) const {
    if (spawner_.privileges() == Privileges::none)
        return workers_.size() < kWorkerUids ? std::optional(uids.first) : std::nullopt;
    const auto count = uids.last - uids.first + 1;
    const auto last = last_uid_.find(uids);
    const auto next = last == last_uid_.end() ? 0 : last->second - uids.first + 1;
    for (std::uint32_t i = 0; i < count; ++i) {  // round and round, so that a uid rests before it is used again
        const uid_t uid = uids.first + (next + i) % count;
        if (!taken_.contains(uid)) return uid;
    }
    return std::nullopt;
}

Result<Workers::Started> Workers::spawn(ClientId client, const Line& line, const std::vector<std::string>& arguments) {
    const auto uid = free_uid(line.uids);
    if (!uid) return Error{Errc::unavailable, "spawn", "every uid of line " + line.name + " is taken", EAGAIN};
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return os_error(errno, "socketpair");
    Fd channel(ends[0]);
    const Fd theirs(ends[1]);
    int pipe[2];  // not blocking on either side: a worker that floods its log loses the lines, not its time
    if (::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) return os_error(errno, "pipe");
    Worker worker;
    worker.log = Fd(pipe[0]);
    const Fd their_log(pipe[1]);

    worker.id = ++last_id_;
    worker.client = client;
    worker.line = line.name;
    worker.uid = *uid;
    const Fd network(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));  // the caller has entered the line's
    if (!network) return os_error(errno, "/proc/self/ns/net");
    EDGE_TRY(worker.group, groups_.add_worker(line.name, worker.id, limits_));
    EDGE_TRY(guard_.begin_traffic({worker.group.id(), *uid}));
    taken_.insert(*uid);
    last_uid_[line.uids] = *uid;
    auto process = start_worker(spawner_,
                                {.arguments = arguments,
                                 .uid = *uid,
                                 .channel = theirs.get(),
                                 .log = their_log.get(),
                                 .network = network.get()},
                                worker.group);
    if (!process) {
        leave(*uid, line.name, std::move(worker.group));
        return process.error();
    }
    worker.process = std::move(process.value());

    const std::uint32_t id = worker.id;
    const Spawned spawned{id, worker.process.pid, *uid};
    if (const auto watched = watch(worker); !watched) {  // nobody would hear of its end
        end_newborn(worker.process);
        leave(*uid, line.name, std::move(worker.group));
        return watched.error();
    }
    workers_[id] = std::move(worker);
    log_.debug("worker_started worker={} line={} pid={} uid={}", id, line.name, spawned.pid, *uid);
    return Started{spawned, std::move(channel)};
}

Result<> Workers::watch(const Worker& worker) {
    EDGE_TRY(poller_.watch(worker.process.pidfd.get(), [this, id = worker.id] { reap(id); }));
    const auto watched = poller_.watch(worker.log.get(), [this, id = worker.id] { read_log(id); });
    if (!watched) poller_.forget(worker.process.pidfd.get());
    return watched;
}

Result<Workers::Worker*> Workers::owned(ClientId client, std::uint32_t worker) {
    const auto found = workers_.find(worker);
    if (found == workers_.end() || found->second.client != client)
        return Error{Errc::not_found, "worker " + std::to_string(worker), "is not one of yours", ENOENT};
    return &found->second;
}

Result<> Workers::kill(ClientId client, std::uint32_t worker) {
    EDGE_TRY(auto* mine, owned(client, worker));
    EDGE_TRY(end(*mine));
    mine->killed = true;
    return ok();
}

Result<WorkerStats> Workers::stats(ClientId client, std::uint32_t worker) {
    EDGE_TRY(auto* mine, owned(client, worker));
    WorkerStats stats = mine->group.stats();
    stats.worker = worker;
    stats.traffic = guard_.traffic({mine->group.id(), mine->uid});
    return stats;
}

Traffic Workers::traffic(const std::string& line) const {
    const auto ended = ended_.find(line);
    Traffic sum = ended == ended_.end() ? Traffic{} : ended->second;
    for (const auto& [id, worker] : workers_)
        if (worker.line == line) add(sum, guard_.traffic({worker.group.id(), worker.uid}));
    for (const auto& one : leaving_)
        if (one.line == line) add(sum, guard_.traffic({one.group.id(), one.uid}));
    return sum;
}

void Workers::drop_client(ClientId client) {
    drop([client](const Worker& worker) { return worker.client == client; });
}

void Workers::drop_line(const std::string& line) {
    drop([&](const Worker& worker) { return worker.line == line; });
}

void Workers::drop(const std::function<bool(const Worker&)>& which) {
    for (auto& [id, worker] : workers_) {
        if (!which(worker)) continue;
        worker.killed = true;
        if (const auto killed = end(worker); !killed)
            log_.error("kill_failed worker={} why=\"{}\"", id, killed.error().message());
    }
}

void Workers::read_log(std::uint32_t id) {
    const auto found = workers_.find(id);
    if (found == workers_.end()) return;
    Worker& worker = found->second;
    constexpr int kPipeful = 16;  // 64 KiB: what is over the budget is read away too, so that later lines find room
    for (int reads = 0; reads < kPipeful; ++reads) {
        char buffer[4096];
        const ssize_t n = ::read(worker.log.get(), buffer, sizeof buffer);
        if (n == 0) poller_.forget(worker.log.get());  // it closed its standard error
        if (n <= 0) break;
        for (const auto& line : worker.lines.feed({buffer, static_cast<std::size_t>(n)}, Clock::now()))
            log_.info("worker_says worker={} line={} text=\"{}\"", id, worker.line, line);
    }
    if (worker.lines.paused_until()) poller_.forget(worker.log.get());  // tick watches it again
}

/// The process is gone; so is everything in its pid namespace, whose init it was.
void Workers::reap(std::uint32_t id) {
    const auto found = workers_.find(id);
    if (found == workers_.end()) return;
    siginfo_t how{};
    if (::waitid(P_PIDFD, static_cast<id_t>(found->second.process.pidfd.get()), &how, WEXITED | WNOHANG) != 0 ||
        how.si_pid == 0)
        return;
    read_log(id);
    Worker worker = std::move(found->second);
    workers_.erase(found);
    poller_.forget(worker.process.pidfd.get());
    poller_.forget(worker.log.get());
    if (const auto rest = worker.lines.rest())
        log_.info("worker_says worker={} line={} text=\"{}\"", id, worker.line, *rest);
    if (const auto dropped = worker.lines.take_dropped())
        log_.warn("worker_log_dropped worker={} lines={}", id, dropped);
    const WorkerExited exited = verdict(worker, how);
    log_.debug("worker_exited worker={} line={} reason={} code={}", id, worker.line,
               static_cast<unsigned>(exited.reason), exited.code);
    leave(worker.uid, worker.line, std::move(worker.group));
    on_exit_(worker.client, exited);
}

WorkerExited Workers::verdict(const Worker& worker, const siginfo_t& how) const {
    WorkerExited exited{worker.id, ExitReason::exited, how.si_status};
    if (how.si_code == CLD_EXITED) return exited;
    exited.reason = ExitReason::signaled;
    if (how.si_status == SIGKILL && worker.group.stats().oom_kills != 0) exited.reason = ExitReason::oom;
    if (how.si_status == SIGKILL && worker.killed) exited.reason = ExitReason::killed;
    return exited;
}

void Workers::leave(uid_t uid, const std::string& line, WorkerGroup group) {
    if (group.remove()) {
        add(ended_[line], guard_.traffic({group.id(), uid}));
        guard_.end_traffic({group.id(), uid});
        taken_.erase(uid);
    } else {
        leaving_.push_back({uid, line, std::move(group), Clock::now() + 10ms});
    }
}

std::optional<Workers::Clock::time_point> Workers::deadline() const {
    std::optional<Clock::time_point> first;
    const auto consider = [&](Clock::time_point at) { first = first ? std::min(*first, at) : at; };
    for (const auto& one : leaving_) consider(one.again);
    for (const auto& [id, worker] : workers_)
        if (const auto paused = worker.lines.paused_until()) consider(*paused);
    return first;
}

void Workers::tick() {
    const auto now = Clock::now();
    for (auto& one : std::exchange(leaving_, {})) {
        if (one.again > now)
            leaving_.push_back(std::move(one));
        else
            leave(one.uid, one.line, std::move(one.group));
    }
    for (auto& [id, worker] : workers_) {
        if (!worker.lines.paused_until() || *worker.lines.paused_until() > now) continue;
        log_.warn("worker_log_dropped worker={} line={} lines={}", id, worker.line, worker.lines.take_dropped());
        worker.lines.feed({}, now);
        (void)poller_.watch(worker.log.get(), [this, id = id] { read_log(id); });
    }
}

}  // namespace edge::launcher
