// The link between agent and broker, envelope by envelope; the prose is docs/protocol.md.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/evidence.hpp"
#include "protocol/ids.hpp"
#include "protocol/link/facts.hpp"
#include "protocol/link/node_policy.hpp"
#include "protocol/link/plan.hpp"
#include "protocol/link/uplink.hpp"
#include "protocol/probes/report.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::link {

inline constexpr const char* kSubprotocol = "edge.v1";
inline constexpr const char* kLinkPath = "/edge/v1/link";
inline constexpr const char* kEnrollPath = "/edge/v1/enroll";
/// Where a WebSocket is blocked: requests that wait. Source: docs/protocol.md.
inline constexpr const char* kPollPath = "/edge/v1/poll";
inline constexpr const char* kPollSession = "Edge-Session";  // hex of 32 random bytes
inline constexpr const char* kPollMessage = "Edge-Message";  // number of the message in the body, of its direction
inline constexpr const char* kPollAfter = "Edge-After";      // number of the last message that came
inline constexpr const char* kPollClose = "Edge-Close";      // the session has ended with this code; the body says why
inline constexpr std::uint32_t kPollHeldMs = 20'000;         // a request for a message is held, at most
inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxMessage = 256 * 1024;
/// A feature of a broker's: it takes results out of their sequence, before those that they wait behind.
inline constexpr const char* kEarlyResults = "early_results";

/// How a hello's signature is bound to its connection. `none` only where broker.toml has tls = false on loopback.
enum class Binding { tls_exporter, none };
BOOST_DESCRIBE_ENUM(Binding, tls_exporter, none)

struct Limits {
    std::uint32_t frame_bytes = kMaxMessage;
    std::uint32_t heartbeat_ms = 15'000;
};
BOOST_DESCRIBE_STRUCT(Limits, (), (frame_bytes, heartbeat_ms))

/// What a receiver grants on the stream that it receives. `upto_n` is absolute: the highest sequence number the sender
/// may use. `bytes`: the most of unacknowledged envelopes in flight.
struct Credit {
    std::uint64_t upto_n = 0;
    std::uint64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Credit, (), (upto_n, bytes))

/// S→A, first of all.
struct Challenge {
    std::vector<std::uint32_t> proto;
    std::string nonce;  // base64 of 32 bytes
    std::uint64_t server_time_us = 0;
    Binding binding = Binding::tls_exporter;
    Limits limits;
    std::vector<std::string> features;
};
BOOST_DESCRIBE_STRUCT(Challenge, (), (proto, nonce, server_time_us, binding, limits, features))

enum class LineState { up, degraded, down, unknown, disabled, draining };
BOOST_DESCRIBE_ENUM(LineState, up, degraded, down, unknown, disabled, draining)

enum class CheckState { unknown, ok, failed };
BOOST_DESCRIBE_ENUM(CheckState, unknown, ok, failed)

/// One thing that is asked of a line again and again, over the line itself.
struct LineCheck {
    static constexpr bool fields_have_defaults = true;
    std::string what;    // route gateway resolver anchor egress
    std::string target;  // the address, or the echo's URL
    std::string how;     // lookup, ping, neighbour, dns, http over IPv4, http over IPv6
    CheckState state = CheckState::unknown;
    std::string text;  // why it is not ok, or nothing to go by yet
};
BOOST_DESCRIBE_STRUCT(LineCheck, (), (what, target, how, state, text))

/// Whose network a line leaves by, against what it is sold as.
enum class Identity { unknown, match, mismatch };
BOOST_DESCRIBE_ENUM(Identity, unknown, match, mismatch)

struct LineHealth {
    static constexpr bool fields_have_defaults = true;
    std::vector<LineCheck> checks;
    std::vector<std::string> egress;  // as the broker's echo saw the line, at most one of each family
    std::string origin;               // of these, by the operator's prefix file: `AS4134 ct`; empty: not known
    Identity identity = Identity::unknown;
};
BOOST_DESCRIBE_STRUCT(LineHealth, (), (checks, egress, origin, identity))

