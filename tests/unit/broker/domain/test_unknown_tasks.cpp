#include <doctest/doctest.h>

#include <algorithm>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

/// Two nodes with three lines each; the first one has what it was given, and goes.
struct Gone {
    Rig rig;
    TestAgent gz{rig, rig.enroll("gz-1"), 1};
    TestAgent sh{rig, rig.enroll("sh-1", 2), 2};
    RunId run;
    link::Task task;

    Gone() {
        gz.connect();
        sh.connect();
    }
    void ask(WhenUnknown when, const std::string& selector = "node:gz-1 telecom limit:1") {
        JobRequest request = ping_job(selector);
        request.terms.when_unknown = when;
        request.terms.start_within_ms = 600'000;
        run = rig.create(request).value().id;
        task = gz.tasks().at(0);
        gz.accept(task.n);
        gz.started(task);
        gz.leave();
    }
    TaskCounts counts() { return rig.run(run).tasks; }
};

constexpr std::uint64_t kLeaseMs = 30'000;

}  // namespace

TEST_CASE("a task of a node that is gone waits for it, if nothing else was said") {
    Gone it;
    it.ask(WhenUnknown::wait);
    it.rig.pass(kLeaseMs * 2);
    CHECK(it.counts().running == 1);
    it.gz.hello.running = {{it.task.task_id, 1}};
    it.gz.connect();
    it.gz.answer(it.task);
    CHECK(it.counts().succeeded == 1);
}

TEST_CASE("a task that is not waited for is lost when the lease has passed, and not before") {
    Gone it;
    it.ask(WhenUnknown::fail);
    it.rig.pass(kLeaseMs - 1);
    CHECK(it.counts().running == 1);
    SUBCASE("its node does not come") {
        it.rig.pass(1);
        CHECK(it.counts().lost == 1);
        CHECK(it.rig.run(it.run).state == RunState::finished);
    }
    SUBCASE("its node comes back in time, and goes again") {
        it.gz.hello.running = {{it.task.task_id, 1}};
        it.gz.connect();
        it.rig.pass(kLeaseMs);
        CHECK(it.counts().running == 1);
        it.gz.leave();
        it.rig.pass(kLeaseMs - 1);
        CHECK(it.counts().running == 1);
        it.rig.pass(1);
        CHECK(it.counts().lost == 1);
    }
    SUBCASE("the broker is restarted meanwhile: the lease begins anew") {
        it.rig.restart();
        it.rig.pass(kLeaseMs - 1);
        CHECK(it.counts().running == 1);
        it.rig.pass(1);
        CHECK(it.counts().lost == 1);
    }
}

TEST_CASE(
    "a result that comes after all takes the place of what was thought lost, once, and its node is told to stop") {
    Gone it;
    it.ask(WhenUnknown::fail);
    it.rig.pass(kLeaseMs);
    REQUIRE(it.counts().lost == 1);
    it.gz.hello.running = {{it.task.task_id, 1}};
    it.gz.connect();
    CHECK(it.gz.welcome.revoke == std::vector<link::AttemptRef>{{it.task.task_id, 1}});
    it.gz.answer(it.task);
    CHECK(it.counts().lost == 0);
    CHECK(it.counts().succeeded == 1);
}

TEST_CASE("another line of another node is asked in its place, of the same carrier, and both results are kept") {
    Gone it;
    it.ask(WhenUnknown::elsewhere, "all limit:1");
    REQUIRE(it.sh.tasks().empty());
    it.rig.pass(kLeaseMs);
    CHECK(it.counts().total == 2);
    CHECK(it.counts().lost == 1);
    const auto asked = it.sh.tasks();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].run_id == it.run);
    CHECK(asked[0].task_id != it.task.task_id);
    CHECK(asked[0].line == it.task.line);
    CHECK(asked[0].params == it.task.params);
    it.sh.answer(asked[0]);
    CHECK(it.rig.run(it.run).state == RunState::finished);
    CHECK(it.counts().succeeded == 1);
    it.gz.connect();
    it.gz.answer(it.task);
    CHECK(it.counts().succeeded == 2);
    CHECK(it.rig.store().all_results().size() == 2);
}

TEST_CASE("what goes elsewhere is in the store before a node hears of it") {
    Gone it;
    it.ask(WhenUnknown::elsewhere, "all limit:1");
    it.rig.hold_writes = true;
    it.rig.pass(kLeaseMs);
    CHECK(it.sh.tasks().empty());
    SUBCASE("and goes there") {
        it.rig.commit();
        CHECK(it.sh.tasks().size() == 1);
    }
    SUBCASE("or, when the broker dies first, begins anew") {
        it.rig.restart();
        it.rig.hold_writes = false;
        CHECK(it.counts().total == 1);
        it.sh.connect();
        it.rig.pass(kLeaseMs);
        CHECK(it.sh.tasks().size() == 1);
        CHECK(it.counts().total == 2);
    }
}

