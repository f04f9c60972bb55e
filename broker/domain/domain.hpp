// The broker's one owner of state, as the gateway and the API see it.
// Executor: any thread may call; calls are messages to the domain thread. Replies and sinks are called on the domain
// (or the store) thread, exactly once unless said otherwise: post anything longer than a few microseconds elsewhere.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/domain/webhook_calls.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/link/envelopes.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// A connected agent's socket, as the domain uses it. Both calls only queue; they never block and may come after the
/// socket is gone. Owners: the session's coroutine and the domain's session table.
class SessionSink {
  public:
    virtual ~SessionSink() = default;
    virtual void send(std::vector<link::Envelope> envelopes) = 0;
    virtual void close(link::Goaway why) = 0;
};

/// Does who begins to watch a run want the results there are?
enum class Past { told, left_out };

/// Somebody watching a run: first the run and the results so far, and what happens, then end(). Its tasks are as many
/// as they are: tasks() has them page by page, each page as of its place among the events. A slow one drops progress,
/// never results. Owners: the HTTP exchange and the domain's subscriber table.
class RunSubscriber {
  public:
    virtual ~RunSubscriber() = default;
    virtual void event(RunEvent event) = 0;
    virtual void end() = 0;
};

/// Somebody who follows all of it: every node that connects, leaves or tells something new, every run that is made or
/// moves on, every result. What came of one turn is told together, in its order. On the domain thread, which waits for
/// each call.
/// Owners: who made it and the domain.
class FleetSubscriber {
  public:
    virtual ~FleetSubscriber() = default;
    virtual void events(const std::vector<FleetEvent>& events) = 0;
};

/// What a hello of a node may be signed with.
struct NodeKey {
    PublicKey key{};
    std::optional<PublicKey> next{};  // the one that takes its place, as soon as it is used
};

struct Join {
    link::Hello hello;
    PublicKey key{};   // it is signed with
    std::string peer;  // address, for the log and the API
    std::shared_ptr<SessionSink> sink;
};
using JoinReply = std::function<void(std::variant<link::Welcome, link::Reject>)>;

struct Enrolling {
    link::EnrollRequest request;
    std::string peer;  // its address
};

/// Who a bearer token belongs to.
struct Principal {
    TokenId token;
    bool admin = false;
};

struct JobRequest {
    ProbeSpec spec;
    std::string selector;
    JobOrigin origin = JobOrigin::api;
    std::map<std::string, std::string> labels;
    JobTerms terms;
    std::optional<JobSchedule> schedule{};  // of a recurring one
    std::string idempotency_key;            // empty: none
    Digest fingerprint{};                   // of the request's body, for the key
};

/// Of a recurring job; what is none stays.
struct JobChange {
    std::optional<bool> is_paused{};
    std::optional<JobSchedule> schedule{};
    std::optional<Json> params{};  // of the service that it has; checked here
    std::optional<std::string> selector{};
};

class Domain {
  public:
    virtual ~Domain() = default;

    // ── gateway ──
    /// The key a hello of this node must be signed with. Errors: not_found.
    virtual void find_key(NodeId node, Reply<NodeKey> reply) = 0;
    /// After the signature held: begins a session, ends an older one of the same key.
    virtual void join(Join join, JoinReply reply) = 0;
    virtual void confirm(SessionId session, link::WelcomeAck ack) = 0;
    /// Everything a live session sent, in order. `waits` is let go when it was taken up: a session that sends faster
    /// than that can be made to wait.
    virtual void receive(SessionId session, std::vector<link::Received> envelopes,
                         std::shared_ptr<const void> waits) = 0;
    /// Round trip and clock offset, as the session measured them by heartbeat.
    virtual void measured(SessionId session, std::uint64_t rtt_us, std::int64_t clock_offset_us) = 0;
    virtual void leave(SessionId session) = 0;
    /// The broker ends: sessions that leave from now on do so for that, and their nodes are told as gone to nobody.
    virtual void stop_soon() = 0;
    /// The signature in the request is already checked. Errors: denied (wrong, used, expired token), conflict (name
    /// taken).
    virtual void enroll(Enrolling enrolling, Reply<link::EnrollReply> reply) = 0;

