// Which worker runs which task, and what becomes of it: events and `now` in, actions out. No sockets, clocks or
// launcher.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "agent/moment.hpp"
#include "agent/spool/spool.hpp"
#include "agent/workers/task_admission.hpp"
#include "agent/workers/verdict.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::agent {

using WorkerId = std::uint32_t;  // the launcher's number

struct SpawnWorker {
    LineName line;
};
struct SendFrame {
    WorkerId worker = 0;
    worker::Frame frame;
};
/// The whole sandbox, by the launcher; then exited() and hung_up() follow.
struct KillWorker {
    WorkerId worker = 0;
};
/// Forget it: close our end of its socket.
struct DropWorker {
    WorkerId worker = 0;
};
struct AskRoute {
    LineName line;
    Flow flow;
};
struct Deliver {
    Finished finished;
};
/// The end of a probe of our own.
struct Answer {
    std::uint64_t id = 0;
    ProbeReport report;
};
struct Show {
    link::Progress progress;
};
/// lines() tells something else than before, and no line was judged.
struct LinesChanged {};
struct PoolNote {
    bool warning = true;
    std::string text;
};
using PoolAction = std::variant<SpawnWorker, SendFrame, KillWorker, DropWorker, AskRoute, Deliver, Answer, Show,
                                LinesChanged, PoolNote>;
using PoolActions = std::vector<PoolAction>;

/// A probe of the agent's own, to learn how a line does. `id` is its maker's.
struct OwnProbe {
    std::uint64_t id = 0;
    LineName line;
    ProbeSpec spec;
};

struct PoolSettings {
    std::uint32_t workers_per_line = 1;
    std::uint32_t tasks_per_worker = 256;
};

/// Every submitted task ends in exactly one Deliver, every probe of our own in one Answer, whatever dies.
class PoolFsm {
  public:
    explicit PoolFsm(PoolSettings settings) : settings_(settings) {}

    PoolActions launcher_up();
    PoolActions launcher_down(Moment now);
    PoolActions line(Line line, Moment now);
    /// Forgets every other line, as soon as nothing of it is left.
    void keep_only(const std::set<LineName>& lines);
    /// What a worker is told at its start has changed: those there are get no more tasks, and end with their last.
    PoolActions renew(Moment now);
    PoolActions spawned(const LineName& line, WorkerId worker, Moment now);
    PoolActions spawn_failed(const LineName& line, const std::string& why, Moment now);
    PoolActions frame(WorkerId worker, worker::Frame frame, Moment now);
    /// It broke the protocol; of a doomed one nothing is said.
    PoolActions broken(WorkerId worker, const std::string& why, Moment now);
    PoolActions exited(WorkerId worker, launcher::ExitReason reason, std::int32_t code, Moment now);
    /// Its socket ended: everything it sent was read.
    PoolActions hung_up(WorkerId worker, Moment now);
    PoolActions route(const LineName& line, const Flow& flow, std::optional<RouteAnswer> answer, Moment now);
    /// `received`: when the task came; its start_within counts from then.
    PoolActions submit(link::Task task, Moment received, Moment now);
    /// First in the queue, also on a line that takes no work but is not disabled; neither shown nor counted.
    PoolActions probe(OwnProbe own, Moment now);
    /// Until the next one. A line that takes no work refuses its tasks at once; those that run go on. One that is
    /// disabled is told as draining until they are done, and loses its workers then.
    PoolActions judge(const LineName& line, Standing standing, Moment now);
    PoolActions cancel(const link::AttemptRef& attempt, Moment now);
    /// Of tasks that come from now on.
    void policy(const link::Policy& policy) { admission_.policy(policy); }
    void busy(std::string why) { admission_.busy(std::move(why)); }
    PoolActions tick(Moment now);
    std::optional<Time> deadline() const;

    std::vector<link::LineReport> lines() const;
    std::size_t tasks() const { return jobs_.size() - own_; }

