#include <doctest/doctest.h>

#include "probes/by_hand/print.hpp"
#include "protocol/json/described.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

PingSpec ping() {
    PingSpec spec;
    spec.target = "192.0.2.1";
    return spec;
}

Outcome pinged() {
    PingDetail detail;
    detail.sent = 2;
    detail.rcvd = 1;
    detail.loss_percent = 50;
    detail.min_us = detail.avg_us = detail.max_us = 1500;
    detail.mdev_us = 0;
    Outcome outcome;
    outcome.report.status = Status::partial;
    outcome.report.summary.duration_us = 2'001'000;
    outcome.report.detail = encode(detail);
    return outcome;
}

}  // namespace

TEST_CASE("who may not ping is told of a line, and of no range that is for everybody") {
    CHECK(ping_hint(0, "1\t0") ==
          "; say --line NAME on a node, or allow this group alone: sysctl -w net.ipv4.ping_group_range=\"0 0\"");
    CHECK(ping_hint(1000, "70000\t70255") == "; groups 70000 to 70255 may: say --line NAME");
    CHECK(ping_hint(7, "").find("\"7 7\"") != std::string::npos);
}

TEST_CASE("a ping without a line reads as a person expects, and says what it does not know") {
    CHECK(outcome_text(ping(), pinged()) ==
          "2 sent, 1 received, 50.0 % lost\n"
          "rtt min 1.500 ms, avg 1.500 ms, max 1.500 ms, mdev 0.000 ms\n"
          "partial after 2001.000 ms\n"
          "no line: this host's own routing, nothing is verified\n");
}

TEST_CASE("with a line the evidence is told, verified or not") {
    Outcome outcome = pinged();
    outcome.line = "telecom";
    Evidence evidence;
    evidence.src_addr = "100.64.1.2";
    evidence.dst_addr = "192.0.2.1";
    evidence.ifname = "wan0";
    evidence.fwmark = 0x101;
    evidence.table = 101;
    evidence.enforced_by = EnforcedBy::bpf;
    evidence.verified = true;
    outcome.evidence = evidence;
    CHECK(outcome_text(ping(), outcome)
              .ends_with(
                  "line telecom: 100.64.1.2 -> 192.0.2.1 by wan0, mark 0x101, table 101, enforced by bpf, verified\n"));
    outcome.evidence->verified = false;
    outcome.evidence->mismatch_reason = "no route";
    CHECK(outcome_text(ping(), outcome).ends_with("NOT verified: no route\n"));
    CHECK(outcome_json(ping(), outcome)["evidence"]["fwmark"] == 0x101);
    CHECK(outcome_json(ping(), outcome)["line"] == "telecom");
    CHECK_FALSE(outcome_json(ping(), pinged()).contains("evidence"));
}

TEST_CASE("no control character of a server reaches the terminal") {
    CHECK(printable("a\x1b[31m\r\x7f") == "a\\x1b[31m\\x0d\\x7f");
    CHECK(printable("\xe4\xb8\xad\n\t") == "\xe4\xb8\xad\n\t");
    CHECK(printable("\xc2\x9b"
                    "1m") ==
          "\\xc2\x9b"
          "1m");
    HttpDetail detail;
    detail.hops.emplace_back();
    detail.hops[0].status = 200;
    detail.hops[0].reason = "\x1b]0;owned\x07";
    detail.hops[0].headers = {{"X", "\x1b[2J"}};
    Outcome outcome;
    outcome.report.detail = encode(detail);
    HttpSpec spec;
    spec.target = "http://a.test/";
    CHECK(outcome_text(spec, outcome).find('\x1b') == std::string::npos);
}

TEST_CASE("progress is a line a reply; what is not understood is not shown") {
    PingReply reply;
    reply.seq = 3;
    reply.rtt_us = 12'345;
    reply.ttl = 57;
    CHECK(progress_text(Service::ping, Json{{"reply", encode(reply)}}) == "seq 3: 12.345 ms, ttl 57\n");
    reply.rtt_us.reset();
    CHECK(progress_text(Service::ping, Json{{"reply", encode(reply)}}) == "seq 3: no reply in time\n");
    CHECK(progress_text(Service::ping, Json{{"reply", 1}}).empty());
    CHECK(progress_text(Service::http, Json{{"phase", {{"name", "connect"}, {"us", 1000}, {"hop", 0}}}}) ==
          "connect 1.000 ms\n");
    // A worker parses hostile bytes and could say anything.
    for (const Json& odd : {Json("connect"), Json{{"name", 7}}, Json{{"us", "x"}}, Json(nullptr)})
        CHECK(progress_text(Service::http, Json{{"phase", odd}}).empty());
    CHECK(progress_text(Service::dns, Json{{"try", Json::object()}}).empty());
}

TEST_CASE("a detail that was cut to fit still prints") {
    Outcome outcome;
    outcome.report.detail = Json{{"truncated", true}};
    CHECK(outcome_text(ping(), outcome).starts_with("0 sent"));
}
