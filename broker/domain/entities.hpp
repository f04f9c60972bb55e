// What the domain holds in memory: every node, the sessions that are live, and the runs that are not finished.
#pragma once
#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/domain/node_usage.hpp"
#include "broker/domain/pace.hpp"
#include "broker/domain/result_pace.hpp"
#include "broker/domain/timers.hpp"
#include "broker/domain/views.hpp"
#include "broker/store/records.hpp"

namespace edge::broker {

struct Node;
struct Run;

struct Task {
    TaskRow row{};
    TaskId id;
    Run* run = nullptr;
    Node* node = nullptr;
    LineRef line;
    TaskState state = TaskState::queued;  // as shown; an end is shown after its commit
    std::uint32_t attempt = 1;
    TaskState written = TaskState::queued;  // queued, or its end: in the store or on the way there
    std::uint32_t recorded = 0;             // the attempt whose result ended it
    std::vector<std::uint32_t> seen;        // attempts that have a result, in the store or on the way there
    bool offered = false;                   // the node may know of it
    bool offer_saved = false;               // … and the store knows that

    // Where it stands in its node's lists.
    bool queued = false;
    std::list<Task*>::iterator queue_at{};
    bool listed = false;
    std::size_t open_at = 0;
};

inline bool is_terminal(TaskState state) {
    return state != TaskState::queued && state != TaskState::leased && state != TaskState::running &&
           state != TaskState::unknown;
}
/// No end of it is known or being written.
inline bool is_open(const Task& task) {
    return !is_terminal(task.written);
}

struct Run {
    RunRow row{};
    RunId id;
    JobId job_id;
    JobOrigin origin = JobOrigin::api;
    Service service = Service::ping;
    std::string target;
    std::string selector;
    Json params;
    std::size_t envelope_bytes = 0;      // of one Task envelope, about
    RunState state = RunState::running;  // as shown
    WallTime created_at = 0;
    std::optional<WallTime> finished_at;  // as written
    JobTerms terms;
    std::uint32_t start_within_ms = 0;
    std::uint32_t run_within_ms = 0;
    std::uint64_t start_deadline = 0;  // monotonic; later nothing is begun
    std::uint64_t close_deadline = 0;  // later what has no result is lost
    std::optional<Timers::Handle> start_timer;
    std::optional<Timers::Handle> close_timer;
    TaskCounts shown;
    Outcomes written;           // in the store, or in a write under way
    std::uint32_t results = 0;  // stored ones
    std::uint32_t writes = 0;   // under way; the run stays in memory for them
    std::uint32_t watchers = 0;
    WallTime tick = 0;                              // of a recurring job: its nodes begin the tasks by themselves
    std::map<const Node*, std::uint32_t> together;  // where they are to begin together: how many each node has
    bool canceled = false;   // nothing more is begun. Not stored: after a restart what runs goes on until asked again
    std::deque<Task> tasks;  // all while the run goes on, afterwards those that were asked for; others point at them
    bool recovered = false;  // made of results that came after a restore
    std::uint64_t stays_until = 0;  // look-up; see ActiveRuns::look_up_asked
};
/// Owners: the table of active runs, and writes under way.
using RunPtr = std::shared_ptr<Run>;

struct Spool {
    SpoolRecord record;  // its `committed` is what the store has
    std::uint64_t received = 0;
    ResultId newest_rid;                            // of those that came in turn; a greater one is new
    ResultId newest_early{};                        // … and of those that came before their turn
    std::map<ResultId, std::uint64_t> under_way{};  // rid → n, of results that are being written
    bool is_stored = false;                         // it has a row: a session with it was confirmed
    bool gave_window = false;                       // to another of the node's; its row does not say so yet
};

struct Session;

struct Node {
    NodeRecord record;
    std::vector<std::unique_ptr<Spool>> spools;
    Session* session = nullptr;
    std::list<Task*> queue;   // to be offered
    std::vector<Task*> open;  // all of its tasks that have no end yet
    std::uint64_t last_event = 0;
    std::map<JobId, std::string> plan;  // recurring jobs that it is to do by itself, and the tag of what it was told
    bool keeps_plans = true;            // it says so in its hello
    std::string asked;                  // what decides what it is asked, when that was looked at last
    bool lost_disk = false;             // it came with a new spool and knows nothing of what it was given before
    std::optional<std::uint64_t> rtt_us;
    std::optional<std::int64_t> clock_offset_us;
    NodeUsage usage;
    std::optional<Timers::Handle> lease_timer;  // it is gone, and has what its jobs do not wait for
    Pace pace;                                  // of changes that it tells of itself
    ResultPace result_pace;
    std::uint64_t not_yours_again = 0;  // monotonic: when a result that is not its own is audited again
    // Of agent processes that took each other's place: their boot ids, the last one at the end, and when one came back.
    std::deque<std::string> boots;
    std::deque<std::uint64_t> came_back;  // monotonic

