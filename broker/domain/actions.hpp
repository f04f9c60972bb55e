// What the domain's core asks its shell to do. The core knows no threads, sockets, files or clocks.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/domain/webhook_calls.hpp"
#include "broker/store/records.hpp"
#include "protocol/link/envelopes.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// The moment of an event. Units: microseconds. `mono` never goes back; deadlines are made of it.
struct Now {
    WallTime wall = 0;
    std::uint64_t mono = 0;
};

/// Random bytes from outside, so that a test can repeat itself.
class Entropy {
  public:
    virtual ~Entropy() = default;
    virtual void fill(std::span<std::uint8_t> out) = 0;
};

/// A request that waits for its answer; the shell knows who asked.
enum class Ticket : std::uint64_t {};
enum class WriteId : std::uint64_t {};

// ── effects, to be carried out in order ──
struct SendTo {
    SessionId session;
    std::vector<link::Envelope> envelopes;
};
struct CloseSession {
    SessionId session;
    link::Goaway why;
};
/// To create_job and cancel_run.
struct JobAnswer {
    Ticket ticket{};
    Result<RunView> run;
};
/// To create, change and remove a recurring job.
struct PlanAnswer {
    Ticket ticket{};
    Result<JobId> job;
};
struct JoinAnswer {
    Ticket ticket{};
    std::variant<link::Welcome, link::Reject> answer;
};
struct EnrollAnswer {
    Ticket ticket{};
    Result<link::EnrollReply> reply;
};
struct JoinTokensAnswer {
    Ticket ticket{};
    Result<std::vector<NewJoinToken>> tokens;
};
/// To its revocation.
struct JoinTokenAnswer {
    Ticket ticket{};
    Result<JoinTokenView> token;
};
/// To an operator's order.
struct NodeAnswer {
    Ticket ticket{};
    Result<NodeView> node;
};
/// Of a watched run.
struct Happened {
    RunId run;
    RunEvent event;
};
/// The run is finished, and everything about it is in the store.
struct RunEnded {
    RunId run;
};
/// For those who follow all of it.
struct Told {
    FleetEvent event;
};
/// To create and rotate: the endpoint and its new secret; to change: no secret; to remove: neither matters.
struct WebhookAnswer {
    Ticket ticket{};
    Result<NewWebhook> webhook;
};
/// To test and replay.
struct DeliveryAnswer {
    Ticket ticket{};
    Result<DeliveryId> delivery;
};
/// For the sender: an endpoint is as this now. Enabled: its deliveries are to be looked at anew.
struct EndpointTold {
    WebhookRow webhook{};
    bool is_enabled = false;
};
/// For the sender: these are in the store.
struct DeliveriesTold {
    std::vector<DueDelivery> deliveries;
};
/// Something an operator should know.
struct Noted {
    std::string event;  // `node.locked`
    std::string facts;  // `node=node_… …`
};
using Effect = std::variant<SendTo, CloseSession, JobAnswer, PlanAnswer, JoinAnswer, EnrollAnswer, JoinTokensAnswer,
                            JoinTokenAnswer, NodeAnswer, Happened, RunEnded, Told, WebhookAnswer, DeliveryAnswer,
                            EndpointTold, DeliveriesTold, Noted>;

/// A transaction. Writes are carried out in the order of their ids; committed() or failed() answers each.
struct Write {
    WriteId id{};
    Batch batch;
    /// true: somebody waits for it and can be told to try again. false: it is kept until the store takes it.
    bool may_fail = false;
};
/// What results name and memory does not know; to be answered with looked_up().
struct LookUp {
    SessionId session;
    std::vector<TaskId> tasks;  // whose runs are finished
    std::vector<RunId> runs;    // of them, where a task that nobody knows would be recovered
    SpoolRow spool{};
    std::vector<ResultId> rids;  // that results of this spool may have already
};
struct LookedUp {
    std::vector<LoadedRun> runs;
    std::vector<ResultId> known_rids;
};
/// To be answered with key_found().
struct FindKey {
    Ticket ticket{};
    std::string key;
};

struct Actions {
    std::vector<Effect> effects;
    std::vector<Write> writes;
    std::vector<LookUp> look_ups;
    std::vector<FindKey> find_keys;
};

}  // namespace edge::broker