struct LineReport {
    LineName name;
    std::string carrier;
    std::string device;
    std::vector<std::string> addresses;
    std::vector<std::string> resolvers;
    LineState state = LineState::unknown;
    std::string reason;  // empty when up
    EnforcedBy enforced_by = EnforcedBy::none;
    std::uint32_t mark = 0;
    std::uint32_t table = 0;
    std::optional<LineHealth> health;  // not in a hello, which has no room for it: `lines` follows
};
BOOST_DESCRIBE_STRUCT(LineReport, (),
                      (name, carrier, device, addresses, resolvers, state, reason, enforced_by, mark, table, health))

struct AttemptRef {
    TaskId task_id;
    std::uint32_t attempt = 0;
    friend auto operator<=>(const AttemptRef&, const AttemptRef&) = default;
};
BOOST_DESCRIBE_STRUCT(AttemptRef, (), (task_id, attempt))

/// Results that a node gave up before the broker had them, because they were more than it keeps.
struct SpoolGap {
    std::uint64_t first = 0;    // number of the first of them
    std::uint64_t last = 0;     // and of the last; none between is there
    std::uint64_t from_us = 0;  // when the first began; wall clock, as for its result
    std::uint64_t to_us = 0;    // and the last
};
BOOST_DESCRIBE_STRUCT(SpoolGap, (), (first, last, from_us, to_us))

/// A→S, followed in the same message by `{"sig":…}` over the exact bytes of this line.
struct Hello {
    NodeId node_id;
    std::uint32_t proto = kProtocolVersion;
    std::string agent_version;
    std::vector<std::string> features;
    std::string boot_id;             // of this agent process, base32 of 16 random bytes
    std::uint64_t join_counter = 0;  // the last one this agent wrote down; 0 at first
    SpoolId spool_id;
    std::uint64_t spool_first = 0;  // lowest sequence that can still be sent, acknowledged ones included, 0: none
    std::uint64_t spool_last = 0;   // highest ever written
    std::uint64_t work_last = 0;    // highest work number durably accepted
    std::string policy_hash;        // hex SHA-256 of policy.toml
    std::map<std::string, std::string> labels;
    std::vector<LineReport> lines;
    std::vector<AttemptRef> running;     // accepted and not yet finished
    std::optional<std::string> plans{};  // plans_digest() of those it has; none: it keeps none
    std::optional<SpoolGap> gap{};       // of this spool, and not acknowledged yet
    std::optional<Uplink> uplink{};      // that this session is on; none: an agent that does not tell
};
BOOST_DESCRIBE_STRUCT(Hello, (),
                      (node_id, proto, agent_version, features, boot_id, join_counter, spool_id, spool_first,
                       spool_last, work_last, policy_hash, labels, lines, running, plans, gap, uplink))

/// S→A. After it the agent writes join_counter down and answers welcome_ack; only then does work flow.
struct Welcome {
    SessionId session_id;
    std::uint64_t epoch = 0;
    std::uint64_t join_counter = 0;
    std::uint64_t results_acked = 0;  // of this spool_id: everything up to here is stored
    std::uint64_t work_from = 0;      // the first work number of this session
    Credit credit;                    // for results
    Limits limits;
    std::uint64_t server_time_us = 0;
    std::vector<AttemptRef> revoke;          // attempts to stop: no longer wanted
    std::optional<GenerationId> generation;  // of the broker's store: another one came back from a backup
};
BOOST_DESCRIBE_STRUCT(Welcome, (),
                      (session_id, epoch, join_counter, results_acked, work_from, credit, limits, server_time_us,
                       revoke, generation))

enum class RejectCode {
    bad_signature,
    unknown_node,
    pending,
    revoked,
    locked,
    stale_counter,
    store_behind,
    unsupported_version,
    overloaded,
    protocol_error
};
BOOST_DESCRIBE_ENUM(RejectCode, bad_signature, unknown_node, pending, revoked, locked, stale_counter, store_behind,
                    unsupported_version, overloaded, protocol_error)

struct Reject {
    RejectCode code = RejectCode::protocol_error;
    std::string text;
    std::uint64_t retry_after_ms = 0;
    bool fatal = false;  // true: only an operator can help
};
BOOST_DESCRIBE_STRUCT(Reject, (), (code, text, retry_after_ms, fatal))

/// A→S: the counter is on the agent's disk. `credit` is for work.
struct WelcomeAck {
    std::uint64_t join_counter = 0;
    Credit credit;
};
BOOST_DESCRIBE_STRUCT(WelcomeAck, (), (join_counter, credit))

