#include <doctest/doctest.h>

#include "../fake_domain.hpp"
#include "broker/prometheus/discovery.hpp"
#include "broker/prometheus/result_series.hpp"

namespace edge::broker::prometheus {
namespace {

using test::FakeDomain;
constexpr WallTime kNow = FakeDomain::kNow;
constexpr WallTime kMinute = 60'000'000;

struct SeriesRig {
    ResultSeries series{10};

    static RunView run(std::uint8_t number, std::uint32_t tasks = 1) {
        RunView view;
        view.id = FakeDomain::id<RunId>(number);
        view.job_id = FakeDomain::id<JobId>(2);
        view.target = "198.51.100.10";
        view.created_at = kNow;
        view.tasks.total = view.tasks.queued = tasks;
        return view;
    }
    static ResultView result(std::uint8_t run_number, std::uint8_t number = 1) {
        return FakeDomain::result_of(FakeDomain::id<RunId>(run_number), FakeDomain::id<TaskId>(number), number);
    }
    static RunView finished(std::uint8_t number) {
        RunView view = run(number);
        view.state = RunState::finished;
        view.tasks.queued = 0;
        view.tasks.succeeded = 1;
        return view;
    }
    static std::vector<NodeView> nodes() {
        FakeDomain domain;
        domain.add_node({});
        std::vector<NodeView> all;
        domain.nodes([&](Result<std::vector<NodeView>> reply) { all = reply.value(); });
        return all;
    }
    std::string text() const {
        Exposition out;
        series.write(out);
        return out.text();
    }
    bool says(const std::string& line) const { return text().find(line + "\n") != std::string::npos; }
    bool knows(const std::string& name) const { return text().find("\n" + name + "{") != std::string::npos; }
};

std::string labels() {
    return "job=\"" + FakeDomain::id<JobId>(2).text() +
           R"(",node="gz-1",line="telecom",carrier="ct",target="198.51.100.10")";
}

}  // namespace

TEST_CASE("a result is success, duration, time, round trip and loss, by job, node, line, carrier and target") {
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1), kNow);
    auto result = SeriesRig::result(1);
    result.result.summary.loss = 25.0;
    rig.series.take(result, kNow);
    CHECK(rig.says("edge_probe_success{" + labels() + "} 1"));
    CHECK(rig.says("edge_probe_duration_seconds{" + labels() + "} 0.025"));
    CHECK(rig.says("edge_probe_loss_ratio{" + labels() + "} 0.25"));
    CHECK(rig.says("edge_probe_rtt_seconds_bucket{" + labels() + ",le=\"0.025\"} 1"));
    CHECK(rig.says("edge_last_result_timestamp_seconds{" + labels() + "} 1763802000.156"));
    CHECK(rig.says("edge_broker_results_total{status=\"ok\"} 1"));
}

TEST_CASE("what failed is counted by phase and reason, and a node cannot make more than some of them") {
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1, 100), kNow);
    auto result = SeriesRig::result(1);
    result.result.status = Status::failed;
    result.result.failure = Failure{Source::target, "connect", "ECONNREFUSED", ""};
    rig.series.take(result, kNow);
    rig.series.take(result, kNow);
    CHECK(rig.says("edge_probe_success{" + labels() + "} 0"));
    CHECK(rig.says("edge_probe_failures_total{" + labels() + ",phase=\"connect\",reason=\"ECONNREFUSED\"} 2"));
    for (int i = 0; i < 40; ++i) {
        result.result.failure->code = "made up " + std::to_string(i);
        rig.series.take(result, kNow);
    }
    CHECK(rig.says("edge_probe_failures_total{" + labels() + ",phase=\"\",reason=\"other\"} 9"));
}

TEST_CASE("a result that waited in a spool counts, and is not the last one") {
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1, 2), kNow);
    rig.series.take(SeriesRig::result(1), kNow);
    auto older = SeriesRig::result(1, 2);
    older.result.status = Status::failed;
    older.result.ended_us -= kMinute;
    rig.series.take(older, kNow);
    CHECK(rig.says("edge_probe_success{" + labels() + "} 1"));
    CHECK(rig.says("edge_probe_rtt_seconds_count{" + labels() + "} 2"));
}

