#include "agent/health/checks.hpp"

#include <doctest/doctest.h>

#include "tests/unit/agent/health/reports.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using link::CheckState;

namespace {

std::vector<std::string> words_of(const std::vector<Check>& checks) {
    std::vector<std::string> all;
    for (const Check& check : checks) {
        const auto report = check.report();
        all.push_back(report.what + " " + report.target + " " + report.how);
    }
    return all;
}

}  // namespace

TEST_CASE("a line is asked what its families and the settings give, each once") {
    launcher::LineInfo info = line_info(0, "telecom");
    HealthSettings settings;
    settings.anchors = {"198.51.100.20", "2001:db8:ffff::20"};
    settings.echo = "http://echo.example/";
    using Words = std::vector<std::string>;
    CHECK(words_of(checks_of(line_from(info).value(), settings)) ==
          Words{"route 198.51.100.20 lookup", "gateway 100.64.1.1 ping", "resolver 100.64.1.53 dns",
                "anchor 198.51.100.20 ping", "egress http://echo.example/ http over IPv4"});

    info.addresses[1] = *address_from("fd64:1::2");
    info.gateway6 = *address_from("fd64:1::1");
    settings.anchors = {"198.51.100.20"};
    settings.echo = "http://[2001:db8::1]:7480/";
    CHECK(words_of(checks_of(line_from(info).value(), settings)) ==
          Words{"route 198.51.100.20 lookup", "route 2001:db8::1 lookup", "gateway 100.64.1.1 ping",
                "gateway fd64:1::1 ping", "resolver 100.64.1.53 dns", "anchor 198.51.100.20 ping",
                "egress http://[2001:db8::1]:7480/ http over IPv6"});

    settings.interval_ms = 0;
    CHECK(words_of(checks_of(line_from(info).value(), settings)) ==
          Words{"route 198.51.100.20 lookup", "route 2001:db8::1 lookup"});
}

TEST_CASE("every probe that health asks for is one that a worker takes") {
    for (const What what : {What::gateway, What::resolver, What::anchor, What::egress}) {
        Check one;
        one.what = what;
        one.target = what == What::egress ? "http://192.0.2.1:7480/" : "192.0.2.1";
        CHECK(check(spec_of(one)));
        CHECK(decode_spec(service_of(spec_of(one)), encode_spec(spec_of(one))));
    }
}

TEST_CASE("three failures in a row are a failure, and two answers its end; what could not be asked is neither") {
    constexpr auto good = Outcome::good, bad = Outcome::bad, none = Outcome::none;
    constexpr auto is_ok = CheckState::ok, failed = CheckState::failed, unknown = CheckState::unknown;
    struct Case {
        const char* name;
        std::vector<std::pair<Outcome, CheckState>> steps;
    };
    const Case cases[] = {
        {"from nothing to well", {{good, is_ok}}},
        {"from nothing to failed", {{bad, unknown}, {bad, unknown}, {bad, failed}}},
        {"two are not enough", {{good, is_ok}, {bad, is_ok}, {bad, is_ok}, {good, is_ok}, {bad, is_ok}, {bad, is_ok}}},
        {"back again", {{bad, unknown}, {bad, unknown}, {bad, failed}, {good, failed}, {good, is_ok}}},
        {"one answer is not enough",
         {{bad, unknown}, {bad, unknown}, {bad, failed}, {good, failed}, {bad, failed}, {good, failed}, {good, is_ok}}},
        {"not asked", {{good, is_ok}, {bad, is_ok}, {bad, is_ok}, {none, is_ok}, {bad, failed}, {none, failed}}},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            Check check;
            check.what = What::anchor;
            for (const auto& [outcome, state] : one.steps) {
                count(check, {outcome, "why"});
                CHECK(check.state == state);
            }
        }
    }
}

TEST_CASE("what the kernel says of a route counts at once") {
    Check check;
    count(check, {Outcome::bad, "ENETUNREACH"});
    CHECK(check.state == CheckState::failed);
    CHECK(check.report().text == "ENETUNREACH");
    count(check, {Outcome::good});
    CHECK(check.state == CheckState::ok);
    CHECK(check.report().text.empty());
}

TEST_CASE("answers are read for what they say of the line") {
    Check anchor, egress;
    anchor.what = What::anchor;
    egress.what = What::egress;
    struct Case {
        const char* name;
        const Check& check;
        ProbeReport report;
        Outcome outcome;
        const char* said;
    };
    const auto agent_fault = failed_report(Status::failed, Source::agent, "start", "worker_crashed", "gone");
    const auto line_fault = failed_report(Status::failed, Source::line, "connect", "ENETUNREACH", "no route");
    const Case cases[] = {
        {"an answer", anchor, good_report(), Outcome::good, ""},
        {"none", anchor, timeout_report(), Outcome::bad, "timeout: no answer"},
        {"policy says no", anchor, denied_report(), Outcome::none, "policy forbids asking: it is private"},
        {"the worker died", anchor, agent_fault, Outcome::none, "could not be asked: gone"},
        {"the line failed", anchor, line_fault, Outcome::bad, "ENETUNREACH: no route"},
        {"an echo", egress, echo_of("203.0.113.7"), Outcome::good, ""},
        {"an echo of the other family", egress, echo_of("2001:db8::7"), Outcome::bad,
         "answers no address of the family asked for"},
        {"an echo of anything", egress, echo_report("{\"address\":7}"), Outcome::bad,
         "answers no address of the family asked for"},
        {"an echo that is no JSON", egress, echo_report("<html>"), Outcome::bad,
         "answers no address of the family asked for"},
        {"another page", egress, echo_report("", 404), Outcome::bad, "answers 404"},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            const Heard heard = hear(one.check, one.report);
            CHECK(heard.outcome == one.outcome);
            CHECK(heard.text == one.said);
        }
    }
    CHECK(hear(egress, echo_of("203.0.113.7")).egress == "203.0.113.7");
}
