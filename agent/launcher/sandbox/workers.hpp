// The workers that live now: whose they are, how they ended, and that nothing of them is left.
#pragma once
#include <signal.h>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/launcher/lines/line_guard.hpp"
#include "agent/launcher/os/poller.hpp"
#include "agent/launcher/sandbox/cgroups.hpp"
#include "agent/launcher/sandbox/log_lines.hpp"
#include "agent/launcher/sandbox/sandbox.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// Who asked for a worker; its workers end with it.
using ClientId = std::uint64_t;

/// Owns: processes, groups and uids of workers. Executor: the launcher's one thread.
class Workers {
  public:
    using Clock = std::chrono::steady_clock;
    struct Started {
        Spawned spawned;
        Fd channel;  // the asker's end
    };
    using OnExit = std::function<void(ClientId, const WorkerExited&)>;

    /// `guard` counts the traffic of each worker.
    Workers(Poller& poller, CgroupTree& groups, LineGuard& guard, Spawner spawner, Limits limits, spdlog::logger& log,
            OnExit on_exit);
    /// Kills all and waits for them, two seconds at most.
    ~Workers();
    Workers(const Workers&) = delete;

    /// Errors: unavailable when every uid of the line is taken, or as many as there may be share one; io, naming the
    /// step.
    Result<Started> spawn(ClientId client, const Line& line, const std::vector<std::string>& arguments);
    /// Only the client that asked for a worker may kill it or read its figures. Errors: not_found, io.
    Result<> kill(ClientId client, std::uint32_t worker);
    Result<WorkerStats> stats(ClientId client, std::uint32_t worker);
    void drop_client(ClientId client);
    /// All of a line that has no namespace to work in any more.
    void drop_line(const std::string& line);
    /// Of a line, since this began; workers that ended are in it.
    Traffic traffic(const std::string& line) const;

    std::size_t size() const { return workers_.size(); }
    /// When `tick` has something to do; none while all is quiet.
    std::optional<Clock::time_point> deadline() const;
    void tick();

  private:
    struct Worker {
        std::uint32_t id = 0;
        ClientId client = 0;
        std::string line;
        uid_t uid = 0;
        bool killed = false;
        Newborn process;
        WorkerGroup group;
        Fd log;
        LogLines lines;
    };
    struct Leaving {  // gone, but its group is not empty yet: the uid must not be used again
        uid_t uid;
        std::string line;
        WorkerGroup group;
        Clock::time_point again;
    };

    static Result<> end(const Worker& worker);
    void drop(const std::function<bool(const Worker&)>& which);
    Result<> watch(const Worker& worker);
    std::optional<uid_t> free_uid(const UidRange& uids) const;
    Result<Worker*> owned(ClientId client, std::uint32_t worker);
    void read_log(std::uint32_t id);
    void reap(std::uint32_t id);
    WorkerExited verdict(const Worker& worker, const siginfo_t& how) const;
    void leave(uid_t uid, const std::string& line, WorkerGroup group);

    Poller& poller_;
    CgroupTree& groups_;
    LineGuard& guard_;
    Spawner spawner_;
    Limits limits_;
    spdlog::logger& log_;
    OnExit on_exit_;
    std::map<std::uint32_t, Worker> workers_;
    std::vector<Leaving> leaving_;
    std::set<uid_t> taken_;
    std::map<UidRange, uid_t> last_uid_;    // of each line
    std::map<std::string, Traffic> ended_;  // by line
    std::uint32_t last_id_ = 0;
};

}  // namespace edge::launcher
