#include <doctest/doctest.h>

#include "cli/show/line_table.hpp"

using namespace edge;
using namespace edge::cli;

namespace {

struct Given {
    std::string line;
    Json result = Json::object();  // empty: still queued
    std::string state = "queued";  // where there is no result
};

RunState run_of(const std::vector<Given>& tasks, const std::string& service = "ping") {
    RunState state;
    Json run{{"id", "run_1"}, {"service", service}, {"state", "running"}, {"tasks", {{"total", tasks.size()}}}};
    run["tasks_list"] = Json::array();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        run["tasks_list"].push_back({{"id", "task_" + std::to_string(i)},
                                     {"node", {{"id", "node_1"}, {"name", "gz-1"}}},
                                     {"line", {{"name", tasks[i].line}, {"carrier", "ct"}}},
                                     {"state", tasks[i].state}});
    }
    REQUIRE(state.take_run(run));
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (tasks[i].result.empty()) continue;
        Json result = tasks[i].result;
        result["id"] = "res_" + std::to_string(i);
        result["task_id"] = "task_" + std::to_string(i);
        result["service"] = service;
        REQUIRE(state.take_result(result));
    }
    return state;
}

Json good(std::uint64_t rtt_us) {
    return {{"status", "ok"},
            {"summary", {{"rtt_us", rtt_us}, {"duration_us", rtt_us * 2}, {"loss", 0}}},
            {"evidence", {{"src_addr", "100.64.1.2"}, {"ifname", "wan0"}, {"fwmark", 257}, {"verified", true}}}};
}

Json bad(const std::string& text) {
    return {{"status", "failed"},
            {"failure", {{"source", "path"}, {"phase", "wait"}, {"code", "timeout"}, {"text", text}}},
            {"summary", {{"rtt_us", 1}, {"loss", 100}}},
            {"evidence", {{"src_addr", "100.64.1.2"}, {"ifname", "wan0"}, {"fwmark", 257}, {"verified", true}}}};
}

/// The line's row by the titles of its columns.
std::map<std::string, std::string> row_of(const RunState& state, std::size_t line, Detail detail = Detail::normal) {
    const Table table = line_table(state, detail);
    REQUIRE(table.rows.at(line).size() == table.columns.size());
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < table.columns.size(); ++i) row[table.columns[i].title] = table.rows[line][i].text;
    return row;
}

}  // namespace

TEST_CASE("a run is told by line when it has more than 50 tasks and several of a line") {
    const auto run = [](std::size_t lines, std::size_t repeat) {
        std::vector<Given> tasks;
        for (std::size_t i = 0; i < lines * repeat; ++i) tasks.push_back({"line" + std::to_string(i % lines)});
        return is_told_by_line(run_of(tasks));
    };
    CHECK_FALSE(run(1, 1));
    CHECK_FALSE(run(1, 50));
    CHECK(run(1, 51));
    CHECK_FALSE(run(51, 1));
    CHECK(run(26, 2));
}

TEST_CASE("each line tells how many of its tasks ended, how, and how long they took") {
    std::vector<Given> tasks;
    for (std::uint64_t i = 1; i <= 20; ++i) tasks.push_back({"telecom", good(i * 1000)});
    tasks.push_back({"telecom", bad("no reply in time")});
    tasks.push_back({"telecom", bad("no reply in time")});
    tasks.push_back({"telecom", bad("no route")});
    tasks.push_back({"telecom", {}, "expired"});
    tasks.push_back({"telecom"});
    tasks.push_back({"unicom"});
    const auto state = run_of(tasks);
    auto row = row_of(state, 0);
    CHECK(row["LINE"] == "telecom");
    CHECK(row["DONE"] == "24/25");
    CHECK(row["OK"] == "20");
    CHECK(row["FAILED"] == "3");
    CHECK(row["MIN"] == "1.00 ms");
    CHECK(row["P50"] == "10.0 ms");
    CHECK(row["P95"] == "19.0 ms");
    CHECK(row["MAX"] == "20.0 ms");
    CHECK(row["LOSS"] == "13.0%");
    CHECK(row["EVIDENCE"] == "verified");
    CHECK(row["NOTE"] == "2 × no reply in time (path, wait, timeout), 2 others");
    row = row_of(state, 1);
    CHECK(row["DONE"] == "0/1");
    CHECK(row["P50"].empty());
    CHECK(row["EVIDENCE"].empty());
}

