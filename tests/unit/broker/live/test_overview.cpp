#include <doctest/doctest.h>

#include "../fake_domain.hpp"
#include "broker/live/overview.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

constexpr std::uint64_t kMinute = 60'000'000;

std::shared_ptr<NodeView> node(std::uint8_t number, const std::string& province, NodeState state,
                               std::vector<std::pair<std::string, link::LineState>> lines) {
    auto view = std::make_shared<NodeView>();
    view->node = {FakeDomain::id<NodeId>(number), FakeDomain::node_name(("n-" + std::to_string(number)).c_str())};
    view->state = state;
    if (!province.empty()) view->labels["province"] = province;
    for (const auto& [carrier, line_state] : lines) {
        link::LineReport line;
        line.name = FakeDomain::line_name(carrier.c_str());
        line.carrier = carrier;
        line.state = line_state;
        view->lines.push_back(line);
    }
    return view;
}

Json at(const live::Overview& overview, std::uint64_t now) {
    return parse_json(overview.text(now)).value();
}

}  // namespace

TEST_CASE("every state that a node can have is counted") {
    live::Overview overview;
    std::uint8_t number = 0;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<NodeState>>(
        [&](auto state) { overview.node(node(++number, "", state.value, {})); });
    const Json nodes = at(overview, kMinute)["nodes"];
    CHECK(nodes["total"] == number);
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<NodeState>>(
        [&](auto state) { CHECK(nodes[state.name] == 1); });
}

TEST_CASE("nodes and lines are counted as they are now, whatever they were before") {
    using link::LineState;
    live::Overview overview;
    overview.node(node(1, "guangdong", NodeState::connected, {{"ct", LineState::up}, {"cu", LineState::down}}));
    overview.node(node(2, "guangdong", NodeState::connected, {{"ct", LineState::degraded}}));
    overview.node(node(3, "", NodeState::enrolled, {}));
    Json json = at(overview, kMinute);
    CHECK(json["nodes"]["total"] == 3);
    CHECK(json["nodes"]["connected"] == 2);
    CHECK(json["nodes"]["enrolled"] == 1);
    CHECK(json["lines"]["total"] == 3);
    REQUIRE(json["cells"].size() == 2);
    CHECK(json["cells"][0]["carrier"] == "ct");
    CHECK(json["cells"][0]["lines"] == 2);
    CHECK(json["cells"][0]["degraded"] == 1);
    CHECK(json["cells"][0]["rtt_us"].is_null());
    // It leaves, loses a line and moves.
    auto moved = node(1, "shanghai", NodeState::disconnected, {{"ct", LineState::unknown}});
    moved->busy = "memory";
    overview.node(moved);
    json = at(overview, kMinute);
    CHECK(json["nodes"]["total"] == 3);
    CHECK(json["nodes"]["connected"] == 1);
    CHECK(json["nodes"]["disconnected"] == 1);
    CHECK(json["nodes"]["busy"] == 1);
    CHECK(json["lines"]["total"] == 2);
    CHECK(json["lines"]["up"] == 0);
    REQUIRE(json["cells"].size() == 2);
    CHECK(json["cells"][1]["province"] == "shanghai");
    CHECK(json["cells"][1]["unknown"] == 1);
}

TEST_CASE("round trip and loss are means of the last five minutes, and nobody's nonsense") {
    live::Overview overview;
    overview.node(node(7, "guangdong", NodeState::connected, {{"ct", link::LineState::up}}));
    auto result = FakeDomain::result_of(FakeDomain::id<RunId>(1), FakeDomain::id<TaskId>(1), 1);
    const auto add = [&](std::optional<std::uint64_t> rtt_us, std::optional<double> loss, std::uint64_t now) {
        result.result.summary.rtt_us = rtt_us;
        result.result.summary.loss = loss;
        overview.result(result, now);
    };
    add(10'000, 0.0, kMinute);
    add(20'000, 25.0, kMinute);
    add(~std::uint64_t{0}, -1.0, kMinute);
    add({}, 1e300, kMinute);
    Json json = at(overview, kMinute);
    CHECK(json["cells"][0]["rtt_us"] == 15'000);
    CHECK(json["cells"][0]["loss_permille"] == 125);
    CHECK(json["results"]["total"] == 4);
    CHECK(json["results"]["per_s"] == 0.4);
    add(40'000, {}, 4 * kMinute);
    CHECK(at(overview, 4 * kMinute)["cells"][0]["rtt_us"] == 23'333);
    CHECK(at(overview, 8 * kMinute)["cells"][0]["rtt_us"] == 40'000);
    json = at(overview, 12 * kMinute);
    CHECK(json["cells"][0]["rtt_us"].is_null());
    CHECK(json["results"]["per_s"] == 0.0);
    CHECK(json["results"]["total"] == 5);
}

TEST_CASE("runs that go on are counted once") {
    live::Overview overview;
    RunView run;
    run.id = FakeDomain::id<RunId>(1);
    overview.run(run);
    overview.run(run);
    CHECK(at(overview, 1)["runs"]["running"] == 1);
    run.state = RunState::finished;
    overview.run(run);
    CHECK(at(overview, 1)["runs"]["running"] == 0);
}

TEST_CASE("what nodes call their carriers makes no more cells than there may be") {
    live::Overview overview;
    std::vector<std::pair<std::string, link::LineState>> lines;
    for (int i = 0; i < 2'000; ++i) lines.emplace_back("c" + std::to_string(i), link::LineState::up);
    overview.node(node(1, "x", NodeState::connected, lines));
    Json json = at(overview, 1);
    CHECK(json["cells"].size() <= live::Overview::kMostCells + 1);
    CHECK(json["lines"]["up"] == 2'000);
    overview.node(node(1, "x", NodeState::connected, {{"ct", link::LineState::up}, {"ct", link::LineState::up}}));
    json = at(overview, 1);
    REQUIRE(json["cells"].size() == 1);  // what is not said any more takes no place
    CHECK(json["cells"][0]["carrier"] == "ct");
    overview.node(node(1, "x", NodeState::connected, {}));
    CHECK(at(overview, 1)["lines"]["total"] == 0);
    overview.node(node(2, "y", NodeState::connected, {{"cu", link::LineState::up}}));
    CHECK(at(overview, 1)["cells"][0]["carrier"] == "cu");
}