    // ── API ──
    /// Errors: denied.
    virtual void authenticate(std::string bearer, Reply<Principal> reply) = 0;
    /// Errors: bad_value (selector; `where` is /selector), not_found (nothing matches; detail names the nearest
    /// labels), denied (every line was left out; detail says why), conflict (idempotency key with another body),
    /// too_large (too many tasks are open; with `where` /params/target: too many probes of one target).
    virtual void create_job(JobRequest request, Reply<RunView> reply) = 0;
    /// Nothing more of it is begun, what runs is stopped; the run as it stands then, also when it had finished or was
    /// canceled before. Errors: not_found.
    virtual void cancel_run(RunId id, Reply<RunView> reply) = 0;
    /// A job with a schedule. Errors: as create_job says, but for targets; bad_value (/schedule…), too_large (10000).
    virtual void create_plan(JobRequest request, Reply<JobView> reply) = 0;
    /// Errors: not_found (also where it is no recurring one), bad_value, denied, unavailable.
    virtual void change_plan(JobId id, JobChange change, Reply<JobView> reply) = 0;
    /// It stays to be read. Errors: not_found.
    virtual void remove_plan(JobId id, Reply<JobView> reply) = 0;
    virtual void job(JobId id, Reply<JobView> reply) = 0;
    /// Newest first; `q` names `service:`, the beginning of `target:` and `origin:`. Errors: bad_value (/q, /cursor).
    virtual void jobs(ListRequest list, Reply<Page<JobView>> reply) = 0;
    virtual void run(RunId id, Reply<RunView> reply) = 0;
    /// … and `state:`.
    virtual void runs(ListRequest list, Reply<Page<RunView>> reply) = 0;
    virtual void tasks(RunId id, PageRequest page, Reply<Page<TaskView>> reply) = 0;
    virtual void results(RunId id, PageRequest page, Reply<Page<ResultView>> reply) = 0;
    virtual void result(ResultId id, Reply<ResultView> reply) = 0;
    virtual void nodes(Reply<std::vector<NodeView>> reply) = 0;
    /// Those that match `q`, sorted. Errors: bad_value (/q, /sort, /cursor).
    virtual void find_nodes(ListRequest list, Reply<Page<NodeView>> reply) = 0;
    virtual void find_lines(ListRequest list, Reply<Page<LineView>> reply) = 0;
    /// What a job with this selector would ask; of lines that lend `service` where one is named. Errors: bad_value
    /// (/q).
    virtual void count_selection(std::string selector, std::optional<Service> service, Reply<SelectionView> reply) = 0;
    /// By id (`node_…`) or by name.
    virtual void node(std::string id_or_name, Reply<NodeView> reply) = 0;
    /// Errors: not_found, also where the node has not told its usage since the broker began.
    virtual void usage(std::string id_or_name, Reply<UsageView> reply) = 0;
    /// Of all nodes that told it, without history.
    virtual void usages(Reply<std::vector<UsageView>> reply) = 0;
    /// What became of it and its lines, newest first; the last 256. Errors: not_found.
    virtual void node_events(std::string id_or_name, PageRequest page, Reply<Page<NodeEvent>> reply) = 0;
    /// Until end() or unsubscribe; the subscriber is called while the domain holds it. Errors: not_found.
    virtual void subscribe(RunId run, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply) = 0;
    virtual void unsubscribe(RunId run, std::shared_ptr<RunSubscriber> subscriber) = 0;
    /// First every node and every run that goes on, then what becomes of them, as long as the domain lives.
    virtual void follow(std::shared_ptr<FleetSubscriber> subscriber) = 0;
    /// Answered when it is stored and done. `reason`: of a revocation or rejection. Errors: not_found, conflict (it is
    /// in no state for that), unavailable (it holds, but is not stored yet).
    virtual void order_node(std::string id_or_name, NodeOrder order, std::string reason, TokenId by,
                            Reply<NodeView> reply) = 0;
    /// All or none, in their order. `ttl_ms` 0: a quarter of an hour. Errors: bad_value; `where` of a wrong one begins
    /// with its place, as in /3/labels.
    virtual void create_join_tokens(std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                                    Reply<std::vector<NewJoinToken>> reply) = 0;
    /// Nobody joins by it any more; who did stays. Errors: not_found.
    virtual void revoke_join_token(TokenId id, TokenId by, Reply<JoinTokenView> reply) = 0;
    virtual void join_tokens(Reply<std::vector<JoinTokenView>> reply) = 0;
    /// Lives as long as the domain.
    virtual WebhookCalls& webhooks() = 0;
    virtual void store(Reply<StoreView> reply) = 0;
    virtual void ready(Reply<Readiness> reply) = 0;
    virtual void figures(Reply<Figures> reply) = 0;
};

}  // namespace edge::broker