    NodeRef ref() const { return NodeRef{record.id, record.name}; }
    bool is_connected() const;
};

// A node's lists of tasks. Each call does nothing when there is nothing to do.
void list_open(Task& task);
void unlist(Task& task);   // from both
void enqueue(Task& task);  // at the end
void dequeue(Task& task);

struct Offer {
    std::uint64_t n = 0;
    TaskId task;
    std::uint32_t attempt = 0;
    std::uint64_t at = 0;  // monotonic
    std::size_t bytes = 0;
    bool overdue = false;
};

struct Session {
    SessionId id;
    Node* node = nullptr;
    Spool* spool = nullptr;
    link::Hello hello;  // kept until the agent has confirmed
    std::uint64_t join_counter = 0;
    bool confirmed = false;
    bool took_over = false;  // from a session that was, or had itself
    /// Was its node told as connected in this session or in those that it took the place of?
    bool is_known_there() const { return confirmed || took_over; }
    bool draining = false;  // the agent said goaway: nothing new is offered

    // work, down
    std::uint64_t next_n = 1;
    link::Credit credit;
    std::deque<Offer> offers;  // not acknowledged, n ascending
    std::size_t offered_bytes = 0;
    std::set<link::AttemptRef> to_cancel;  // not sent for want of credit
    std::optional<Timers::Handle> accept_timer;
    std::deque<link::PlanChange> plans;  // what its plan is to become, not sent for want of credit

    // results, up
    std::optional<std::uint64_t> last_n;  // of this session
    std::uint64_t granted = 0;
    std::optional<Timers::Handle> credit_timer;       // its node waits for what it may send
    std::vector<std::vector<link::Received>> parked;  // messages that wait for a look-up
    std::uint64_t parked_bytes = 0;
    bool searching = false;

    std::set<ResultId> taken_rids;     // of the next message: those that other results have
    std::uint64_t unstored_bytes = 0;  // of results that came and are not stored yet
    std::uint64_t early_bytes = 0;     // … and of those that came out of sequence

    // The spool as the hello told it. Tasks that may have ended in results which it still holds are offered again when
    // it is drained.
    std::uint64_t spool_first = 0;
    std::uint64_t spool_goal = 0;
    std::vector<TaskId> held;
    std::optional<Timers::Handle> hold_timer;

    // What the node told of itself faster than it may be written; only the last counts.
    std::optional<link::Lines> told_lines;
    std::optional<link::Policy> told_policy;
    std::optional<Timers::Handle> told_timer;

    /// Of the result that must come next. A spool may begin later than what we have (the agent gave records up), and an
    /// empty one goes on behind the last it ever wrote; within a session there are no gaps.
    std::uint64_t expected_n() const {
        if (last_n) return *last_n + 1;
        return std::max(spool->received + 1, spool_first > 0 ? spool_first : spool_goal + 1);
    }
};

}  // namespace edge::broker
