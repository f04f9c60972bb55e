#include <doctest/doctest.h>

#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

/// The answer's counts, or none while it is awaited.
std::optional<RunView> cancel(Rig& rig, RunId run) {
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { CHECK(fsm.cancel_run(rig.ticket(), run, now, out)); });
    const auto answers = rig.take<JobAnswer>();
    if (answers.empty()) return std::nullopt;
    return answers.at(0).run.value();
}

}  // namespace

TEST_CASE("a run is canceled: what no node has ends at once, what runs is stopped where it runs") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect(link::Credit{2, 1 << 20});
    const RunView run = rig.ping("all").value();
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 2);
    agent.started(tasks[0]);
    agent.answer(tasks[1]);

    const RunView canceled = cancel(rig, run.id).value();
    CHECK(canceled.state == RunState::running);
    CHECK(canceled.tasks.canceled == 1);
    CHECK(canceled.tasks.running == 1);
    CHECK(rig.sent<link::CancelTask>(agent.session).empty());  // there is no credit for it
    agent.send({{link::Credit{9, 1 << 20}, {}}});
    const auto stops = rig.sent<link::CancelTask>(agent.session);
    REQUIRE(stops.size() == 1);
    CHECK(stops[0].n == 3);
    CHECK(stops[0].task_id == tasks[0].task_id);
    CHECK(stops[0].attempt == 1);
    CHECK(agent.tasks().empty());  // the third was never offered, and is not now

    agent.send({agent.result_of(tasks[0], Status::partial, "canceled")});
    const RunView done = rig.run(run.id);
    CHECK(done.state == RunState::finished);
    CHECK(done.tasks.canceled == 2);
    CHECK(done.tasks.succeeded == 1);
}

TEST_CASE("what is canceled is answered when it is in the store, and stays so after a restart") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.leave();
    const RunView run = rig.ping("all").value();
    rig.hold_writes = true;
    CHECK(!cancel(rig, run.id));
    rig.hold_writes = false;
    rig.commit();
    const auto answers = rig.take<JobAnswer>();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].run.value().state == RunState::finished);
    CHECK(answers[0].run.value().tasks.canceled == 3);
    rig.restart();
    CHECK(rig.run(run.id).tasks.canceled == 3);
    agent.connect();
    CHECK(agent.tasks().empty());
}

TEST_CASE("a run is canceled twice, and once it has finished it is the store's") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("telecom").value();
    const auto task = agent.tasks().at(0);
    agent.started(task);
    CHECK(cancel(rig, run.id).value().tasks.running == 1);
    CHECK(cancel(rig, run.id).value().tasks.running == 1);
    CHECK(rig.sent<link::CancelTask>(agent.session).size() == 1);  // it is told once
    agent.send({agent.result_of(task, Status::failed, "canceled")});
    CHECK(rig.run(run.id).state == RunState::finished);
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { CHECK(!fsm.cancel_run(rig.ticket(), run.id, now, out)); });
}

TEST_CASE("a canceled task whose node goes away is canceled; its welcome revokes it, and a result still counts") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("telecom").value();
    const auto task = agent.tasks().at(0);
    agent.started(task);
    bool left_first = false;
    SUBCASE("after it was told") {
        CHECK(cancel(rig, run.id).value().tasks.canceled == 0);
        agent.leave();
    }
    SUBCASE("before") {
        left_first = true;
        agent.leave();
        CHECK(cancel(rig, run.id).value().tasks.canceled == 1);
    }
    CAPTURE(left_first);
    CHECK(rig.run(run.id).state == RunState::finished);
    CHECK(rig.run(run.id).tasks.canceled == 1);
    agent.hello.running = {{task.task_id, task.attempt}};
    agent.connect();
    REQUIRE(agent.welcome.revoke.size() == 1);
    CHECK(agent.welcome.revoke[0].task_id == task.task_id);
    agent.answer(task);  // it was quicker
    CHECK(rig.run(run.id).tasks.succeeded == 1);
    CHECK(rig.run(run.id).tasks.canceled == 0);
}

TEST_CASE("a canceled task that never arrived is not offered again") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("telecom").value();
    REQUIRE(agent.tasks().size() == 1);
    agent.leave();
    auto answer = rig.join(agent.hello);  // not confirmed yet
    agent.welcome = std::get<link::Welcome>(answer);
    agent.session = agent.welcome.session_id;
    CHECK(cancel(rig, run.id).value().tasks.canceled == 1);
    agent.confirm();
    CHECK(agent.tasks().empty());
    CHECK(rig.run(run.id).state == RunState::finished);
}

TEST_CASE("a message that ends its session counts nothing that the store does not have") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("all").value();
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 3);
    for (const auto& task : tasks) agent.started(task);
    CHECK(cancel(rig, run.id).value().tasks.running == 3);
    const auto first = agent.result_of(tasks[0]);
    const auto second = agent.result_of(tasks[1]);
    rig.hold_writes = true;
    agent.send({first, second, {link::WorkAck{1'000'000}, {}}});  // the third is canceled with the session
    rig.commit_one();
    rig.restart();  // killed between two transactions
    CHECK(rig.store().run(run.id).value().value().tasks.succeeded == rig.store().all_results().size());
    rig.hold_writes = false;
    agent.hello.spool_first = 1;
    agent.hello.running = {};
    agent.connect();
    agent.send({first, second});
    const RunView after = rig.store().run(run.id).value().value();
    CHECK(after.tasks.succeeded == 2);
    CHECK(rig.store().all_results().size() == 2);
}

TEST_CASE("a canceled task that its node may hold a result of ends when the node's spool is read, not before") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("telecom").value();
    REQUIRE(agent.tasks().size() == 1);
    agent.leave();
    agent.hello.spool_first = 1;
    agent.hello.spool_last = 1;
    agent.connect();
    CHECK(cancel(rig, run.id).value().tasks.canceled == 0);
    rig.pass(6'000);  // the result does not come
    CHECK(agent.tasks().empty());
    CHECK(rig.run(run.id).tasks.canceled == 1);
}

}  // namespace edge::broker
