#include <doctest/doctest.h>

#include "cli/run/run_state.hpp"
#include "cli/show/probe_table.hpp"

using namespace edge;
using namespace edge::cli;

namespace {

std::string task(int n, const std::string& state, const std::string& carrier = "ct") {
    const std::string id = std::to_string(n);
    return R"({"id":"task_)" + id + R"(","node":{"id":"node_1","name":"gz-1"},"line":{"name":"line)" + id +
           R"(","carrier":")" + carrier + R"("},"state":")" + state + R"(","attempt":1})";
}

std::string run(const std::string& state, const std::string& tasks = {}, int succeeded = 0) {
    return R"({"id":"run_1","service":"ping","target":"x","selector":"all","state":")" + state +
           R"(","tasks":{"total":2,"succeeded":)" + std::to_string(succeeded) + "}" +
           (tasks.empty() ? "" : ",\"tasks_list\":[" + tasks + "]") + "}";
}

std::string result(int n, const std::string& status, const std::string& more = {}, int attempt = 1) {
    const std::string id = std::to_string(n);
    return R"({"id":"res_)" + id + "_" + std::to_string(attempt) + more + R"(","task_id":"task_)" + id +
           R"(","attempt":)" + std::to_string(attempt) + R"(,"node":{"name":"gz-1"},"line":{"name":"line)" + id +
           R"(","carrier":"ct"},"service":"ping","status":")" + status +
           R"(","summary":{"duration_us":5,"rtt_us":12000},"evidence":{"verified":true},"detail":{}})";
}

RunState begun() {
    RunState state;
    REQUIRE(state.event("run", run("running", task(1, "queued") + "," + task(2, "queued", "cu"))));
    return state;
}

}  // namespace

TEST_CASE("a row goes from queued over progress to its result") {
    RunState state = begun();
    REQUIRE(state.rows().size() == 2);
    CHECK(outcome_of(state.rows()[0]) == "queued");
    REQUIRE(state.event("task", task(1, "leased")));
    CHECK(outcome_of(state.rows()[0]) == "sent");
    REQUIRE(state.event("progress", R"({"task_id":"task_1","data":{"reply":{"seq":0}}})"));
    CHECK(outcome_of(state.rows()[0]) == "running");
    CHECK_FALSE(has_ended(state.rows()[0]));
    REQUIRE(state.event("result", result(1, "ok")));
    CHECK(outcome_of(state.rows()[0]) == "ok");
    CHECK(has_ended(state.rows()[0]));
    CHECK(state.take_fresh() == std::vector<std::size_t>{0});
    CHECK(state.take_fresh().empty());
}

TEST_CASE("what is told twice counts once") {
    RunState state = begun();
    for (int i = 0; i < 3; ++i) {
        REQUIRE(state.event("run", run("running", task(1, "queued") + "," + task(2, "queued", "cu"))));
        REQUIRE(state.event("result", result(1, "ok")));
    }
    CHECK(state.rows().size() == 2);
    CHECK(state.take_fresh().size() == 1);
    CHECK(outcome_of(state.rows()[0]) == "ok");
}

TEST_CASE("a superseded attempt never takes the place of the one that counts") {
    RunState state = begun();
    REQUIRE(state.event("result", result(1, "ok", {}, 2)));
    REQUIRE(state.event("result", result(1, "failed", {}, 1)));
    CHECK(outcome_of(state.rows()[0]) == "ok");
    REQUIRE(state.event("result", result(1, "failed", {}, 3)));
    CHECK(outcome_of(state.rows()[0]) == "failed");
}

TEST_CASE("results that the stream kept to itself are missed") {
    RunState state = begun();
    REQUIRE(state.event("run", run("finished", {}, 2)));
    CHECK(state.is_finished());
    CHECK(state.missing_results() == 2);
    REQUIRE(state.event("result", result(1, "ok")));
    CHECK(state.missing_results() == 1);
    REQUIRE(state.event("result", result(2, "ok")));
    CHECK(state.missing_results() == 0);
}

TEST_CASE("an event of many megabytes is taken: a long run is introduced by one") {
    std::string event = run("running", task(1, "queued"));
    event.pop_back();
    RunState state;
    REQUIRE(state.event("run", event + ",\"more\":\"" + std::string(9'000'000, 'x') + "\"}"));
    CHECK(state.rows().size() == 1);
}

