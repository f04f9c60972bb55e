// Copies of results out of sequence, before those that they wait behind.
#include <doctest/doctest.h>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

/// A node with two results: the second waits for the first, which is not sent yet.
struct Behind {
    Rig rig;
    TestAgent agent{rig, rig.enroll("gz-1"), 1};
    RunId old_run, live_run;
    link::Received old, live;

    Behind() {
        agent.hello.spool_first = 1;
        agent.connect();
        old_run = rig.ping("telecom").value().id;
        old = agent.result_of(agent.tasks().at(0));
        live_run = rig.ping("unicom").value().id;
        live = agent.result_of(agent.tasks().at(0));
    }
    static link::Received early(const link::Received& received) {
        link::Received copy = received;
        auto& result = std::get<link::TaskResult>(copy.envelope);
        result.early = true;
        copy.bytes = link::encode_envelope(result, copy.detail).size();
        return copy;
    }
    bool is_over(RunId run) { return rig.run(run).state == RunState::finished; }
    std::size_t stored() { return rig.store().all_results().size(); }
};

}  // namespace

TEST_CASE("an early copy ends its task and is not acknowledged; in its turn it is no second result") {
    Behind it;
    it.agent.send({it.early(it.live)});
    CHECK(it.is_over(it.live_run));
    CHECK(!it.is_over(it.old_run));
    CHECK(it.agent.acked() == 0);
    CHECK(it.rig.fsm().counters().early == 1);
    CHECK(!it.rig.store().all_results().at(0).view->result.early.has_value());
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        it.rig.restart();
        it.agent.connect();
        it.agent.last_n = 2;
    }
    it.agent.send({it.old});
    CHECK(it.agent.acked() == 1);
    it.agent.send({it.live});
    CHECK(it.agent.acked() == 2);
    CHECK(it.is_over(it.old_run));
    CHECK(it.stored() == 2);
    CHECK(it.rig.run(it.live_run).tasks.succeeded == 1);
}

TEST_CASE("an early copy in one message with what is due, in any order, is stored once") {
    Behind it;
    SUBCASE("before it") {
        it.agent.send({it.early(it.live), it.old, it.live});
    }
    SUBCASE("behind it") {
        it.agent.send({it.old, it.live, it.early(it.live)});
    }
    SUBCASE("twice") {
        it.agent.send({it.early(it.live), it.early(it.live), it.old});
        it.agent.send({it.live});
    }
    CHECK(it.agent.acked() == 2);
    CHECK(it.stored() == 2);
}

TEST_CASE("an early copy does not wait for what has to be looked for in the store") {
    Behind it;
    it.agent.send({it.old});
    const link::Received late = it.live;
    const RunId run = it.rig.ping("mobile").value().id;
    const link::Received copy = it.early(it.agent.result_of(it.agent.tasks().at(0)));
    link::Received stranger = late;
    std::get<link::TaskResult>(stranger.envelope).task_id = samples::id<TaskId>(900);
    it.rig.hold_writes = true;
    SUBCASE("in the same message") {
        it.agent.send({stranger, copy});
    }
    SUBCASE("in one that waits behind it") {
        it.agent.send({stranger});
        it.agent.send({copy});
    }
    it.rig.commit_one();  // before the look is answered
    CHECK(it.is_over(run));
    CHECK(it.agent.acked() == 1);
    it.rig.commit();
    CHECK(it.agent.acked() == 2);
}

TEST_CASE("the id of a result that came early cannot be used again when its turn was") {
    Behind it;
    it.agent.send({it.early(it.live)});
    it.agent.send({it.old, it.live});
    REQUIRE(it.agent.acked() == 2);
    const RunId run = it.rig.ping("mobile").value().id;
    link::Received other = it.agent.result_of(it.agent.tasks().at(0));
    std::get<link::TaskResult>(other.envelope).rid = std::get<link::TaskResult>(it.live.envelope).rid;
    it.agent.send({other});
    CHECK(it.agent.acked() == 3);
    CHECK(!it.is_over(run));
    CHECK(it.stored() == 2);
}

TEST_CASE("what an early copy says is taken only where it is clear at once, and ends no session") {
    Behind it;
    link::Received copy = it.early(it.live);
    auto& result = std::get<link::TaskResult>(copy.envelope);
    SUBCASE("nobody's task") {
        result.task_id = samples::id<TaskId>(900);
    }
    SUBCASE("an attempt that was not made") {
        result.attempt = 2;
    }
    SUBCASE("the id of another result") {
        it.agent.send({it.old});
        result.rid = std::get<link::TaskResult>(it.old.envelope).rid;
    }
    SUBCASE("a number that was taken") {
        it.agent.send({it.old});
        result.n = 1;
    }
    const std::size_t before = it.stored();
    it.agent.send({copy});
    CHECK(it.stored() == before);
    CHECK(it.rig.take<CloseSession>().empty());
    CHECK(!it.is_over(it.live_run));
}

TEST_CASE("an early copy does not count as a byte or a number of what was granted, and is bounded by itself") {
    DomainOptions options;
    options.result_window = 1;
    options.result_window_bytes = 1'000;
    Rig rig(options);
    TestAgent agent(rig, rig.enroll("gz-1"), 1);
    agent.connect();
    JobRequest request = ping_job("telecom");
    request.terms.repeat = 1'000;
    (void)rig.create(request);
    rig.hold_writes = true;
    const auto tasks = agent.tasks();
    (void)agent.result_of(tasks.at(0));  // the first is never sent
    for (std::size_t i = 1; i < tasks.size(); ++i) {
        link::Received copy = Behind::early(agent.result_of(tasks[i]));
        copy.bytes = 1'024;
        agent.send({copy});
    }
    CHECK(rig.take<CloseSession>().empty());
    CHECK(rig.fsm().counters().early == 256);
    rig.commit();
    CHECK(rig.store().all_results().size() == 256);
}

}  // namespace edge::broker