TEST_CASE("what becomes of a run while a task of it goes elsewhere holds for that task") {
    Gone it;
    it.ask(WhenUnknown::elsewhere, "all limit:1");
    it.rig.hold_writes = true;
    it.rig.pass(kLeaseMs);
    SUBCASE("it is canceled") {
        it.rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.cancel_run(it.rig.ticket(), it.run, now, out); });
        it.rig.commit();
        CHECK(it.counts().canceled == 1);
    }
    SUBCASE("its time to begin passes") {
        it.rig.pass(600'000);
        it.rig.commit();
        CHECK(it.counts().expired == 1);
    }
    it.rig.hold_writes = false;
    it.rig.commit();
    CHECK(it.sh.tasks().empty());
    CHECK(it.rig.run(it.run).state == RunState::finished);
}

TEST_CASE("a line that is down, and a node that is about to stop, are no other lines") {
    Gone it;
    it.ask(WhenUnknown::elsewhere, "telecom limit:1");
    SUBCASE("down") {
        auto lines = it.sh.hello.lines;
        for (auto& line : lines) line.state = link::LineState::down;
        it.sh.send({{link::Lines{lines}, {}}});
    }
    SUBCASE("about to stop") {
        it.sh.send({{link::Goaway{}, {}}});
    }
    it.rig.pass(kLeaseMs);
    CHECK(it.counts().total == 1);
    CHECK(it.counts().lost == 0);
}

TEST_CASE("many tasks that go elsewhere are spread over the nodes that are there, in more than one turn") {
    Gone it;
    TestAgent xa{it.rig, it.rig.enroll("xa-1", 3), 3};
    xa.connect();
    constexpr std::size_t kRuns = 100;
    JobRequest request = ping_job("telecom limit:1");
    request.terms.when_unknown = WhenUnknown::elsewhere;
    for (std::size_t i = 0; i < kRuns; ++i) (void)it.rig.create(request);
    REQUIRE(it.gz.tasks().size() == kRuns);
    it.gz.leave();
    it.rig.pass(kLeaseMs);
    it.rig.pass(1'000);
    const std::size_t of_sh = it.sh.tasks().size(), of_xa = xa.tasks().size();
    CHECK(of_sh + of_xa == kRuns);
    CHECK(std::min(of_sh, of_xa) >= kRuns * 2 / 5);  // to one node a turn it would be 36
}

TEST_CASE("where there is no other line, or no time to begin, its own node is waited for") {
    Gone it;
    SUBCASE("the selector names no other node") {
        it.ask(WhenUnknown::elsewhere);
    }
    SUBCASE("the other node is gone, too") {
        it.ask(WhenUnknown::elsewhere, "telecom limit:1");
        it.sh.leave();
    }
    SUBCASE("the run asks that line already") {
        it.ask(WhenUnknown::elsewhere, "telecom");
    }
    const std::uint32_t asked = it.counts().total;
    it.rig.pass(kLeaseMs);
    CHECK(it.counts().lost == 0);
    CHECK(it.counts().total == asked);
}

TEST_CASE("tasks of one line go to one other line together, those of two to two") {
    Gone it;
    JobRequest request = ping_job("node:gz-1");
    request.terms.when_unknown = WhenUnknown::elsewhere;
    request.terms.repeat = 2;
    request.selector = "all limit:2";
    it.run = it.rig.create(request).value().id;
    const auto of_gz = it.gz.tasks();
    const auto of_sh = it.sh.tasks();
    REQUIRE(of_gz.size() + of_sh.size() == 4);
    it.gz.leave();
    it.rig.pass(kLeaseMs);
    const auto instead = it.sh.tasks();
    CHECK(instead.size() == of_gz.size());
    for (const auto& one : instead)
        CHECK(std::ranges::none_of(of_sh, [&](const link::Task& asked) { return asked.line == one.line; }));
}

TEST_CASE("a recurring job waits, and says so; a limit that cannot be is refused") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    JobRequest request = ping_job("all");
    request.terms.run_within_ms = 999;
    CHECK(rig.create(request).error().where == "/run_within_ms");
    request.terms.run_within_ms = 1'500;
    CHECK(rig.create(request).has_value());
    CHECK(agent.tasks().at(0).run_within_ms == 1'500);
    request.terms.run_within_ms = 3'600'000;  // longer than the probe may take: no matter
    CHECK(rig.create(request).value().timeouts.start_to_close_ms == 9'600);
    request.schedule.emplace();
    request.schedule->when.every_ms = 60'000;
    request.terms.when_unknown = WhenUnknown::fail;
    CHECK(rig.plan(request).error().where == "/when_unknown");
}

TEST_CASE("a run says its deadlines by name, in memory and from the store") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    JobRequest request = ping_job("telecom");
    request.terms.start_within_ms = 20'000;
    const RunView run = rig.create(request).value();
    CHECK(run.timeouts == Timeouts{20'000, 5'000, 9'600, 39'600});
    CHECK(rig.store().run(run.id).value()->timeouts == run.timeouts);
}

}  // namespace edge::broker
