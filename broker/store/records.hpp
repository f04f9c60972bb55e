// Rows as values. Rows refer to each other by integer keys, which whoever makes a row hands out from the ranges that
// Store::load gives; public ids are kept beside them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/store/webhook_records.hpp"
#include "protocol/crypto/keys.hpp"

namespace edge::broker {

enum class NodeRow : std::int64_t {};
enum class SpoolRow : std::int64_t {};
enum class JobRow : std::int64_t {};
enum class RunRow : std::int64_t {};
enum class TaskRow : std::int64_t {};
enum class ResultRow : std::int64_t {};
enum class GenerationRow : std::int64_t {};

/// One life of the store's file: the first was made with it, a later one by a restore.
struct GenerationRecord {
    GenerationRow row{};
    GenerationId id;
    std::optional<WallTime> restored_at;
};

struct NodeRecord {
    NodeRow row{};
    NodeId id;
    NodeName name;
    PublicKey key{};
    NodeState state = NodeState::enrolled;      // enrolled or shut out: whether it is connected is not stored
    std::string reason;                         // why it is revoked or locked
    std::optional<TokenId> token;               // by which it came
    std::map<std::string, std::string> labels;  // the agent's, and `preset`
    std::map<std::string, std::string> preset;  // by its token
    std::string agent_version;
    std::string policy_hash;
    std::vector<link::LineReport> lines;
    std::optional<link::Uplink> uplink;  // of the last session; none: it did not say
    std::optional<link::Policy> policy;  // none: an agent that does not tell it, or has not yet
    WallTime enrolled_at = 0;
    std::optional<WallTime> connected_at;
    std::optional<WallTime> last_seen_at;
    std::uint64_t epoch = 0;         // of its last session
    std::uint64_t join_counter = 0;  // the last one issued
    bool join_confirmed = true;      // the agent said that it wrote join_counter down
    GenerationRow joined_in{};       // of the last confirmed join; 0: it never joined
    bool is_there = false;  // its last event of the kind says connected; a restart of the broker changes nothing
    std::optional<PublicKey> next_key;  // takes the place of `key` when it is used, or in a day
    WallTime next_key_at = 0;
    bool rotate = false;  // it is to be asked for a new key
};

struct SpoolRecord {
    SpoolRow row{};
    NodeRow node{};
    SpoolId id;
    std::uint64_t committed = 0;  // every result up to this sequence number is stored
    ResultId newest_rid;          // no stored result of it has a greater one
    // Results whose tasks a restored store may not know: all up to this, and so many beyond.
    std::uint64_t recover_upto = 0;
    std::uint64_t recover_more = 0;
};

struct JoinTokenRecord {
    TokenId id;
    Digest hash{};  // of the secret
    JoinTokenTerms terms;
    WallTime created_at = 0;
    WallTime expires_at = 0;
    std::uint32_t used = 0;           // times
    std::optional<WallTime> used_at;  // last
    std::optional<WallTime> revoked_at;
};

struct ApiTokenRecord {
    TokenId id;
    std::string lookup;  // the part of the text that names it
    Digest hash{};       // of the secret
    bool admin = false;
    WallTime created_at = 0;
};

struct JobRecord {
    JobRow row{};
    JobId id;
    JobOrigin origin = JobOrigin::api;
    Service service = Service::ping;
    std::string params;  // JSON
    std::string target;
    std::string selector;
    JobTerms terms;
    std::map<std::string, std::string> labels;
    WallTime created_at = 0;
    bool recovered = false;
    // Of a recurring job, a row each revision; `id` is that of all of them.
    std::optional<JobSchedule> schedule{};
    JobState state = JobState::once;
    std::uint64_t revision = 1;
    WallTime revised_at = 0;  // no tick of it is earlier
    WallTime ended_at = 0;    // when it was paused, deleted or replaced
    WallTime made_until = 0;  // the runs of all ticks up to here were made, or given up
    Digest fingerprint{};     // of the request that made it
};

/// Of tasks that came to an end.
struct Outcomes {
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    std::uint32_t timed_out = 0;
    std::uint32_t canceled = 0;
    std::uint32_t expired = 0;
    std::uint32_t lost = 0;