TEST_CASE("a quantile is one of the measured, the least that so many do not exceed") {
    const LineFigures figures{.line = {}, .measured_us = {10, 20, 30}};
    CHECK(figures.quantile(0) == 10);
    CHECK(figures.quantile(0.33) == 10);
    CHECK(figures.quantile(0.5) == 20);
    CHECK(figures.quantile(0.67) == 30);
    CHECK(figures.quantile(1) == 30);
    CHECK_FALSE(LineFigures{}.quantile(0.5));
}

TEST_CASE("a line whose results have not all come has not ended, whatever its tasks say") {
    auto figures = figures_of_lines(run_of({{"a", good(1000)}, {"a", {}, "succeeded"}, {"a", {}, "failed"}}));
    CHECK(figures.at(0).ok == 2);
    CHECK(figures.at(0).failed == 1);
    CHECK_FALSE(figures.at(0).has_ended());
    figures = figures_of_lines(run_of({{"a", good(1000)}, {"a", {}, "lost"}, {"a", {}, "expired"}}));
    CHECK(figures.at(0).has_ended());
    CHECK(figures.at(0).others == std::map<std::string, std::size_t>{{"expired", 1}, {"lost", 1}});
}

TEST_CASE("one unverified result is told although a thousand are verified") {
    Json lie = good(1000);
    lie["evidence"] = {
        {"src_addr", "100.64.2.2"}, {"ifname", "wan1"}, {"fwmark", 257}, {"mismatch_reason", "wrong device"}};
    const auto state = run_of({{"telecom", good(1000)}, {"telecom", lie}, {"telecom", good(1000)}});
    auto row = row_of(state, 0, Detail::wide);
    CHECK(row["EVIDENCE"] == "1 UNVERIFIED");
    CHECK(row["NOTE"] == "wrong device");
    CHECK(row["FROM"] == "several");
    CHECK(row["DEVICE"] == "several");
    CHECK(row["MARK"] == "0x101");
}

TEST_CASE("codes that differ are counted, the most frequent first") {
    const auto with_code = [](const std::string& code) {
        Json result = good(1000);
        result["summary"]["code"] = code;
        return result;
    };
    CHECK(row_of(run_of({{"a", with_code("200")}, {"a", with_code("200")}}, "http"), 0)["CODES"] == "200");
    CHECK(row_of(run_of({{"a", with_code("503")}, {"a", with_code("200")}, {"a", with_code("200")}}, "http"),
                 0)["CODES"] == "200 ×2, 503 ×1");
}

TEST_CASE("a row counts as the summary below it does: partial is not ok, canceled and expired have not failed") {
    Json partial = good(1'000);
    partial["status"] = "partial";
    const RunState state = run_of({{"a", good(1'000)}, {"a", partial}, {"b", {}, "canceled"}, {"b", {}, "expired"}});
    auto row = row_of(state, 0);
    CHECK(row["DONE"] == "2/2");
    CHECK(row["OK"] == "1");
    CHECK(row["FAILED"] == "0");
    CHECK(row["NOTE"] == "1 × partial");
    row = row_of(state, 1);
    CHECK(row["DONE"] == "2/2");
    CHECK(row["OK"] == "0");
    CHECK(row["FAILED"] == "0");
    CHECK(row["NOTE"] == "1 × canceled, 1 others");
    CHECK(summary_line(state) == "1 of 4 ok, 1 partial: ct 1.00 ms, 1 expired, 1 canceled");
}

TEST_CASE("a page is compared by how long all of it took, an answer by its round trip") {
    CHECK(row_of(run_of({{"a", good(1000)}}, "http"), 0)["P50"] == "2.00 ms");
    CHECK(row_of(run_of({{"a", good(1000)}}, "dns"), 0)["P50"] == "1.00 ms");
}

TEST_CASE("where lines have several tasks, rows are line by line and numbered; else there is no number") {
    const auto repeated = run_of({{"telecom", good(1000)}, {"unicom"}, {"telecom"}, {"unicom"}});
    const auto lines = lines_of(probe_table(repeated, Detail::normal), std::nullopt, Style{});
    REQUIRE(lines.size() == 5);
    CHECK(lines[0].starts_with("NODE  LINE     CARRIER  #  STATUS"));
    CHECK(lines[1].starts_with("gz-1  telecom  ct       1  ok"));
    CHECK(lines[2].starts_with("gz-1  telecom  ct       2  queued"));
    CHECK(lines[3].starts_with("gz-1  unicom   ct       1  queued"));
    const auto once = run_of({{"telecom", good(1000)}, {"unicom"}});
    CHECK(lines_of(probe_table(once, Detail::normal), std::nullopt, Style{})[0].starts_with(
        "NODE  LINE     CARRIER  STATUS"));
    CHECK(probe_table(once, Detail::normal, 1).rows.size() == 1);
}
