#include <doctest/doctest.h>

#include <set>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

TaskState state_of(Rig& rig, const link::Task& task) {
    for (const auto& one : rig.fsm().active(task.run_id)->tasks) {
        if (one.id == task.task_id) return one.state;
    }
    FAIL("no such task");
    return TaskState::lost;
}

}  // namespace

TEST_CASE("a task goes from queued over leased and running to succeeded") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView created = rig.ping("telecom").value();
    CHECK(created.tasks.total == 1);
    CHECK(created.tasks.queued == 1);
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0].n == 1);
    CHECK(tasks[0].attempt == 1);
    CHECK(tasks[0].line.text() == "telecom");
    CHECK(tasks[0].run_id == created.id);
    CHECK(tasks[0].service == Service::ping);
    CHECK(tasks[0].params.at("target") == "198.51.100.10");
    CHECK(tasks[0].start_within_ms == 60'000);
    CHECK(tasks[0].run_within_ms == 5'000 + 3 * 200 + 2'000 + 2'000);
    CHECK(state_of(rig, tasks[0]) == TaskState::leased);
    agent.accept(1);
    CHECK(state_of(rig, tasks[0]) == TaskState::leased);
    agent.started(tasks[0]);
    CHECK(state_of(rig, tasks[0]) == TaskState::running);
    CHECK(rig.run(created.id).tasks.running == 1);
    agent.answer(tasks[0]);
    CHECK(agent.acked() == 1);
    const RunView done = rig.run(created.id);
    CHECK(done.state == RunState::finished);
    CHECK(done.tasks.succeeded == 1);
    CHECK(done.finished_at == rig.now().wall);
    CHECK(rig.fsm().active_runs() == 0);
    rig.pass(1'000);
    CHECK(!rig.fsm().next_deadline());
}

TEST_CASE("offers stay within the agent's credit, and go on when there is more") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect(link::Credit{2, 1 << 20});
    (void)rig.ping("all");
    CHECK(agent.tasks().size() == 2);
    agent.accept(2);
    CHECK(agent.tasks().empty());
    agent.send({{link::Credit{3, 1 << 20}, {}}});
    const auto rest = agent.tasks();
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].n == 3);
}

TEST_CASE("bytes of offers that are not acknowledged are bounded too, but one always fits") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect(link::Credit{100, 10});
    (void)rig.ping("all");
    CHECK(agent.tasks().size() == 1);
    agent.accept(1);
    CHECK(agent.tasks().size() == 1);
}

TEST_CASE("an agent that says goaway is offered nothing more") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.send({{link::Goaway{}, {}}});
    (void)rig.ping("all");
    CHECK(agent.tasks().empty());
}

