// What is told to those who follow all of it: nodes, runs and results, after their commit and not before.
#include <doctest/doctest.h>

#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

template <class T>
std::vector<std::shared_ptr<const T>> told(Rig& rig) {
    std::vector<std::shared_ptr<const T>> found;
    for (auto& one : rig.take<Told>()) {
        if (auto* event = std::get_if<std::shared_ptr<const T>>(&one.event)) found.push_back(*event);
    }
    return found;
}

}  // namespace

TEST_CASE("nobody follows: nothing is told") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    REQUIRE(rig.ping("line:telecom"));
    CHECK(rig.take<Told>().empty());
}

TEST_CASE("a node is told when it is enrolled, connects, changes a line, and leaves") {
    Rig rig;
    rig.fsm().follow();
    TestAgent agent(rig, rig.enroll("gz-1"));
    REQUIRE(told<NodeView>(rig).back()->state == NodeState::enrolled);
    agent.connect();
    CHECK(told<NodeView>(rig).back()->state == NodeState::connected);
    auto lines = agent.hello.lines;
    lines.at(0).state = link::LineState::down;
    agent.send({{link::Lines{lines}, {}}});
    const auto changed = told<NodeView>(rig);
    REQUIRE(changed.size() == 1);
    CHECK(changed[0]->lines.at(0).state == link::LineState::down);
    agent.send({{link::Lines{lines}, {}}});  // as it was
    CHECK(told<NodeView>(rig).empty());
    agent.leave();
    const auto left = told<NodeView>(rig);
    REQUIRE(left.size() == 1);
    CHECK(left[0]->state == NodeState::disconnected);
    CHECK(left[0]->lines.at(1).state == link::LineState::unknown);
}

TEST_CASE("a run is told when it is made and when results move it on, each result once, none before its commit") {
    Rig rig;
    rig.fsm().follow();
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    rig.take<Told>();
    const auto run = rig.ping("all");
    REQUIRE(run);
    const auto made = told<RunView>(rig);
    REQUIRE(made.size() == 1);
    CHECK(made[0]->id == run.value().id);
    CHECK(made[0]->tasks.total == 3);
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 3);
    rig.hold_writes = true;
    agent.answer(tasks[0]);
    CHECK(rig.take<Told>().empty());
    rig.commit();
    auto events = rig.take<Told>();
    REQUIRE(events.size() == 2);
    CHECK(std::get<std::shared_ptr<const ResultView>>(events[0].event)->result.task_id == tasks[0].task_id);
    CHECK(std::get<std::shared_ptr<const RunView>>(events[1].event)->tasks.succeeded == 1);
    rig.hold_writes = false;
    agent.answer(tasks[1]);
    agent.answer(tasks[2], Status::failed);
    CHECK(told<RunView>(rig).back()->state == RunState::finished);
}

}  // namespace edge::broker
