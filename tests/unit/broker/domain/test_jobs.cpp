#include <doctest/doctest.h>

#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

JobRequest keyed(const std::string& key, std::uint8_t fingerprint) {
    JobRequest request = ping_job("all");
    request.idempotency_key = key;
    request.fingerprint[0] = fingerprint;
    return request;
}

}  // namespace

TEST_CASE("a job becomes a run with a task for each chosen line, in one transaction") {
    Rig rig;
    TestAgent one(rig, rig.enroll("gz-1"));
    TestAgent two(rig, rig.enroll("sh-1"), 2);
    one.connect();
    two.connect();
    const auto before = rig.store().transactions();
    const RunView run = rig.ping("-mobile").value();
    CHECK(rig.store().transactions() == before + 1);
    CHECK(run.tasks.total == 4);
    CHECK(run.target == "198.51.100.10");
    CHECK(run.selector == "-mobile");
    CHECK(one.tasks().size() == 2);
    CHECK(two.tasks().size() == 2);
    CHECK(rig.store().job(run.job_id).value()->last_run == run.id);
}

TEST_CASE("a job that cannot be says why, and leaves nothing behind") {
    Rig rig;
    CHECK(rig.ping("all").error().detail == "there is no node yet; edgectl token create says how one is enrolled");
    TestAgent agent(rig, rig.enroll("gz-1"));
    auto lines = std::exchange(agent.hello.lines, {});
    agent.connect();
    CHECK(rig.ping("all").error().code == Errc::not_found);
    CHECK(rig.ping("all").error().detail.find("is edge-launcher running on gz-1") != std::string::npos);
    agent.hello.lines = std::move(lines);
    agent.connect();
    CHECK(rig.ping("carrier:").error().code == Errc::bad_value);
    CHECK(rig.ping("").error().where == "/selector");
    const auto near = rig.ping("carrier:ctt").error();
    CHECK(near.code == Errc::not_found);
    CHECK(near.detail.find("did you mean \"carrier:ct\"") != std::string::npos);
    JobRequest request = ping_job("all");
    request.terms.start_within_ms = 86'400'001;
    CHECK(rig.create(request).error().where == "/start_within_ms");
    CHECK(rig.store().runs({}, {}).value().items.empty());
}

TEST_CASE("a job that the store has no room for is refused, and nothing is offered") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(rig.ticket(), ping_job("all"), now, out); });
    CHECK(agent.tasks().empty());
    rig.refuse();
    const auto answers = rig.take<JobAnswer>();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].run.error().code == Errc::unavailable);
    CHECK(agent.tasks().empty());
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("open tasks are bounded, those that are being written among them") {
    DomainOptions options;
    options.open_tasks = 5;
    Rig rig(options);
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    SUBCASE("while the first run is being written") {
        rig.hold_writes = true;
        rig.act(
            [&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(rig.ticket(), ping_job("all"), now, out); });
        const auto refused = rig.ping("all");
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == Errc::too_large);
        rig.refuse();
        rig.hold_writes = false;
        (void)rig.take<JobAnswer>();
        CHECK(rig.ping("all").has_value());
    }
    SUBCASE("until some have ended") {
        REQUIRE(rig.ping("all").has_value());
        const auto refused = rig.ping("all");
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == Errc::too_large);
        CHECK(refused.error().detail.find("[broker] open_tasks is 5") != std::string::npos);
        CHECK(rig.ping("-mobile").has_value());
        for (const auto& task : agent.tasks()) agent.answer(task);
        CHECK(rig.ping("all").has_value());
    }
}

TEST_CASE("an idempotency key makes one run of many requests") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunId first = rig.create(keyed("k", 1)).value().id;
    SUBCASE("while the run goes on") {
        CHECK(rig.create(keyed("k", 1)).value().tasks.running == 3);
    }
    SUBCASE("when it is finished") {
        for (const auto& task : agent.tasks()) agent.answer(task);
        CHECK(rig.create(keyed("k", 1)).value().state == RunState::finished);
    }
    SUBCASE("after a restart") {
        rig.restart();
    }
    CHECK(rig.create(keyed("k", 1)).value().id == first);
    CHECK(rig.create(keyed("k", 2)).error().code == Errc::conflict);
    CHECK(rig.store().runs({}, {}).value().items.size() == 1);
    CHECK(rig.create(keyed("other", 1)).value().id != first);
    rig.pass(86'400'001);
    CHECK(rig.create(keyed("k", 2)).value().id != first);  // a day later the key is free
}

TEST_CASE("who is away is told again with the run of a key") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.leave();
    CHECK(rig.create(keyed("k", 1)).value().notes.away_total == 1);
    CHECK(rig.create(keyed("k", 1)).value().notes.away_total == 1);
    agent.connect();
    CHECK(rig.create(keyed("k", 1)).value().notes.away_total == 0);
}

TEST_CASE("requests with one key that come at once share one run") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    rig.hold_writes = true;
    for (int i = 0; i < 3; ++i) {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(rig.ticket(), keyed("k", 1), now, out); });
    }
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(rig.ticket(), keyed("k", 2), now, out); });
    const auto refused = rig.take<JobAnswer>();
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].run.error().code == Errc::conflict);
    rig.commit();
    const auto answers = rig.take<JobAnswer>();
    REQUIRE(answers.size() == 3);
    for (const auto& answer : answers) CHECK(answer.run.value().id == answers[0].run.value().id);
    CHECK(rig.store().runs({}, {}).value().items.size() == 1);
}

TEST_CASE("a refused job frees its key") {
    Rig rig;
    CHECK(rig.create(keyed("k", 1)).error().code == Errc::not_found);
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    CHECK(rig.create(keyed("k", 2)).has_value());
}

TEST_CASE("a run in the middle completes after a restart of the broker") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect(link::Credit{2, 1 << 20});
    const RunId run = rig.ping("all").value().id;
    auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 2);
    agent.accept(2);
    agent.answer(tasks[0]);
    agent.hello.work_last = 2;
    agent.hello.running = {{tasks[1].task_id, 1}};
    rig.restart();
    CHECK(rig.run(run).tasks.succeeded == 1);
    agent.hello.spool_last = 1;
    agent.connect();
    CHECK(agent.welcome.results_acked == 1);
    const auto rest = agent.tasks();
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].n == 3);
    agent.answer(tasks[1]);
    agent.answer(rest[0]);
    CHECK(rig.run(run).state == RunState::finished);
    CHECK(rig.run(run).tasks.succeeded == 3);
    CHECK(rig.store().all_results().size() == 3);
}

TEST_CASE("tasks that the store has are shown as they are now, as long as their run goes on") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunId run = rig.ping("all").value().id;
    const auto tasks = agent.tasks();
    agent.started(tasks[1]);
    auto page = rig.store().tasks(run, PageRequest{2, {}}).value();
    REQUIRE(page.items.size() == 2);
    CHECK(page.items[1].state == TaskState::queued);
    CHECK(rig.fsm().bring_up_to_date(run, page.items));
    CHECK(page.items[0].state == TaskState::leased);
    CHECK(page.items[1].state == TaskState::running);
    for (const auto& task : tasks) agent.answer(task);
    CHECK(!rig.fsm().bring_up_to_date(run, page.items));
}

}  // namespace edge::broker