TEST_CASE("a task of a node that is away waits, and is expired when nobody came for it") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.leave();
    const RunView run = rig.ping("all").value();
    SUBCASE("it comes in time") {
        rig.pass(30'000);
        agent.connect();
        const auto tasks = agent.tasks();
        REQUIRE(tasks.size() == 3);
        CHECK(tasks[0].start_within_ms == 30'000);
    }
    SUBCASE("it does not come") {
        rig.pass(59'999);
        CHECK(rig.run(run.id).tasks.queued == 3);
        rig.pass(1);
        CHECK(rig.run(run.id).tasks.expired == 3);
        CHECK(rig.run(run.id).state == RunState::finished);
        agent.connect();
        CHECK(agent.tasks().empty());
    }
    SUBCASE("the broker is restarted meanwhile: the node's hello tells that it had none of them") {
        rig.pass(30'000);
        rig.restart();
        rig.pass(30'000);
        CHECK(rig.run(run.id).tasks.queued == 3);
        agent.connect();
        CHECK(agent.tasks().empty());
        CHECK(rig.run(run.id).tasks.expired == 3);
    }
    SUBCASE("the broker is restarted meanwhile, and nothing ever tells") {
        rig.pass(30'000);
        rig.restart();
        rig.pass(600'000);
        CHECK(rig.run(run.id).tasks.lost == 3);
        CHECK(rig.fsm().active_runs() == 0);
    }
}

TEST_CASE("a broker killed before it wrote its offers, and away beyond their time, takes the results as they are") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunId run = rig.ping("-mobile").value().id;
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 2);
    agent.accept(2);
    agent.hello.work_last = 2;
    rig.set_wall(rig.now().wall + 61'000'000);
    rig.restart();
    rig.pass(1);
    CHECK(rig.run(run).tasks.expired == 0);
    const auto answered = agent.result_of(tasks[0]);  // it waits in the spool
    agent.hello.spool_first = 1;
    agent.hello.running = {{tasks[1].task_id, 1}};
    agent.connect();
    CHECK(agent.welcome.revoke.empty());
    agent.send({answered});
    CHECK(agent.tasks().empty());
    agent.answer(tasks[1]);
    CHECK(agent.acked() == 2);
    CHECK(rig.run(run).tasks.succeeded == 2);
    CHECK(rig.run(run).tasks.expired == 0);
    CHECK(rig.fsm().counters().superseded == 0);
}

TEST_CASE("an offer that is not acknowledged in time counts as queued, and is leased when the acknowledgement comes") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("telecom");
    const auto task = agent.tasks().at(0);
    rig.pass(4'999);
    CHECK(state_of(rig, task) == TaskState::leased);
    rig.pass(1);
    CHECK(state_of(rig, task) == TaskState::queued);
    CHECK(agent.tasks().empty());
    agent.accept(1);
    CHECK(state_of(rig, task) == TaskState::leased);
}

TEST_CASE("an offer that was lost with its session is made again with the same attempt") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("telecom");
    const auto first = agent.tasks().at(0);
    SUBCASE("unanswered for long") {
        rig.pass(6'000);
    }
    SUBCASE("at once") {}
    agent.leave();
    CHECK(state_of(rig, first) == TaskState::unknown);
    agent.connect();
    const auto again = agent.tasks();
    REQUIRE(again.size() == 1);
    CHECK(again[0].task_id == first.task_id);
    CHECK(again[0].attempt == first.attempt);
    CHECK(state_of(rig, first) == TaskState::leased);
}

TEST_CASE("a task that the agent says is running is not offered again") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("all");
    const auto tasks = agent.tasks();
    agent.accept(3);
    agent.hello.work_last = 3;
    agent.hello.running = {{tasks[0].task_id, 1}, {tasks[2].task_id, 1}};
    agent.hello.spool_first = 1;
    agent.hello.spool_last = 1;  // the result of tasks[1]
    SUBCASE("after a lost connection") {
        agent.leave();
    }
    SUBCASE("after a restart of the broker") {
        rig.restart();
    }
    SUBCASE("after a restart that knows of the offers") {
        rig.pass(1'000);
        rig.restart();
    }
    agent.connect();
    CHECK(agent.welcome.work_from == 4);
    CHECK(agent.welcome.revoke.empty());
    CHECK(state_of(rig, tasks[0]) == TaskState::running);
    agent.last_n = 0;
    agent.answer(tasks[1]);
    agent.answer(tasks[0]);
    agent.answer(tasks[2]);
    CHECK(rig.run(tasks[0].run_id).tasks.succeeded == 3);
    CHECK(rig.run(tasks[0].run_id).state == RunState::finished);
}

TEST_CASE("what the spool may still answer is offered again only when the spool is drained") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("all");
    const auto tasks = agent.tasks();
    agent.leave();
    agent.hello.spool_first = 1;
    agent.hello.spool_last = 1;  // one result that never arrived; two offers that never arrived there
    agent.connect();
    CHECK(agent.tasks().empty());
    SUBCASE("the result comes") {
        agent.last_n = 0;
        agent.answer(tasks[1]);
        const auto again = agent.tasks();
        REQUIRE(again.size() == 2);
        CHECK(std::set{again[0].task_id, again[1].task_id} == std::set{tasks[0].task_id, tasks[2].task_id});
    }
    SUBCASE("nothing comes for long") {
        rig.pass(5'000);
        CHECK(agent.tasks().size() == 3);
    }
}

TEST_CASE("attempts that nobody wants any more are revoked in the welcome") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.running = {{samples::id<TaskId>(1), 1}};
    agent.connect();
    CHECK(agent.welcome.revoke == std::vector<link::AttemptRef>{{samples::id<TaskId>(1), 1}});
}

TEST_CASE("a node that lost its disk gets its tasks as new attempts") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("telecom");
    const auto first = agent.tasks().at(0);
    agent.leave();
    agent.hello.spool_id = samples::id<SpoolId>(2);
    SUBCASE("at once") {}
    SUBCASE("it stopped once more before it confirmed") {
        (void)rig.join(agent.hello);
    }
    SUBCASE("the broker stopped before it confirmed") {
        rig.pass(1'000);
        (void)rig.join(agent.hello);
        rig.restart();
    }
    agent.connect();
    const auto again = agent.tasks();
    REQUIRE(again.size() == 1);
    CHECK(again[0].task_id == first.task_id);
    CHECK(again[0].attempt == 2);
    agent.answer(again[0]);
    CHECK(rig.run(first.run_id).tasks.succeeded == 1);
    CHECK(rig.store().tasks(first.run_id, {}).value().items[0].attempt == 2);
}

TEST_CASE("a task without a result is lost after start, run and margin; a late result replaces that") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunView run = rig.ping("telecom").value();
    const auto task = agent.tasks().at(0);
    agent.accept(1);
    agent.started(task);
    SUBCASE("connected: it is told to stop") {}
    SUBCASE("away") {
        agent.leave();
    }
    SUBCASE("the broker was restarted") {
        rig.pass(2'000);
        rig.restart();
    }
    const std::uint64_t left_ms = (rig.fsm().active(run.id)->close_deadline - rig.now().mono) / 1'000;
    CHECK(rig.now().wall + left_ms * 1'000 == run.created_at + (60'000ULL + task.run_within_ms + 10'000) * 1'000);
    rig.pass(left_ms - 1);
    CHECK(rig.run(run.id).state == RunState::running);
    rig.pass(1);
    CHECK(rig.run(run.id).state == RunState::finished);
    CHECK(rig.run(run.id).tasks.lost == 1);
    const auto canceled = rig.sent<link::CancelTask>(agent.session);
    CHECK(canceled.size() <= 1);
    agent.connect();
    agent.answer(task);
    CHECK(agent.acked() == 1);
    const RunView after = rig.run(run.id);
    CHECK(after.tasks.lost == 0);
    CHECK(after.tasks.succeeded == 1);
    CHECK(after.state == RunState::finished);
    CHECK(rig.store().results(run.id, {}).value().items.at(0).superseded == false);
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("a lost task is canceled at the node") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("telecom");
    const auto task = agent.tasks().at(0);
    agent.accept(1);
    rig.pass(600'000);
    const auto canceled = rig.sent<link::CancelTask>(agent.session);
    REQUIRE(canceled.size() == 1);
    CHECK(canceled[0].task_id == task.task_id);
    CHECK(canceled[0].n == 2);
    agent.accept(2);
    CHECK(rig.take<CloseSession>().empty());
}

TEST_CASE("a clock that is set back or forward changes no deadline of a running broker") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.leave();
    const RunView run = rig.ping("telecom").value();
    rig.pass(10'000);
    rig.set_wall(rig.now().wall - 3'600'000'000);
    rig.pass(49'999);
    CHECK(rig.run(run.id).tasks.queued == 1);
    rig.set_wall(rig.now().wall + 7'200'000'000);
    CHECK(rig.run(run.id).tasks.queued == 1);
    rig.pass(1);
    CHECK(rig.run(run.id).tasks.expired == 1);
}

}  // namespace edge::broker