TEST_CASE("events of no known name are ignored, and garbled ones are errors") {
    RunState state = begun();
    CHECK(state.event("novel", "not even JSON"));
    CHECK_FALSE(state.is_cut_off());
    CHECK(state.event("overflow", "{}"));
    CHECK(state.is_cut_off());
    for (const std::string bad : {"", "x", "[]", "{\"id\":7}", "{\"tasks\":3}"}) {
        CAPTURE(bad);
        CHECK_FALSE(state.event("run", bad));
    }
    CHECK(state.event("result", R"({"id":"a","task_id":"b","later":{"x":[1]}})"));
}

TEST_CASE("the exit code follows the lines and --fail-on") {
    const auto exit = [](std::vector<std::string> outcomes, FailOn fail_on, Asked asked = Asked::now) {
        RunState state = begun();
        int n = 0;
        for (const auto& outcome : outcomes) {
            ++n;
            if (outcome == "expired" || outcome == "canceled") {
                REQUIRE(state.event("task", task(n, outcome)));
            } else {
                REQUIRE(state.event("result", result(n, outcome)));
            }
        }
        return exit_of(state, fail_on, asked);
    };
    CHECK(exit({"ok", "ok"}, FailOn::any) == ExitCode::ok);
    CHECK(exit({"ok", "partial"}, FailOn::any) == ExitCode::ok);
    CHECK(exit({"ok", "failed"}, FailOn::any) == ExitCode::lines_failed);
    CHECK(exit({"ok", "refused"}, FailOn::any) == ExitCode::lines_failed);
    CHECK(exit({"ok", "expired"}, FailOn::any) == ExitCode::lines_failed);
    CHECK(exit({"ok", "failed"}, FailOn::all) == ExitCode::ok);
    CHECK(exit({"refused", "failed"}, FailOn::all) == ExitCode::lines_failed);
    CHECK(exit({"refused", "failed"}, FailOn::none) == ExitCode::ok);
    // Who waits for answers did not get one of a canceled task; who looks at the run later sees what was wanted.
    CHECK(exit({"ok", "canceled"}, FailOn::any) == ExitCode::lines_failed);
    CHECK(exit({"ok", "canceled"}, FailOn::any, Asked::afterwards) == ExitCode::ok);
    CHECK(exit({"canceled", "canceled"}, FailOn::all, Asked::afterwards) == ExitCode::ok);
    CHECK(exit({"failed", "canceled"}, FailOn::all, Asked::afterwards) == ExitCode::lines_failed);
    CHECK(exit({"expired", "canceled"}, FailOn::any, Asked::afterwards) == ExitCode::lines_failed);
}

TEST_CASE("the summary tells each carrier in the order of the run") {
    RunState state = begun();
    CHECK(summary_line(state) == "0 of 2 ok: ct 1 to come · cu 1 to come");
    REQUIRE(state.event("result", result(1, "ok")));
    REQUIRE(state.event("task", task(2, "lost", "cu")));
    CHECK(summary_line(state) == "1 of 2 ok: ct 12.0 ms · cu 1 failed");
}

TEST_CASE("what was canceled or has expired is told as that, not as failed") {
    RunState state = begun();
    REQUIRE(state.event("task", task(1, "canceled")));
    REQUIRE(state.event("task", task(2, "expired", "cu")));
    CHECK(summary_line(state) == "0 of 2 ok: ct 1 canceled · cu 1 expired");
    RunState told = begun();  // by results
    for (const auto& [n, code] : {std::pair{1, "canceled"}, {2, "expired"}}) {
        Json json = parse_json(result(n, "refused")).value();
        json["failure"] = {{"source", "agent"}, {"phase", "start"}, {"code", code}, {"text", ""}};
        REQUIRE(told.take_result(json));
    }
    CHECK(summary_line(told) == "0 of 2 ok: ct 1 canceled · cu 1 expired");
    CHECK(exit_of(told, FailOn::any, Asked::afterwards) == ExitCode::lines_failed);
}

TEST_CASE("a failure says what happened, whose fault it is and where") {
    CHECK(failure_text({Source::path, "wait", "timeout", "no reply in time"}) ==
          "no reply in time (path, wait, timeout)");
    CHECK(failure_text({Source::target, "connect", "ECONNREFUSED", ""}) == "ECONNREFUSED (target, connect)");
}