    std::uint32_t sum() const { return succeeded + failed + timed_out + canceled + expired + lost; }
    friend bool operator==(const Outcomes&, const Outcomes&) = default;
};

/// Of `total` tasks whose ends these are, as they are shown: what has no end is queued, since only memory knows more.
inline TaskCounts counts_of(std::uint32_t total, const Outcomes& ends) {
    return {.total = total,
            .queued = total - std::min(total, ends.sum()),
            .running = 0,
            .succeeded = ends.succeeded,
            .failed = ends.failed,
            .timed_out = ends.timed_out,
            .canceled = ends.canceled,
            .expired = ends.expired,
            .lost = ends.lost};
}

struct RunRecord {
    RunRow row{};
    RunId id;
    JobRow job{};
    RunState state = RunState::running;
    WallTime created_at = 0;
    std::optional<WallTime> finished_at;
    std::uint32_t start_within_ms = 0;
    std::uint32_t run_within_ms = 0;
    std::uint32_t total = 0;
    Outcomes outcomes;
    bool recovered = false;
    WallTime tick = 0;  // of a recurring job
};

struct TaskRecord {
    TaskRow row{};
    TaskId id;
    RunRow run{};
    NodeRow node{};
    LineRef line;
    TaskState state = TaskState::queued;  // queued until it is terminal
    std::uint32_t attempt = 1;
    std::uint32_t recorded = 0;  // the attempt whose result made the state; 0: none
    bool offered = false;        // the node may know of it
};

/// A run with what is needed to go on with it: all of its tasks, or those that were asked for.
struct LoadedRun {
    RunRecord run;
    JobRecord job;
    std::vector<TaskRecord> tasks;
};

/// An idempotency key that was used.
struct KeyRecord {
    std::string key;
    Digest fingerprint{};
    RunRow run{};
    WallTime created_at = 0;
};

/// … and the run that it made, or the recurring job.
struct FoundKey {
    Digest fingerprint{};
    WallTime created_at = 0;
    RunView run;
    std::optional<JobId> job{};
};

struct AuditRecord {
    WallTime at = 0;
    std::string actor;   // an id, or `broker`
    std::string action;  // node.enrolled, node.locked, join_token.created, …
    std::string object;  // an id
};

/// A node's newest events are kept, so many of each.
inline constexpr std::uint64_t kEventsKept = 256;

// ── changes: what a batch is made of, applied in order ──

struct PutNode {  // inserts or replaces
    NodeRecord node;
};
struct PutSpool {  // inserts, or raises `committed` and `newest_rid` and sets the rest
    SpoolRecord spool;
};
struct AddJoinToken {
    JoinTokenRecord token;
};
struct UseJoinToken {  // once more
    TokenId token;
    WallTime at = 0;
};
struct RevokeJoinToken {
    TokenId token;
    WallTime at = 0;
};
struct AddApiToken {
    ApiTokenRecord token;
};
struct AddRun {
    JobRecord job;
    RunRecord run;
    std::vector<TaskRecord> tasks;
};
struct AddTask {  // to a run, whose total grows by it; of a run that is gone it changes nothing
    TaskRecord task;
};
struct AddKey {
    KeyRecord key;
};
struct PutJob {  // a revision of a recurring job: inserts, or replaces state, times and made_until
    JobRecord job;
};
struct AddJobKey {
    std::string key;
    Digest fingerprint{};
    JobId job;
    WallTime created_at = 0;
};
struct AddPlannedRun {  // a tick has one; of a job that is gone it changes nothing
    RunRecord run;
    std::vector<TaskRecord> tasks;
};
struct SetMade {
    JobRow job{};
    WallTime until = 0;
};
struct SetTask {
    TaskRow task{};
    TaskState state = TaskState::queued;
    std::uint32_t attempt = 1;
    std::uint32_t recorded = 0;
    bool offered = false;
};
struct SetRun {
    RunRow run{};
    RunState state = RunState::running;
    std::optional<WallTime> finished_at;
    Outcomes outcomes;
};
/// A result of an attempt that has one already, or of a task that is gone, changes nothing. A rid is only a name:
/// another result may have it.
struct AddResult {
    ResultRow row{};
    SpoolRow spool{};
    RunRow run{};
    TaskRow task{};
    std::shared_ptr<const ResultView> view;  // owners: this change and the event that follows the commit
};
struct AddAudit {
    AuditRecord audit;
};

/// The node's events up to `n` - kEventsKept go.
struct AddEvent {
    NodeRow node{};
    NodeEvent event;
};

using Change =
    std::variant<PutNode, PutSpool, AddJoinToken, UseJoinToken, RevokeJoinToken, AddApiToken, AddRun, AddTask, AddKey,
                 SetTask, SetRun, AddResult, PutJob, AddJobKey, AddPlannedRun, SetMade, AddAudit, AddEvent, PutWebhook,
                 DropWebhook, AddMessage, AddDelivery, AddAttempt, ReplayDelivery, ReplayDeliveries>;
using Batch = std::vector<Change>;

/// All that a broker needs in memory to begin.
struct Loaded {
    GenerationRecord generation;
    std::vector<NodeRecord> nodes;
    std::vector<SpoolRecord> spools;
    std::vector<JoinTokenRecord> join_tokens;
    std::vector<ApiTokenRecord> api_tokens;
    std::vector<LoadedRun> unfinished;  // in the order of their rows
    std::vector<JobRecord> planned;     // recurring ones: all that are not over, and what ended in the last eight days
    std::map<JobRow, std::vector<WallTime>> made_early;  // of these: ticks later than made_until that have a run
    std::map<NodeRow, std::uint64_t> last_events;
    std::vector<WebhookRecord> webhooks;
    // The first free integer keys.
    NodeRow next_node{1};
    SpoolRow next_spool{1};
    JobRow next_job{1};
    RunRow next_run{1};
    TaskRow next_task{1};
    ResultRow next_result{1};
    WebhookRow next_webhook{1};
    MessageRow next_message{1};
    DeliveryRow next_delivery{1};
};

}  // namespace edge::broker
