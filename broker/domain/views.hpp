// What the domain shows of itself: values, made on the domain thread, read anywhere.
#pragma once
#include <algorithm>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/ip.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/link/envelopes.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::broker {

/// Wall clock, microseconds since 1970.
using WallTime = std::uint64_t;

enum class NodeState { enrolled, connected, disconnected, pending, revoked, locked };
BOOST_DESCRIBE_ENUM(NodeState, enrolled, connected, disconnected, pending, revoked, locked)

/// It has a key, and may not be given work by it: pending, revoked or locked.
constexpr bool is_shut_out(NodeState state) {
    return state == NodeState::pending || state == NodeState::revoked || state == NodeState::locked;
}

/// It counts as a machine of the fleet: not one that was given up, or not let in yet.
constexpr bool is_of_fleet(NodeState state) {
    return state != NodeState::revoked && state != NodeState::pending;
}

/// What an operator decides about a node.
enum class NodeOrder { revoke, approve, reject, rotate_key };
BOOST_DESCRIBE_ENUM(NodeOrder, revoke, approve, reject, rotate_key)

struct NodeRef {
    NodeId id;
    NodeName name;
};

struct NodeView {
    NodeRef node;
    NodeState state = NodeState::enrolled;
    std::string reason;            // why it is revoked or locked
    std::optional<TokenId> token;  // by which it came
    std::map<std::string, std::string> labels;
    std::string agent_version;
    std::string policy_hash;
    WallTime enrolled_at = 0;
    std::optional<WallTime> new_key_at;  // a new key was stored then, and has not been used yet
    std::optional<WallTime> connected_at;
    std::optional<WallTime> last_seen_at;
    std::optional<std::uint64_t> rtt_us;
    std::optional<std::int64_t> clock_offset_us;  // node's wall clock minus ours
    std::vector<link::LineReport> lines;
    std::optional<link::Uplink> uplink;  // of its session
    std::string busy;                    // why it takes no new tasks now; empty when it does
    std::optional<link::Policy> policy;  // where one node was asked for
};

/// A minute of a node, as far as it is kept.
struct UsagePoint {
    WallTime told_at = 0;
    std::uint32_t interval_ms = 0;
    std::optional<std::uint32_t> cpu_permille;
    std::uint64_t memory_free_bytes = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
};

/// Over all lines; a node may lie, and the sum is JSON.
inline std::uint64_t sent_bytes(const link::Facts& facts) {
    std::uint64_t sum = 0;
    for (const auto& line : facts.lines) sum = bounded_sum(sum, line.sent_bytes);
    return sum;
}
inline std::uint64_t received_bytes(const link::Facts& facts) {
    std::uint64_t sum = 0;
    for (const auto& line : facts.lines) sum = bounded_sum(sum, line.received_bytes);
    return sum;
}

/// What a node told last of itself, and the minutes before. In memory only: a broker that starts knows none.
struct UsageView {
    NodeRef node;
    WallTime told_at = 0;
    link::Facts facts;
    std::vector<UsagePoint> history;  // the oldest first, where one node was asked for
};

enum class NodeEventKind {
    connected,
    disconnected,
    locked,
    line_state,
    line_identity,
    results_gap,
    store_behind,
    approved,
    revoked,
    key_changed,
    uplink,
    spool_replaced
};
BOOST_DESCRIBE_ENUM(NodeEventKind, connected, disconnected, locked, line_state, line_identity, results_gap,
                    store_behind, approved, revoked, key_changed, uplink, spool_replaced)

/// Something that became of a node or of one of its lines.
struct NodeEvent {
    std::uint64_t n = 0;  // of this node, ascending
    WallTime at = 0;
    NodeEventKind kind = NodeEventKind::connected;
    std::string line{};  // of line_state and line_identity
    // Of these and of uplink what it was, empty: not known; of results_gap the first number that is missing.
    std::string was{};
    std::string became{};  // … and the last one
    std::string reason{};
};

struct LineRef {
    LineName name;
    std::string carrier;
};

enum class TaskState { queued, leased, running, unknown, succeeded, failed, timed_out, canceled, expired, lost };
BOOST_DESCRIBE_ENUM(TaskState, queued, leased, running, unknown, succeeded, failed, timed_out, canceled, expired, lost)

struct TaskView {
    TaskId id;
    NodeRef node;
    LineRef line;
    TaskState state = TaskState::queued;
    std::uint32_t attempt = 0;
};

enum class RunState { running, finished };
BOOST_DESCRIBE_ENUM(RunState, running, finished)

struct TaskCounts {
    std::uint32_t total = 0;
    std::uint32_t queued = 0;
    std::uint32_t running = 0;  // leased, running and unknown
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    std::uint32_t timed_out = 0;
    std::uint32_t canceled = 0;
    std::uint32_t expired = 0;
    std::uint32_t lost = 0;
};
BOOST_DESCRIBE_STRUCT(TaskCounts, (), (total, queued, running, succeeded, failed, timed_out, canceled, expired, lost))

