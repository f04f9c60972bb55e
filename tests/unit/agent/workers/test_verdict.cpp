#include "agent/workers/verdict.hpp"

#include <doctest/doctest.h>

#include "tests/unit/agent/results.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

ProbeReport failed_by(Source source) {
    return failed_report(Status::failed, source, "wait", "timeout", "no answer");
}

RouteAnswer route(bool link_up, const char* error = "") {
    RouteAnswer answer;
    answer.link_up = link_up;
    answer.route.error = error;
    return answer;
}

}  // namespace

TEST_CASE("a failure is the line's where the line was down or had no route") {
    struct Case {
        const char* name;
        Source source;
        RouteAnswer route;
        Source told;
    };
    const Case cases[] = {
        {"link down", Source::target, route(false), Source::line},
        {"link down, resolver blamed", Source::resolver, route(false), Source::line},
        {"no route", Source::path, route(true, "ENETUNREACH"), Source::line},
        {"all fine", Source::target, route(true), Source::target},
        {"policy said no", Source::policy, route(false), Source::policy},
        {"we failed", Source::agent, route(false), Source::agent},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            ProbeReport report = failed_by(one.source);
            blame_line(one.route, report);
            CHECK(report.failure->source == one.told);
            CHECK(report.failure->code == "timeout");
        }
    }
}

TEST_CASE("a probe that did what was asked blames nobody") {
    ProbeReport report;
    report.status = Status::ok;
    blame_line(route(false), report);
    CHECK(!report.failure);
    CHECK(report.status == Status::ok);
}

TEST_CASE("hostile lengths are cut between characters, and what is no address is dropped") {
    ProbeReport report = failed_by(Source::target);
    report.failure->text = std::string(1023, 'a') + "é" + std::string(100'000, 'b');
    report.failure->code = std::string(100'000, 'c');
    report.failure->phase = std::string(100'000, 'p');
    report.summary.code = std::string(100'000, 'd');
    report.resolved = {"192.0.2.1", std::string(1000, '1'), "", "2001:db8::1", "192.0.2.1\n", "localhost"};
    report.detail = Json{{"text", std::string(300'000, 'x')}};
    Evidence evidence;
    evidence.src_addr = "<script>";
    evidence.dst_addr = std::string(100'000, 'e');
    evidence.mismatch_reason = std::string(100'000, 'e');
    link::Task task = ping_task(1);
    task.params = Json{{"target", std::string(100'000, 't')}};
    const Finished finished = make_finished(task, {}, report, evidence);
    CHECK(finished.result.truncated);
    CHECK(finished.result.detail_bytes == 0);
    CHECK(finished.detail.empty());
    CHECK(finished.result.failure->text.size() == 1023);
    CHECK(finished.result.resolved == std::vector<std::string>{"192.0.2.1", "2001:db8::1"});
    CHECK(finished.result.evidence.src_addr.empty());
    CHECK(finished.result.evidence.dst_addr.empty());
    CHECK(encode_envelope(finished.result, finished.detail).size() < 16 * 1024);
}

TEST_CASE("whatever a worker reports, the broker takes the message") {
    // The worst that is not cut: bytes that JSON writes as six, in every text, beside details around the limit.
    ProbeReport report = failed_by(Source::target);
    for (std::string* text : {&report.failure->phase, &report.failure->code, &report.failure->text})
        *text = std::string(100'000, '\x01');
    report.summary.code = std::string(100'000, '\x01');
    report.resolved.assign(1000, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    Evidence evidence;
    evidence.mismatch_reason = std::string(100'000, '\x01');
    link::Task task = ping_task(1);
    task.params = Json{{"target", std::string(100'000, '\x01')}};
    bool was_kept = false, was_cut = false;
    for (std::size_t bytes = link::kMaxMessage - 40'000; bytes < link::kMaxMessage + 100; bytes += 997) {
        report.detail = Json{{"text", std::string(bytes, 'x')}};
        Finished finished = make_finished(task, {}, report, evidence);
        finished.result.n = (std::uint64_t{1} << 53) - 1;  // as the spool will number it
        const std::string message = encode_envelope(finished.result, finished.detail);
        REQUIRE(message.size() <= link::kMaxMessage);
        const auto received = link::decode_message(message);
        REQUIRE(received);
        REQUIRE(received.value().size() == 1);
        CHECK(received.value()[0].detail == finished.detail);
        CHECK(finished.result.truncated == finished.detail.empty());
        (finished.result.truncated ? was_cut : was_kept) = true;
    }
    CHECK(was_kept);
    CHECK(was_cut);
}

TEST_CASE("a detail that fits beside its envelope is kept, one that its frame had cut is marked") {
    ProbeReport report;
    report.detail = Json{{"text", std::string(link::kMaxMessage - 2 * 1024, 'x')}};
    Finished finished = make_finished(ping_task(1), {}, report, {});
    CHECK(!finished.result.truncated);
    CHECK(finished.result.detail_bytes == finished.detail.size());
    CHECK(encode_envelope(finished.result, finished.detail).size() <= link::kMaxMessage);
    report.detail = Json{{"truncated", true}};
    finished = make_finished(ping_task(1), {}, report, {});
    CHECK(finished.result.truncated);
    CHECK(finished.detail.empty());
}

TEST_CASE("a worker's start is believed where it can be true") {
    ProbeReport report;
    const Span span{.queued_us = 3, .started_us = 1000, .ended_us = 2000};
    report.started_us = 1500;
    CHECK(make_finished(ping_task(1), span, report, {}).result.started_us == 1500);
    CHECK(make_finished(ping_task(1), span, report, {}).result.queued_us == 503);  // it waited in the worker, too
    report.started_us = 10;
    CHECK(make_finished(ping_task(1), span, report, {}).result.started_us == 1000);
    CHECK(make_finished(ping_task(1), span, report, {}).result.queued_us == 3);
    report.started_us = 2001;
    CHECK(make_finished(ping_task(1), span, report, {}).result.started_us == 1000);
}

TEST_CASE("the target is what the params say, if they do") {
    CHECK(target_in(Json{{"target", "lab.test"}}) == "lab.test");
    CHECK(target_in(Json{{"target", 3}}).empty());
    CHECK(target_in(Json::array()).empty());
}