TEST_CASE("a broker that began meanwhile learns of a run after its result; a superseded one does not count") {
    SeriesRig rig;
    rig.series.take(SeriesRig::result(1), kNow);
    CHECK_FALSE(rig.knows("edge_probe_success"));
    rig.series.take(SeriesRig::finished(1), kNow);
    CHECK(rig.says("edge_probe_rtt_seconds_count{" + labels() + "} 1"));
    auto superseded = SeriesRig::result(1);
    superseded.superseded = true;
    rig.series.take(superseded, kNow);
    rig.series.take(SeriesRig::finished(1), kNow);
    CHECK(rig.says("edge_probe_rtt_seconds_count{" + labels() + "} 1"));
}

TEST_CASE("running runs and their open tasks are counted, finished ones once") {
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1, 3), kNow);
    CHECK(rig.says("edge_broker_runs_running 1"));
    CHECK(rig.says("edge_broker_open_tasks 3"));
    rig.series.take(SeriesRig::finished(1), kNow);
    rig.series.take(SeriesRig::finished(1), kNow);  // a late result moved it again
    CHECK(rig.says("edge_broker_runs_running 0"));
    CHECK(rig.says("edge_broker_runs_finished_total 1"));
}

TEST_CASE("a run that is left out makes no series, before and after its results") {
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1), kNow);
    rig.series.leave_out(FakeDomain::id<RunId>(1));
    rig.series.take(SeriesRig::result(1), kNow);
    rig.series.take(SeriesRig::finished(1), kNow);
    CHECK_FALSE(rig.knows("edge_probe_success"));
}

TEST_CASE("series go 15 minutes after the last result, with their line, and with their node") {
    for (const bool old : {false, true}) {
        SeriesRig rig;
        rig.series.take(SeriesRig::run(1), kNow);
        rig.series.take(SeriesRig::result(1), kNow);
        rig.series.retire(SeriesRig::nodes(), kNow + (old ? 15 * kMinute + 1 : 15 * kMinute));
        CHECK(rig.knows("edge_probe_success") == !old);
    }
    const auto gone_with = [](auto change) {
        SeriesRig rig;
        rig.series.take(SeriesRig::run(1), kNow);
        rig.series.take(SeriesRig::result(1), kNow);
        auto nodes = SeriesRig::nodes();
        change(nodes);
        rig.series.retire(nodes, kNow);
        return !rig.knows("edge_probe_success");
    };
    CHECK_FALSE(gone_with([](auto&) {}));
    CHECK(gone_with([](auto& nodes) { nodes.clear(); }));
    CHECK(gone_with([](auto& nodes) { nodes[0].lines.clear(); }));
    CHECK(gone_with([](auto& nodes) { nodes[0].state = NodeState::revoked; }));
}

TEST_CASE("beyond the cap results are counted instead, until older ones have gone") {
    SeriesRig rig;
    const auto one = [&](std::uint8_t number, WallTime now) {
        RunView run = SeriesRig::run(number);
        run.target = "198.51.100." + std::to_string(number);
        rig.series.take(run, now);
        rig.series.take(SeriesRig::result(number), now);
    };
    for (std::uint8_t i = 1; i <= 12; ++i) one(i, kNow);
    CHECK(rig.series.seen().size() == 10);
    CHECK(rig.series.dropped() == 2);
    one(13, kNow + 16 * kMinute);
    CHECK(rig.series.dropped() == 2);
    CHECK(rig.series.seen().size() == 1);
}

TEST_CASE("discovery lists nodes, lines and targets, each with its labels; none is an empty list") {
    const auto nodes = SeriesRig::nodes();
    CHECK(nodes_discovered({}) == "[]");
    CHECK(lines_discovered({}) == "[]");
    CHECK(targets_discovered({}) == "[]");
    const Json line = parse_json(lines_discovered(nodes)).value().at(0);
    CHECK(line["targets"] == Json::array({"gz-1/telecom"}));
    CHECK(line["labels"]["__meta_edge_label_city"] == "guangzhou");
    CHECK(line["labels"]["__meta_edge_carrier"] == "ct");
    CHECK(line["labels"]["__meta_edge_node_state"] == "enrolled");
    CHECK(parse_json(nodes_discovered(nodes)).value().at(0)["targets"] == Json::array({"gz-1"}));
    SeriesRig rig;
    rig.series.take(SeriesRig::run(1), kNow);
    rig.series.take(SeriesRig::result(1), kNow);
    const Json target = parse_json(targets_discovered(rig.series.seen())).value().at(0);
    CHECK(target["targets"] == Json::array({"198.51.100.10"}));
    CHECK(target["labels"]["__meta_edge_service"] == "ping");
    CHECK(label_name("a-b.c/d e") == "a_b_c_d_e");
}

}  // namespace edge::broker::prometheus