/// What becomes of a task that a node has begun, or may have, when the node is gone for longer than its lease. A result
/// that comes later counts all the same.
enum class WhenUnknown {
    wait,       // until schedule_to_close: its node may come back with the result
    elsewhere,  // it is lost, and another line of another node that the selector names is asked in its place
    fail        // it is lost
};
BOOST_DESCRIBE_ENUM(WhenUnknown, wait, elsewhere, fail)

/// How a job is to be done, as opposed to what is probed from where.
struct JobTerms {
    std::uint32_t start_within_ms = 60'000;  // 1..86'400'000
    std::uint32_t run_within_ms = 0;         // 1'000..3'600'000; 0: as long as the probe itself may take
    WhenUnknown when_unknown = WhenUnknown::wait;
    std::uint32_t repeat = 1;                     // tasks of each line, 1..1000
    EnforcedBy require_level = EnforcedBy::none;  // lines that are held by less are left out
    bool align = false;                           // all tasks of a run on one node begin together
    friend bool operator==(const JobTerms&, const JobTerms&) = default;
};

/// Who asked for it: somebody by the API, or a scrape of /probe.
enum class JobOrigin { api, prometheus };
BOOST_DESCRIBE_ENUM(JobOrigin, api, prometheus)

/// When a recurring job is due, as its owner says it: without the offsets of its zone and the phase of its interval.
struct JobSchedule {
    static constexpr bool fields_have_defaults = true;
    Schedule when;
    std::string zone = "UTC";
    friend bool operator==(const JobSchedule&, const JobSchedule&) = default;
};
BOOST_DESCRIBE_STRUCT(JobSchedule, (), (when, zone))

/// `once`: without a schedule. `replaced`: by a newer revision.
enum class JobState { once, active, paused, deleted, replaced };
BOOST_DESCRIBE_ENUM(JobState, once, active, paused, deleted, replaced)

/// Of a recurring job.
struct PlanView {
    JobSchedule schedule;
    JobState state = JobState::active;
    std::uint64_t revision = 1;
    WallTime revised_at = 0;
    // Known while it is active.
    std::vector<WallTime> next_ticks{};
    std::uint32_t lines = 0;  // that it asks now
};

struct JobView {
    JobId id;
    JobOrigin origin = JobOrigin::api;
    Service service = Service::ping;
    Json params = Json::object();
    std::string selector;
    JobTerms terms;
    std::map<std::string, std::string> labels;
    WallTime created_at = 0;
    std::optional<RunId> last_run;
    bool recovered = false;  // as of its run
    std::optional<PlanView> plan{};
};

/// A line that a job chose and was not given a task, because its node would refuse it.
struct LeftOut {
    NodeRef node;
    LineRef line;
    std::string why;
};

/// Who does not answer a new run at once: lines that are not asked at all, and nodes that are when they come back.
struct RunNotes {
    static constexpr std::size_t kMostNamed = 20;  // of each; the others are counted
    std::uint32_t left_out_total = 0;
    std::vector<LeftOut> left_out;
    std::uint32_t away_total = 0;
    std::vector<NodeRef> away;
};

/// The four deadlines of a task, under the field's names; units: milliseconds. Source: docs/delivery.md.
struct Timeouts {
    std::uint32_t schedule_to_start_ms = 0;  // from the run's making; later it is `expired`
    std::uint32_t accept_ms = 0;             // from the offer; later it is `queued` again
    std::uint32_t start_to_close_ms = 0;     // from its start; later it is `timed_out`
    std::uint32_t schedule_to_close_ms = 0;  // from the run's making; what has no result by then is `lost`
    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};
BOOST_DESCRIBE_STRUCT(Timeouts, (), (schedule_to_start_ms, accept_ms, start_to_close_ms, schedule_to_close_ms))

inline constexpr std::uint32_t kAcceptMs = 5'000;
inline constexpr std::uint32_t kCloseMarginMs = 10'000;

inline Timeouts timeouts_of(std::uint32_t start_within_ms, std::uint32_t run_within_ms) {
    return {start_within_ms, kAcceptMs, run_within_ms, start_within_ms + run_within_ms + kCloseMarginMs};
}

struct RunView {
    RunId id;
    JobId job_id;
    JobOrigin origin = JobOrigin::api;  // its job's
    Service service = Service::ping;
    std::string target;
    std::string selector;
    RunState state = RunState::running;
    WallTime created_at = 0;
    std::optional<WallTime> finished_at;
    TaskCounts tasks;
    bool recovered = false;          // made of results that came after a restore: what is known of it is what came
    RunNotes notes{};                // only in the answer to the request that made the run
    std::optional<WallTime> tick{};  // of a recurring job: the nominal moment that it is of
    Timeouts timeouts{};
};

/// A stored result: the agent's envelope as it came, whose it is, and its detail as opaque JSON text.
struct ResultView {
    NodeRef node;
    LineRef line;
    link::TaskResult result;
    bool superseded = false;
    std::string detail;
    std::optional<std::int64_t> clock_offset_us{};  // the node's wall clock minus ours, when it came
};

