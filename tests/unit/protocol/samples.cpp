#include "tests/unit/protocol/samples.hpp"

#include "protocol/json/described.hpp"
#include "protocol/schedule/plan_ids.hpp"

namespace edge::samples {
namespace {

constexpr std::uint64_t kNow = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z

template <class AnyId>
AnyId id(std::uint8_t last) {
    std::array<std::uint8_t, 10> random{};
    random[9] = last;
    return AnyId{make_uuid7(kNow / 1000, random)};
}

std::string counted_bytes(std::uint8_t first) {
    std::string bytes(32, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(first + i);
    return bytes;
}

link::LineReport telecom() {
    return {.name = LineName::parse("telecom").value(),
            .carrier = "ct",
            .device = "wan0",
            .addresses = {"100.64.1.2", "fd64:1::2"},
            .resolvers = {"100.64.1.53"},
            .state = link::LineState::up,
            .reason = {},
            .enforced_by = EnforcedBy::bpf,
            .mark = 0x101,
            .table = 101,
            .health = {}};
}

link::LineReport mobile() {
    link::LineReport line = telecom();
    line.name = LineName::parse("mobile").value();
    line.carrier = "cm";
    line.device = "wan2";
    line.addresses = {"100.64.3.2"};
    line.resolvers = {"100.64.3.53"};
    line.state = link::LineState::down;
    line.reason = "no carrier on wan2";
    line.mark = 0x103;
    line.table = 103;
    return line;
}

link::LineReport degraded_telecom() {
    link::LineReport line = telecom();
    line.state = link::LineState::degraded;
    line.reason = "should leave by ct, leaves by AS9808 cm as 203.0.113.7";
    line.health = link::LineHealth{
        .checks = {{"route", "198.51.100.20", "lookup", link::CheckState::ok, {}},
                   {"gateway", "100.64.1.1", "neighbour", link::CheckState::ok, {}},
                   {"resolver", "100.64.1.53", "dns", link::CheckState::failed, "timeout: no answer within 2000 ms"},
                   {"anchor", "198.51.100.20", "ping", link::CheckState::ok, {}},
                   {"egress", "http://192.0.2.80:7480/", "http", link::CheckState::ok, {}}},
        .egress = {"203.0.113.7"},
        .origin = "AS9808 cm",
        .identity = link::Identity::mismatch};
    return line;
}

link::Task task() {
    return {.n = 8,
            .task_id = id<TaskId>(1),
            .run_id = id<RunId>(2),
            .attempt = 1,
            .line = telecom().name,
            .service = Service::dns,
            .params = Json{{"target", "www.lab.test"}, {"type", "A"}},
            .start_within_ms = 60'000,
            .run_within_ms = 4'000};
}

link::TaskResult answered() {
    link::TaskResult result{
        .n = 42,
        .rid = id<ResultId>(3),
        .task_id = task().task_id,
        .run_id = task().run_id,
        .attempt = 1,
        .line = task().line,
        .service = Service::dns,
        .target = "www.lab.test",
        .status = Status::ok,
        .failure = {},
        .started_us = kNow,
        .ended_us = kNow + 12'480,
        .queued_us = 210,
        .summary = {.duration_us = 12'480, .rtt_us = 12'301, .loss = {}, .code = "NOERROR", .bytes = 61},
        .evidence = {},
        .resolved = {},
        .concurrency = 1,
        .truncated = false,
        .detail_bytes = 0};
    result.evidence = {
        .src_addr = "100.64.1.2",
        .src_port = 40'001,
        .dst_addr = "100.64.1.53",
        .dst_port = 53,
        .ifname = "wan0",
        .ifindex = 7,
        .fwmark = 0x101,
        .table = 101,
        .route_get = RouteGet{.oif = "wan0", .gw = "100.64.1.1", .prefsrc = "100.64.1.2", .table = 101, .error = {}},
        .enforced_by = EnforcedBy::bpf,
        .verified = true,
        .mismatch_reason = {}};
    return result;
}

link::TaskResult refused() {
    link::TaskResult result = answered();
    result.n = 43;
    result.rid = id<ResultId>(4);
    result.line = mobile().name;
    result.status = Status::refused;
    result.failure = Failure{Source::line, "start", "ENETDOWN", "line mobile is down: no carrier on wan2"};
    result.started_us = result.ended_us = kNow;
    result.summary = {};
    result.evidence = {.src_addr = {},
                       .src_port = 0,
                       .dst_addr = {},
                       .dst_port = 0,
                       .ifname = "wan2",
                       .ifindex = 0,
                       .fwmark = 0x103,
                       .table = 103,
                       .route_get = {},
                       .enforced_by = EnforcedBy::bpf,
                       .verified = false,
                       .mismatch_reason = "no socket was used"};
    result.concurrency = 0;
    return result;
}

link::Facts facts() {
    return {.at_us = kNow,
            .interval_ms = 60'000,
            .host = {.cpus = 4,
                     .cpu_permille = 125,
                     .load_permille = 640,
                     .memory_bytes = 8'316'342'272,
                     .memory_free_bytes = 5'100'273'664,
                     .disk_bytes = 42'006'183'936,
                     .disk_free_bytes = 30'018'240'512,
                     .cpu_pressure_permille = 12,
                     .memory_pressure_permille = 0,
                     .io_pressure_permille = 3,
                     .busy = {}},
            .lines = {{.name = telecom().name,
                       .sent_bytes = 48'211,
                       .sent_packets = 402,
                       .received_bytes = 310'876,
                       .received_packets = 517,
                       .denied = 0,
                       .throttled = 0,
                       .day_bytes = 91'220'140}},
            .sandboxes = {{.worker = 17,
                           .line = telecom().name,
                           .pids = 1,
                           .cpu_us = 812'400,
                           .throttled_us = 0,
                           .memory_bytes = 14'221'312,
                           .memory_peak_bytes = 19'922'944,
                           .oom_kills = 0}}};
}

Schedule berlin_nights() {
    Schedule schedule;
    schedule.cron = "*/5 22-23,0-5 * * *";
    schedule.offsets = {{1'761'440'400, 3'600}, {1'774'746'000, 7'200}, {1'792'890'000, 3'600}};
    schedule.window = DailyWindow{.from_min = 1'320, .to_min = 240};
    schedule.jitter_ms = 2'000;
    schedule.start_us = kNow;
    return schedule;
}

link::PlanSet plan_set() {
    return {.n = 10,
            .job_id = id<JobId>(13),
            .revision = 2,
            .tag = "5f0c1c1e9a7f4d21",
            .lines = {telecom().name, mobile().name},
            .service = Service::dns,
            .params = Json{{"target", "www.lab.test"}, {"type", "A"}},
            .schedule = berlin_nights(),
            .repeat = 1,
            .align = false,
            .start_within_ms = 60'000,
            .run_within_ms = 4'000,
            .lease_ms = 86'400'000};
}

/// Of the first minute of 2026 in that plan.
link::TaskResult planned() {
    link::TaskResult result = answered();
    const NodeId node = hello().node_id;
    result.n = 44;
    result.rid = id<ResultId>(5);
    result.plan = link::PlanRef{.job_id = plan_set().job_id, .revision = 2, .tick_us = kNow + 300'000'000};
    result.run_id = planned_run(result.plan->job_id, result.plan->revision, result.plan->tick_us);
    result.task_id = planned_task(result.run_id, node, result.line, 0);
    return result;
}

std::string dns_detail() {
    DnsDetail detail;
    detail.server = "100.64.1.53";
    detail.port = 53;
    detail.transport = "udp";
    detail.tries = 1;
    detail.query_us = 12'301;
    detail.size = 61;
    detail.header = DnsHeader{.id = 4242, .qr = true, .rd = true, .ra = true, .rcode = "NOERROR"};
    detail.question = {{.name = "www.lab.test.", .type = "A", .class_ = "IN", .ttl = 0, .rdata = {}}};
    detail.answer = {{.name = "www.lab.test.", .type = "A", .class_ = "IN", .ttl = 300, .rdata = "198.18.0.80"}};
    return dump_json(encode(detail));
}

}  // namespace

link::Hello hello() {
    return {.node_id = id<NodeId>(9),
            .proto = 1,
            .agent_version = "0.1.0",
            .features = {},
            .boot_id = to_base32(id<NodeId>(10).bytes),
            .join_counter = 6,
            .spool_id = id<SpoolId>(11),
            .spool_first = 42,
            .spool_last = 43,
            .work_last = 7,
            .policy_hash = to_hex(sha256(as_bytes("services = [\"dns\"]\n"))),
            .labels = {{"city", "guangzhou"}, {"province", "guangdong"}},
            .lines = {telecom(), mobile()},
            .running = {{.task_id = id<TaskId>(1), .attempt = 1}},
            .uplink = link::Uplink{.name = "telecom",
                                   .broker = "broker.example:7443",
                                   .bound = link::UplinkBound::launcher,
                                   .why = "mgmt: connect: no answer"}};
}

SigningKey node_key() {
    return SigningKey::from_secret(*from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        .value();
}
/// RFC 8032 section 7.1 TEST 2.
SigningKey next_key() {
    return SigningKey::from_secret(*from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
        .value();
}
link::NewKey new_key() {
    const PublicKey key = next_key().public_key();
    const std::string input = link::new_key_signing_input(id<NodeId>(9), std::string(key.begin(), key.end()));
    return {.public_key = to_base64(key),
            .by_old = to_base64(node_key().sign(as_bytes(input))),
            .by_new = to_base64(next_key().sign(as_bytes(input)))};
}
std::string nonce() {
    return counted_bytes(0);
}
std::string exporter() {
    return counted_bytes(32);
}

std::string signed_hello() {
    const std::string line = link::encode_envelope(hello());
    const auto signature = node_key().sign(as_bytes(link::hello_signing_input(nonce(), exporter(), line)));
    return link::encode_hello(line, {reinterpret_cast<const char*>(signature.data()), signature.size()});
}

link::EnrollRequest enroll_request() {
    const auto key = node_key();
    const std::string token =
        "edgej_01kdwgw0000000000000000001.oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr8."
        "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8";
    const std::string raw(key.public_key().begin(), key.public_key().end());
    return {.token = token,
            .public_key = to_base64(key.public_key()),
            .signature = to_base64(key.sign(as_bytes(link::enroll_signing_input(token, raw)))),
            .name = "gz-1",
            .labels = {{"city", "guangzhou"}, {"province", "guangdong"}},
            .agent_version = "0.1.0"};
}

link::EnrollReply enroll_reply() {
    return {.node_id = hello().node_id,
            .name = NodeName::parse("gz-1").value(),
            .project = "default",
            .console_url = "https://broker.example"};
}

std::vector<Sample> envelopes() {
    using namespace link;
    const std::string detail = dns_detail();
    TaskResult copy = refused();
    copy.early = true;
    TaskResult with_detail = answered();
    with_detail.detail_bytes = static_cast<std::uint32_t>(detail.size());
    return {
        {"challenge",
         Challenge{.proto = {1},
                   .nonce = to_base64(as_bytes(nonce())),
                   .server_time_us = kNow,
                   .binding = Binding::tls_exporter,
                   .limits = {},
                   .features = {kEarlyResults}},
         {}},
        {"welcome",
         Welcome{.session_id = id<SessionId>(12),
                 .epoch = 7,
                 .join_counter = 7,
                 .results_acked = 41,
                 .work_from = 8,
                 .credit = {.upto_n = 1'065, .bytes = 4'194'304},
                 .limits = {},
                 .server_time_us = kNow,
                 .revoke = {{.task_id = id<TaskId>(1), .attempt = 1}},
                 .generation = id<GenerationId>(13)},
         {}},
        {"reject",
         Reject{.code = RejectCode::stale_counter,
                .text = "this key joined elsewhere since; the node is locked",
                .retry_after_ms = 300'000,
                .fatal = true},
         {}},
        {"welcome_ack", WelcomeAck{.join_counter = 7, .credit = {.upto_n = 263, .bytes = 4'194'304}}, {}},
        {"task", task(), {}},
        {"cancel", CancelTask{.n = 9, .task_id = id<TaskId>(1), .attempt = 1}, {}},
        {"task_aligned",
         [] {
             Task aligned = task();
             aligned.align = 3;
             return aligned;
         }(),
         {}},
        {"plan_set", plan_set(), {}},
        {"plan_drop", PlanDrop{.n = 11, .job_id = plan_set().job_id}, {}},
        {"plan_reset", PlanReset{.n = 12}, {}},
        {"rotate_key", RotateKey{}, {}},
        {"new_key", new_key(), {}},
        {"key_taken", KeyTaken{to_base64(next_key().public_key())}, {}},
        {"pins",
         Pins{"sha256:" + to_base64(sha256(as_bytes("gateway"))), "sha256:" + to_base64(sha256(as_bytes("next")))},
         {}},
        {"wack", WorkAck{.n = 9}, {}},
        {"res", with_detail, detail},
        {"res_refused", refused(), {}},
        {"res_planned", planned(), {}},
        {"res_early", copy, {}},
        {"rack", ResultAck{.n = 43}, {}},
        {"credit", Credit{.upto_n = 2'089, .bytes = 4'194'304}, {}},
        {"prog_accepted",
         Progress{.task_id = id<TaskId>(1), .attempt = 1, .kind = ProgressKind::accepted, .data = Json::object()},
         {}},
        {"prog",
         Progress{.task_id = id<TaskId>(1),
                  .attempt = 1,
                  .kind = ProgressKind::data,
                  .data = Json{{"seq", 0}, {"rtt_us", 12'100}}},
         {}},
        {"lines", Lines{.lines = {degraded_telecom(), mobile()}}, {}},
        {"policy",
         Policy{.hash = hello().policy_hash,
                .services = {"dns", "http", "ping"},
                .targets = {.allow = {"10.20.0.0/16"},
                            .deny = {"198.51.100.0/24"},
                            .ports = {53, 80, 443},
                            .only = {"203.0.113.5:7480"}},
                .line = {.bytes_per_s = 1'250'000,
                         .packets_per_s = 1'000,
                         .bytes_per_day = 10'000'000'000,
                         .p95_bytes_per_s = 125'000},
                .destination = {.probes_per_s = 1, .burst = 10},
                .worker = {.cpu_percent = 50, .memory_mb = 64, .pids = 4},
                .host = {.cpu_pressure_percent = 40, .memory_pressure_percent = 10, .load_per_cpu_percent = 200}},
         {}},
        {"facts", facts(), {}},
        {"hb", Heartbeat{.at_us = kNow, .echo_us = {}}, {}},
        {"hb_echo", Heartbeat{.at_us = kNow + 13'000, .echo_us = kNow}, {}},
        {"goaway", Goaway{.reason = GoawayReason::maintenance, .deadline_ms = 10'000, .window_ms = 30'000}, {}},
        {"goaway_alternative",
         Goaway{.reason = GoawayReason::maintenance,
                .deadline_ms = 2'000,
                .window_ms = 5'000,
                .alternative = "https://broker-b.example:7443"},
         {}},
        {"error", ProtocolError{.code = "bad_value", .text = "/n: missing"}, {}},
    };
}

}  // namespace edge::samples