  private:
    enum class Phase { queued, running, verifying };
    struct Job {
        link::Task task;
        std::optional<std::uint64_t> own;  // a probe of our own has an id, and no task at the broker
        Phase phase = Phase::queued;
        Time received{};
        Time wake{};  // queued: start by; running: kill at
        WorkerId worker = 0;
        bool shown = false;  // that it runs
        Span span;
        ProbeReport report;
        std::map<Flow, std::optional<RouteAnswer>> routes;  // verifying
        std::size_t routes_awaited = 0;
    };
    struct Worker {
        LineName line;
        bool ready = false;
        bool was_ready = false;
        bool outdated = false;
        bool doomed = false;  // a kill was asked for: nothing is handed to it
        std::string why;      // of its end, as a code
        std::string text;
        bool exited = false;
        bool hung_up = false;
        std::optional<Time> give_up;  // when what is awaited (ready, the other of the two above) is given up
        Time began{};
        std::unordered_set<std::uint64_t> running;
    };
    struct Slot {
        Line line;
        std::vector<WorkerId> workers;
        std::uint32_t spawning = 0;
        std::deque<std::uint64_t> queue;
        std::uint32_t failures = 0;
        std::string no_worker;  // why none starts, from the first that did not to the next that does
        bool draining = false;  // disabled while tasks ran, which still do
        Time respawn{};
    };
    struct CachedRoute {
        std::optional<RouteAnswer> answer;
        Time at{};
        bool asked = false;
        std::vector<std::uint64_t> waiting;
    };

    /// Why no worker of the line starts; empty when one did.
    void say_no_worker(Slot& slot, const std::string& why, PoolActions& actions);
    /// Ends a task that no worker answered for.
    void answer_for(std::uint64_t key, ProbeReport report, Moment now, PoolActions& actions);
    void conclude(std::uint64_t key, Moment now, PoolActions& actions);
    std::set<Flow> flows_of(const Job& job) const;
    void verify(std::uint64_t key, Moment now, PoolActions& actions);
    void hand_out(Slot& slot, Moment now, PoolActions& actions);
    void run_on(WorkerId id, Worker& worker, std::uint64_t key, Moment now, PoolActions& actions);
    void keep_warm(Slot& slot, Moment now, PoolActions& actions);
    void doom(WorkerId id, Worker& worker, std::string code, std::string text, Moment now, PoolActions& actions);
    void bury(WorkerId id, Moment now, PoolActions& actions);
    void fail_queue(Slot& slot, const ProbeReport& report, Moment now, PoolActions& actions);
    bool takes_work(const LineName& line) const;
    bool is_disabled(const LineName& line) const;
    std::size_t tasks_on(const LineName& line) const;
    void end_outdated(WorkerId id, Worker& worker, Moment now, PoolActions& actions);
    void retire(Slot& slot, Moment now, PoolActions& actions);
    void set_wake(std::uint64_t key, Job& job, Time wake);
    void lose(std::uint64_t key, const Worker& worker, Moment now, PoolActions& actions);
    void awaited_in_vain(WorkerId id, Moment now, PoolActions& actions);
    void show_started(Job& job, PoolActions& actions);
    void show_due(Moment now, PoolActions& actions);
    void forget_ended_unshown();
    void drop_wake(std::uint64_t key, const Job& job) { wakes_.erase({job.wake, key}); }
    void job_due(std::uint64_t key, Moment now, PoolActions& actions);
    PoolActions on_done(WorkerId id, Worker& worker, worker::Done&& done, Moment now);

    PoolSettings settings_;
    TaskAdmission admission_;
    bool launcher_ = false;
    std::uint64_t next_key_ = 1;
    std::map<LineName, Slot> slots_;
    std::map<LineName, Standing> standings_;
    std::unordered_map<WorkerId, Worker> workers_;
    std::unordered_map<std::uint64_t, Job> jobs_;
    std::size_t own_ = 0;  // of them
    std::unordered_map<link::AttemptRef, std::uint64_t, AttemptHash> by_attempt_;
    std::set<std::pair<Time, std::uint64_t>> wakes_;
    std::deque<std::pair<Time, std::uint64_t>> unshown_;  // when to show each that runs, in that order
    std::map<std::pair<LineName, Flow>, CachedRoute> routes_;
};

}  // namespace edge::agent