/// S→A, sequenced: one attempt of one task.
struct Task {
    std::uint64_t n = 0;
    TaskId task_id;
    RunId run_id;
    std::uint32_t attempt = 1;
    LineName line;
    Service service = Service::ping;
    Json params = Json::object();
    std::uint32_t start_within_ms = 0;     // from receipt; later it is answered as refused/expired
    std::uint32_t run_within_ms = 0;       // start to close
    std::optional<std::uint32_t> align{};  // so many tasks of this run begin together on this node
    std::optional<PlanRef> plan{};         // not on the wire: the node's own plan made it
};
BOOST_DESCRIBE_STRUCT(Task, (),
                      (n, task_id, run_id, attempt, line, service, params, start_within_ms, run_within_ms, align))

/// S→A, sequenced. Idempotent.
struct CancelTask {
    std::uint64_t n = 0;
    TaskId task_id;
    std::uint32_t attempt = 1;
};
BOOST_DESCRIBE_STRUCT(CancelTask, (), (n, task_id, attempt))

/// A→S: all work up to n is durably accepted.
struct WorkAck {
    std::uint64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(WorkAck, (), (n))

/// A→S, sequenced: the end of an attempt. Followed by a line of detail_bytes bytes when that is not 0.
struct TaskResult {
    std::uint64_t n = 0;
    ResultId rid;
    TaskId task_id;
    RunId run_id;
    std::uint32_t attempt = 1;
    LineName line;
    Service service = Service::ping;
    std::string target;
    Status status = Status::failed;
    std::optional<Failure> failure;
    std::uint64_t started_us = 0;  // wall clock of the node
    std::uint64_t ended_us = 0;
    std::uint64_t queued_us = 0;  // from receipt to start
    Summary summary;
    Evidence evidence;
    std::vector<std::string> resolved;
    std::uint32_t concurrency = 0;
    bool truncated = false;  // the detail was cut to fit
    std::uint32_t detail_bytes = 0;
    std::optional<PlanRef> plan{};  // of a task that the node's own plan made
    std::optional<bool> early{};    // a copy out of sequence: it comes once more when its number is due
};
BOOST_DESCRIBE_STRUCT(TaskResult, (),
                      (n, rid, task_id, run_id, attempt, line, service, target, status, failure, started_us, ended_us,
                       queued_us, summary, evidence, resolved, concurrency, truncated, detail_bytes, plan, early))

/// S→A: all results up to n are committed.
struct ResultAck {
    std::uint64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(ResultAck, (), (n))

enum class ProgressKind { accepted, started, data };
BOOST_DESCRIBE_ENUM(ProgressKind, accepted, started, data)

/// A→S, droppable.
struct Progress {
    TaskId task_id;
    std::uint32_t attempt = 1;
    ProgressKind kind = ProgressKind::data;
    Json data = Json::object();
};
BOOST_DESCRIBE_STRUCT(Progress, (), (task_id, attempt, kind, data))

/// A→S: all lines, whenever one changed.
struct Lines {
    std::vector<LineReport> lines;
};
BOOST_DESCRIBE_STRUCT(Lines, (), (lines))

/// Both ways; answered by the same with `echo_us` set. Any message counts as a sign of life.
struct Heartbeat {
    std::uint64_t at_us = 0;
    std::optional<std::uint64_t> echo_us;
};
BOOST_DESCRIBE_STRUCT(Heartbeat, (), (at_us, echo_us))

enum class GoawayReason { maintenance, rebalance, overload, revoked, upgrade_required, taken_over };
BOOST_DESCRIBE_ENUM(GoawayReason, maintenance, rebalance, overload, revoked, upgrade_required, taken_over)

struct Goaway {
    GoawayReason reason = GoawayReason::maintenance;
    std::uint64_t deadline_ms = 0;             // until the socket is closed
    std::uint64_t window_ms = 0;               // reconnect at a random moment within it
    std::optional<std::string> alternative{};  // https://HOST:PORT of a broker to go to, if the node knows it
};
BOOST_DESCRIBE_STRUCT(Goaway, (), (reason, deadline_ms, window_ms, alternative))

/// Either side, before it closes for the other's mistake.
struct ProtocolError {
    std::string code;
    std::string text;
};
BOOST_DESCRIBE_STRUCT(ProtocolError, (), (code, text))

/// S→A: the node is to make itself a new key. Says nothing more; answered by NewKey.
struct RotateKey {};
BOOST_DESCRIBE_STRUCT(RotateKey, (), ())

/// A→S: the key that is to take the place of this session's; it is on the agent's disk. Both signatures cover
/// new_key_signing_input().
struct NewKey {
    std::string public_key;  // base64 of 32 bytes
    std::string by_old;      // base64 of 64 bytes
    std::string by_new;
};
BOOST_DESCRIBE_STRUCT(NewKey, (), (public_key, by_old, by_new))

/// S→A: the new key is in the broker's store. From here on a hello is signed with it.
struct KeyTaken {
    std::string public_key;
};
BOOST_DESCRIBE_STRUCT(KeyTaken, (), (public_key))

/// S→A, once a session: the gateway's key as it is, and the one that will take its place.
struct Pins {
    std::string pin;  // `sha256:` and base64, of its SubjectPublicKeyInfo
    std::optional<std::string> next;
};
BOOST_DESCRIBE_STRUCT(Pins, (), (pin, next))

/// A type we do not know: ignored and counted, unless the peer says `"must":true`.
struct UnknownEnvelope {
    std::string type;
    bool must = false;
};

using Envelope = std::variant<Challenge, Hello, Welcome, Reject, WelcomeAck, Task, CancelTask, PlanSet, PlanDrop,
                              PlanReset, WorkAck, TaskResult, ResultAck, Credit, Progress, Lines, Policy, Facts,
                              Heartbeat, Goaway, RotateKey, NewKey, KeyTaken, Pins, ProtocolError, UnknownEnvelope>;

/// An envelope and, for a TaskResult, its line of detail (JSON text, already bounded and checked).
struct Received {
    Envelope envelope;
    std::string detail;
    std::size_t bytes = 0;  // as encode_envelope wrote it: what credit in bytes counts
};

/// The line (without its newline), plus "\n" and the detail where there is one. For UnknownEnvelope: empty.
std::string encode_envelope(const Envelope& envelope, std::string_view detail = {});

/// All envelopes of one message. Lines are separated by "\n". Errors: bad_syntax, bad_value, too_large; the whole
/// message is refused.
Result<std::vector<Received>> decode_message(std::string_view message);

/// A hello, its exact line and its signature.
struct SignedHello {
    Hello hello;
    std::string line;
    std::string signature;  // 64 bytes
};
Result<SignedHello> decode_hello(std::string_view message);
/// The message: hello line, newline, `{"sig":…}`.
std::string encode_hello(std::string_view hello_line, std::string_view signature);

/// What a hello's Ed25519 signature covers: "edge-hello-v1" ‖ nonce ‖ exporter ‖ SHA-256(line). With Binding::none
/// the exporter is empty. `exporter`: 32 bytes, label "EXPORTER-edge-hello-v1", no context (RFC 5705; TLS 1.3: RFC
/// 8446 7.5).
inline constexpr const char* kExporterLabel = "EXPORTER-edge-hello-v1";
std::string hello_signing_input(std::string_view nonce, std::string_view exporter, std::string_view hello_line);

/// "edge-new-key-v1" ‖ the node's id as text ‖ the new public key, 32 bytes
std::string new_key_signing_input(const NodeId& node, std::string_view public_key);

/// POST /edge/v1/enroll
struct EnrollRequest {
    std::string token;
    std::string public_key;  // base64 of 32 bytes
    std::string signature;   // base64; over enroll_signing_input
    std::string name;        // wished; empty: the token's
    std::map<std::string, std::string> labels;
    std::string agent_version;
};
BOOST_DESCRIBE_STRUCT(EnrollRequest, (), (token, public_key, signature, name, labels, agent_version))

struct EnrollReply {
    NodeId node_id;
    NodeName name;
    std::string project;
    std::optional<std::string> console_url{};  // where people look at nodes, as the operator named it
};
BOOST_DESCRIBE_STRUCT(EnrollReply, (), (node_id, name, project, console_url))

/// "edge-enroll-v1" ‖ SHA-256(token) ‖ public key
std::string enroll_signing_input(std::string_view token, std::string_view public_key);

Result<EnrollRequest> decode_enroll_request(std::string_view body);
std::string encode_enroll_request(const EnrollRequest& request);
Result<EnrollReply> decode_enroll_reply(std::string_view body);
std::string encode_enroll_reply(const EnrollReply& reply);

}  // namespace edge::link