/// A node that a token for several knows by name, and the labels that are preset for it.
struct NamedNode {
    static constexpr bool fields_have_defaults = true;
    NodeName name;
    std::map<std::string, std::string> labels{};
};
BOOST_DESCRIBE_STRUCT(NamedNode, (), (name, labels))

inline constexpr std::uint32_t kMostUses = 10'000;

/// What a join token is good for.
struct JoinTokenTerms {
    std::optional<NodeName> node{};               // of one use: the name that the node gets
    std::uint32_t uses = 1;                       // 1..10'000
    std::vector<IpPrefix> cidrs{};                // where from; none: anywhere
    std::map<std::string, std::string> labels{};  // preset: the node has them, whatever its agent says
    bool approve = false;                         // an operator has to approve each node
    std::vector<NamedNode> nodes{};               // none: any name; else only these, by name
};

struct JoinTokenView {
    TokenId id;
    JoinTokenTerms terms;
    WallTime created_at = 0;
    WallTime expires_at = 0;
    std::uint32_t used = 0;           // times
    std::optional<WallTime> used_at;  // last
    std::optional<WallTime> revoked_at;
};
/// Its text is shown this once.
struct NewJoinToken {
    std::string text;
    JoinTokenView view;
};

/// Live happenings of one run, in order.
struct RunProgress {
    TaskId task_id;
    NodeRef node;
    LineRef line;
    Json data = Json::object();
};
using RunEvent = std::variant<std::shared_ptr<const RunView>, std::shared_ptr<const TaskView>,
                              std::shared_ptr<const RunProgress>, std::shared_ptr<const ResultView>>;

/// What became of a node (as it is now), of a run, or a result that was stored; after the commit that it speaks of.
using FleetEvent =
    std::variant<std::shared_ptr<const NodeView>, std::shared_ptr<const RunView>, std::shared_ptr<const ResultView>>;

/// What retention took away since the broker began.
struct RetentionView {
    std::uint64_t results = 0;
    std::uint64_t runs = 0;
    std::uint64_t rows = 0;  // of all tables
    std::uint64_t batches = 0;
    std::uint64_t spent_us = 0;
    std::uint32_t batch_rows = 0;  // of the next one, at most
    std::uint64_t overdue_us = 0;  // how long the oldest run that is still there may have gone
};

/// The store as its operator should know it; counters since the broker began.
struct StoreView {
    GenerationId generation;
    std::optional<WallTime> restored_at;
    std::uint64_t behind_joins = 0;     // refused: the store is older than the node's last session
    std::uint64_t recovered_tasks = 0;  // made of results that nodes sent again
    std::uint64_t gap_results = 0;      // that nodes had given up
    std::uint64_t credit_waits = 0;     // of nodes that send more results than they may
    std::uint64_t locked_nodes = 0;
    std::uint64_t log_bytes = 0;  // of what was written and is not in the store's file yet, as it is on the disk
    RetentionView retention;
};

/// Of the broker, for /readyz.
struct Readiness {
    bool is_writable = true;      // the store
    std::size_t nodes_ahead = 0;  // are kept out: the store is older than they are
};

/// How much goes on.
struct Figures {
    std::size_t nodes_connected = 0;
    std::size_t runs_active = 0;
};

template <class T>
struct Page {
    std::vector<T> items;
    std::optional<std::string> next_cursor;  // opaque to the caller
    std::optional<std::uint64_t> total{};    // of the whole list, where it is counted
};

struct PageRequest {
    std::uint32_t limit = 100;  // 1..500
    std::string cursor;         // empty: from the start
};

/// A page of those that match.
struct ListRequest {
    std::string q;     // the selector's grammar; empty: all
    std::string sort;  // a key, with '-' before it from the last to the first; empty: the list's own order
    PageRequest page;
};

/// Which jobs a list is of.
struct JobFilter {
    std::optional<Service> service{};
    std::string target{};                // how it begins; empty: any
    std::optional<JobOrigin> origin{};   // of these only
    std::optional<JobOrigin> without{};  // all but these
    std::optional<JobState> state{};     // `once`: of no schedule
    std::vector<JobState> not_in{};      // none of these
};
/// Whether a list is of recurring jobs alone: they are few among many.
inline bool is_of_recurring(const JobFilter& filter) {
    return (filter.state && *filter.state != JobState::once) ||
           std::ranges::find(filter.not_in, JobState::once) != filter.not_in.end();
}
/// … and which runs: those of these jobs.
struct RunFilter {
    JobFilter job{};
    std::optional<RunState> state{};
    std::optional<JobId> of_job{};
};

/// A line and whose it is, for a list.
struct LineView {
    NodeRef node;
    link::LineReport line;
};

/// What a selector would ask now.
struct SelectionView {
    std::uint64_t lines = 0;
    std::uint64_t nodes = 0;
    std::uint64_t connected_nodes = 0;
    std::string reason;  // why there is none, or empty
};

}  // namespace edge::broker
