#include <doctest/doctest.h>

#include <set>

#include "protocol/schedule/plan_ids.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

JobRequest every(std::uint64_t ms, const std::string& selector = "all") {
    JobRequest request = ping_job(selector);
    request.schedule.emplace().when.every_ms = ms;
    return request;
}

/// An agent that keeps plans.
struct Planned {
    explicit Planned(Rig& rig, const std::string& name = "gz-1", std::uint64_t spool = 1)
        : agent(rig, rig.enroll(name), spool) {
        agent.hello.plans = link::plans_digest({});
    }
    TestAgent agent;
};

std::vector<RunView> runs_of(Rig& rig, JobId job) {
    RunFilter filter;
    filter.of_job = job;
    std::vector<RunView> all = rig.store().runs(filter, {500, {}}).value().items;
    for (auto& run : all) run = rig.run(run.id);
    std::ranges::reverse(all);
    return all;
}

}  // namespace

TEST_CASE("a recurring job is told to its nodes, and a run is made at each tick") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    one.agent.take_plans();
    REQUIRE(one.agent.plans.size() == 1);
    const link::PlanSet plan = one.agent.plans.at(job);
    CHECK(plan.n == 1);
    CHECK(plan.revision == 1);
    CHECK(plan.lines.size() == 3);
    CHECK(plan.lease_ms == 86'400'000);
    CHECK(plan.start_within_ms == 60'000);
    CHECK(plan.schedule.phase_ms == phase_ms_of(job, 60'000));
    const JobView view = rig.job(job);
    REQUIRE(view.plan);
    CHECK(view.plan->state == JobState::active);
    CHECK(view.plan->lines == 3);
    REQUIRE(view.plan->next_ticks.size() == 3);
    CHECK_FALSE(view.last_run);

    rig.pass(5 * 60'000);
    const auto runs = runs_of(rig, job);
    REQUIRE(runs.size() == 5);
    CHECK(runs[0].tick == view.plan->next_ticks[0]);
    CHECK(runs[0].id == planned_run(job, 1, *runs[0].tick));
    CHECK(runs[4].tasks.total == 3);
    CHECK(runs[4].tasks.running == 3);
    CHECK(one.agent.tasks().empty());  // the node begins them by itself
    CHECK(rig.job(job).last_run == runs[4].id);
}

TEST_CASE("results of a tick end its tasks; without one they are lost, and a late one replaces that") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(600'000)).value();
    one.agent.take_plans();
    const auto plan = one.agent.plans.at(job);
    const WallTime tick = rig.job(job).plan->next_ticks[0];
    rig.pass((tick - rig.now().wall) / 1'000 + 1);
    const RunId run = planned_run(job, 1, tick);
    one.agent.send({one.agent.planned_result(plan, tick, "telecom")});
    CHECK(rig.run(run).tasks.succeeded == 1);
    rig.pass(60'000 + 9'600 + 10'000);
    CHECK(rig.run(run).state == RunState::finished);
    CHECK(rig.run(run).tasks.lost == 2);
    one.agent.send({one.agent.planned_result(plan, tick, "unicom")});
    CHECK(rig.run(run).tasks.lost == 1);
    CHECK(rig.run(run).tasks.succeeded == 2);
    CHECK(one.agent.acked() == 2);
}

TEST_CASE("a result that comes before its run makes it; the tick makes none again") {
    Rig rig;
    Planned one(rig), two(rig, "gz-2", 2);
    one.agent.connect();
    two.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    one.agent.take_plans();
    const WallTime tick = rig.job(job).plan->next_ticks[0];
    one.agent.send({one.agent.planned_result(one.agent.plans.at(job), tick, "telecom")});  // its clock is ahead
    const RunId run = planned_run(job, 1, tick);
    CHECK(rig.run(run).tasks.total == 6);
    CHECK(rig.run(run).tasks.succeeded == 1);
    rig.pass(180'000);
    const auto runs = runs_of(rig, job);
    REQUIRE(runs.size() == 3);
    CHECK(runs[0].id == run);
    rig.restart();
    CHECK(runs_of(rig, job).size() == 3);
    rig.pass(60'000);
    CHECK(runs_of(rig, job).size() == 4);
}

TEST_CASE("what a node sends beyond its credit is not taken for something else when the credit grows meanwhile") {
    DomainOptions options;
    options.result_window = 4;
    Rig rig(options);
    TestAgent agent(rig, rig.enroll("gz-1"), 1);
    agent.hello.plans = link::plans_digest({});
    agent.connect();
    JobRequest request = ping_job("all");
    request.schedule.emplace();
    request.schedule->when.every_ms = 60'000;
    const JobId job = rig.plan(request).value();
    agent.take_plans();
    const link::PlanSet plan = agent.plans.at(job);
    const WallTime first = rig.job(job).plan->next_ticks[0];
    const auto send_tick = [&](WallTime tick) {
        for (const char* line : {"telecom", "unicom", "mobile"}) agent.send({agent.planned_result(plan, tick, line)});
    };
    rig.pass((first - rig.now().wall) / 1'000 + 1);
    send_tick(first);
    const RunId run = planned_run(job, 1, first);
    REQUIRE(rig.run(run).state == RunState::finished);
    rig.pass(60'000);
    rig.hold_writes = true;
    send_tick(first + 60'000'000);  // as many as there is credit for, but one
    agent.send({agent.planned_result(plan, first, "telecom"), agent.planned_result(plan, first, "unicom")});
    rig.commit();
    CHECK(rig.run(run).tasks.total == 3);
    CHECK(rig.store().tasks(run, {.limit = 100, .cursor = {}}).value().items.size() == 3);
}

TEST_CASE("what is no tick, no line of the node or no name of the run makes nothing, and is acknowledged") {
    Rig rig;
    Planned one(rig), other(rig, "gz-2", 2);
    one.agent.connect();
    other.agent.connect();
    const JobId job = rig.plan(every(60'000, "node:gz-1")).value();
    one.agent.take_plans();
    other.agent.take_plans();
    CHECK(other.agent.plans.empty());
    const auto plan = one.agent.plans.at(job);
    const WallTime tick = rig.job(job).plan->next_ticks[0];
    one.agent.send({one.agent.planned_result(plan, tick + 1, "telecom")});
    one.agent.send({one.agent.planned_result(plan, tick, "satellite")});
    one.agent.send({one.agent.planned_result(plan, tick + 3'600 * 24 * kSecond, "telecom")});
    auto wrong = one.agent.planned_result(plan, tick, "telecom");
    std::get<link::TaskResult>(wrong.envelope).plan->revision = 2;
    one.agent.send({wrong});
    auto before = plan;
    one.agent.send({one.agent.planned_result(before, tick - 60 * kSecond, "telecom")});
    CHECK(one.agent.acked() == 5);
    other.agent.send({other.agent.planned_result(plan, tick, "telecom")});
    CHECK(other.agent.acked() == 1);
    CHECK(runs_of(rig, job).empty());
    CHECK(rig.fsm().counters().not_yours == 6);
}

TEST_CASE("a node that comes back is told nothing it has, and all of it where it has something else") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId first = rig.plan(every(60'000)).value();
    const JobId second = rig.plan(every(30'000)).value();
    one.agent.take_plans();
    CHECK(one.agent.plans.size() == 2);
    one.agent.leave();
    one.agent.connect();
    CHECK(rig.sent<link::PlanSet>(one.agent.session).empty());
    CHECK(rig.sent<link::PlanReset>(one.agent.session).empty());
    one.agent.leave();
    REQUIRE(rig.remove(first));
    one.agent.connect();
    CHECK(rig.sent<link::PlanReset>(one.agent.session).size() == 1);
    const auto sets = rig.sent<link::PlanSet>(one.agent.session);
    REQUIRE(sets.size() == 1);
    CHECK(sets[0].job_id == second);
}

TEST_CASE("a restart of the broker changes nothing of the plan") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    (void)rig.plan(every(60'000)).value();
    one.agent.take_plans();
    rig.restart();
    one.agent.connect();
    CHECK(rig.sent<link::PlanReset>(one.agent.session).empty());
    CHECK(rig.sent<link::PlanSet>(one.agent.session).empty());
}

TEST_CASE("plans go as far as the agent's credit, and on when there is more") {
    Rig rig;
    Planned one(rig);
    one.agent.connect(link::Credit{2, 1 << 20});
    for (int i = 0; i < 4; ++i) REQUIRE(rig.plan(every(60'000)));
    CHECK(rig.sent<link::PlanSet>(one.agent.session).size() == 2);
    one.agent.send({{link::WorkAck{2}, {}}, {link::Credit{9, 1 << 20}, {}}});
    const auto rest = rig.sent<link::PlanSet>(one.agent.session);
    REQUIRE(rest.size() == 2);
    CHECK(rest[1].n == 4);
}

TEST_CASE("lines and nodes come and go, and the plan with them") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000, "carrier:ct")).value();
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).lines.size() == 1);
    Planned two(rig, "gz-2", 2);
    two.agent.connect();
    two.agent.take_plans();
    CHECK(two.agent.plans.contains(job));
    rig.pass(60'000);
    CHECK(runs_of(rig, job).back().tasks.total == 2);
    auto lines = one.agent.hello.lines;
    lines.push_back(line("telecom-2", "ct"));
    one.agent.send({{link::Lines{lines}, {}}});
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).lines.size() == 2);
    lines.resize(1);
    lines[0].state = link::LineState::disabled;
    one.agent.send({{link::Lines{lines}, {}}});
    one.agent.take_plans();
    CHECK(one.agent.plans.empty());
    lines[0].state = link::LineState::down;  // is asked: that it fails is an answer
    one.agent.send({{link::Lines{lines}, {}}});
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).lines.size() == 1);
    rig.pass(60'000);
    CHECK(runs_of(rig, job).back().tasks.total == 2);
}

TEST_CASE("a selector with a limit is looked at anew as a whole") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000, "carrier:ct limit:1")).value();
    one.agent.take_plans();
    CHECK(one.agent.plans.size() == 1);
    Planned two(rig, "gz-2", 2);
    two.agent.connect();
    rig.pass(1'100);
    one.agent.take_plans();
    two.agent.take_plans();
    CHECK(one.agent.plans.size() + two.agent.plans.size() == 1);
    CHECK(rig.job(job).plan->lines == 1);
}

TEST_CASE("an agent that keeps no plans is not asked") {
    Rig rig;
    TestAgent old(rig, rig.enroll("gz-1"));
    old.connect();
    const JobId job = rig.plan(every(60'000)).value();
    CHECK(rig.sent<link::PlanSet>(old.session).empty());
    CHECK(rig.job(job).plan->lines == 0);
    rig.pass(120'000);
    CHECK(runs_of(rig, job).empty());
}

TEST_CASE("a paused job is due no more; resumed, it makes up for nothing") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    rig.pass(60'000);
    JobChange change;
    change.is_paused = true;
    REQUIRE(rig.change(job, change));
    one.agent.take_plans();
    CHECK(one.agent.plans.empty());
    CHECK(rig.job(job).plan->state == JobState::paused);
    rig.pass(600'000);
    CHECK(runs_of(rig, job).size() == 1);
    rig.restart();
    one.agent.connect();
    CHECK(rig.job(job).plan->state == JobState::paused);
    change.is_paused = false;
    REQUIRE(rig.change(job, change));
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).revision == 2);
    rig.pass(60'000);
    CHECK(runs_of(rig, job).size() == 2);
}

TEST_CASE("a change is a new revision, and runs there were keep what they asked") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    rig.pass(60'000);
    const RunId first = runs_of(rig, job)[0].id;
    JobChange change;
    change.params = Json{{"target", "198.51.100.77"}};
    change.selector = "telecom";
    REQUIRE(rig.change(job, change).value() == job);
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).revision == 2);
    CHECK(one.agent.plans.at(job).lines.size() == 1);
    rig.pass(60'000);
    const auto runs = runs_of(rig, job);
    REQUIRE(runs.size() == 2);
    CHECK(runs[0].id == first);
    CHECK(runs[0].target == "198.51.100.10");
    CHECK(runs[1].target == "198.51.100.77");
    CHECK(runs[1].id == planned_run(job, 2, *runs[1].tick));
    CHECK(rig.job(job).last_run == runs[1].id);
    CHECK(rig.store().jobs({}, {500, {}}).value().items.size() == 1);
    rig.restart();
    CHECK(rig.job(job).plan->revision == 2);
    rig.pass(60'000);
    CHECK(runs_of(rig, job).size() == 3);
    change = {};
    change.params = Json{{"target", 7}};
    CHECK_FALSE(rig.change(job, change));
    change = {};
    change.selector = "telecom satellite";
    CHECK_FALSE(rig.change(job, change));
    CHECK_FALSE(rig.change(samples::id<JobId>(77), {}));
    CHECK(rig.job(job).plan->revision == 2);
}

TEST_CASE("what a node did by a revision that it did not know to be over is kept") {
    Rig rig;
    Planned one(rig), two(rig, "gz-2", 2);
    one.agent.connect();
    two.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    one.agent.take_plans();
    two.agent.take_plans();
    rig.pass(60'000);
    two.agent.leave();
    rig.pass(1'000);
    const WallTime tick = rig.job(job).plan->next_ticks[0];
    REQUIRE(rig.remove(job));
    rig.pass(120'000);
    const std::size_t runs = runs_of(rig, job).size();
    two.agent.connect();
    two.agent.send({two.agent.planned_result(two.agent.plans.at(job), tick, "telecom")});
    CHECK(runs_of(rig, job).size() == runs + 1);
    const RunView run = rig.run(planned_run(job, 1, tick));
    CHECK(run.tasks.total == 3);  // the other node was told
    CHECK(run.tasks.succeeded == 1);
}

TEST_CASE("two nodes that did not know come one after the other: the run has both") {
    Rig rig;
    Planned one(rig), two(rig, "gz-2", 2);
    one.agent.connect();
    two.agent.connect();
    const JobId job = rig.plan(every(60'000, "telecom")).value();
    one.agent.take_plans();
    two.agent.take_plans();
    rig.pass(60'000);
    rig.pass(1'000);
    const WallTime tick = rig.job(job).plan->next_ticks[0];
    JobChange change;
    change.is_paused = true;
    REQUIRE(rig.change(job, change));
    // Both were there, and began it before they heard: their clocks are ahead.
    one.agent.send({one.agent.planned_result(one.agent.plans.at(job), tick, "telecom")});
    const RunId run = planned_run(job, 1, tick);
    CHECK(rig.run(run).tasks.total == 1);
    CHECK(rig.run(run).state == RunState::finished);
    SUBCASE("the run is in the store") {
        two.agent.send({two.agent.planned_result(two.agent.plans.at(job), tick, "telecom")});
    }
    SUBCASE("the broker was restarted") {
        rig.restart();
        two.agent.connect();
        two.agent.send({two.agent.planned_result(two.agent.plans.at(job), tick, "telecom")});
    }
    CHECK(rig.run(run).tasks.total == 2);
    CHECK(rig.run(run).tasks.succeeded == 2);
    CHECK(rig.run(run).state == RunState::finished);
    CHECK(two.agent.acked() == 1);
    CHECK(rig.fsm().counters().not_yours == 0);
    CHECK(rig.fsm().active_runs() <= 1);
}

TEST_CASE("a broker that was away makes the runs it missed, as far as its nodes may have gone on") {
    DomainOptions options;
    options.plan_lease_ms = 600'000;
    Rig rig(options);
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    one.agent.take_plans();
    rig.pass(60'000);
    CHECK(runs_of(rig, job).size() == 1);
    const WallTime first = *runs_of(rig, job)[0].tick;
    rig.restart();
    rig.set_wall(rig.now().wall + 300 * kSecond);
    rig.restart();
    rig.pass(1'000);
    CHECK(runs_of(rig, job).size() == 6);
    SUBCASE("their results are waited for") {
        one.agent.connect();
        std::vector<link::Received> spooled;
        for (int i = 1; i <= 5; ++i) {
            for (const char* name : {"telecom", "unicom", "mobile"})
                spooled.push_back(one.agent.planned_result(one.agent.plans.at(job),
                                                           first + static_cast<std::uint64_t>(i) * 60 * kSecond, name));
        }
        one.agent.send(std::move(spooled));
        const auto runs = runs_of(rig, job);
        CHECK(runs.size() == 6);
        for (std::size_t i = 1; i < 6; ++i) CHECK(runs[i].tasks.succeeded == 3);
        CHECK(rig.fsm().counters().not_yours == 0);
    }
    SUBCASE("after the lease nobody did anything") {
        rig.set_wall(rig.now().wall + 86'400 * kSecond);
        rig.restart();
        rig.pass(2'000);
        const auto runs = runs_of(rig, job);
        CHECK(runs.size() == 16);  // a node that was there is thought to have been until the last run
        CHECK(*runs.back().tick == first + 900 * kSecond);
    }
}

TEST_CASE("a node that was thought to have stopped and did not is believed") {
    DomainOptions options;
    options.plan_lease_ms = 100'000;
    Rig rig(options);
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    one.agent.take_plans();
    rig.pass(60'000);
    const WallTime first = *runs_of(rig, job)[0].tick;
    one.agent.leave();
    rig.pass(600'000);
    const std::size_t made = runs_of(rig, job).size();
    CHECK(made < 5);
    one.agent.connect();
    const WallTime tick = first + 420 * kSecond;
    one.agent.send({one.agent.planned_result(one.agent.plans.at(job), tick, "telecom")});
    one.agent.send({one.agent.planned_result(one.agent.plans.at(job), tick, "unicom")});
    CHECK(rig.run(planned_run(job, 1, tick)).tasks.succeeded == 2);
    CHECK(runs_of(rig, job).size() == made + 1);
    rig.pass(120'000);
    CHECK(rig.run(planned_run(job, 1, tick)).tasks.lost == 1);
    one.agent.send({one.agent.planned_result(one.agent.plans.at(job), tick, "mobile")});
    CHECK(rig.run(planned_run(job, 1, tick)).tasks.succeeded == 3);
    CHECK(rig.fsm().counters().not_yours == 0);
}

TEST_CASE("a step of the broker's clock makes no run twice, and none too few") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const JobId job = rig.plan(every(60'000)).value();
    rig.pass(300'000);
    CHECK(runs_of(rig, job).size() == 5);
    rig.set_wall(rig.now().wall - 180 * kSecond);
    rig.pass(175'000);
    CHECK(runs_of(rig, job).size() == 5);
    rig.pass(65'000);
    CHECK(runs_of(rig, job).size() == 6);
    rig.set_wall(rig.now().wall + 600 * kSecond);
    rig.act([](DomainFsm& fsm, Now now, Actions& out) { fsm.tick(now, out); });
    rig.pass(2'000);
    CHECK(runs_of(rig, job).size() == 16);
    std::set<WallTime> ticks;
    for (const auto& run : runs_of(rig, job)) CHECK(ticks.insert(*run.tick).second);
}

TEST_CASE("ten thousand jobs of one minute are made a few at a time") {
    DomainOptions options;
    options.open_tasks = 1'000'000;
    Rig rig(options);
    Planned one(rig);
    one.agent.connect();
    JobRequest request = ping_job("all");
    request.schedule.emplace().when.cron = "*/10 * * * *";
    std::vector<JobId> jobs;
    for (int i = 0; i < 1'500; ++i) jobs.push_back(rig.plan(request).value());
    const WallTime tick = rig.job(jobs[0]).plan->next_ticks[0];
    rig.pass((tick - rig.now().wall) / 1'000);
    rig.effects.clear();
    std::size_t most = 0, before = rig.fsm().active_runs();
    for (int turn = 0; turn < 20 && rig.fsm().active_runs() < jobs.size(); ++turn) {
        rig.pass(1);
        most = std::max(most, rig.fsm().active_runs() - before);
        before = rig.fsm().active_runs();
    }
    CHECK(rig.fsm().active_runs() == jobs.size());
    CHECK(most <= 1'001);  // a run has three tasks, and a turn two thousand and a few
}

TEST_CASE("the same key makes one recurring job, whatever happens on the way") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    JobRequest request = every(60'000);
    request.idempotency_key = "k1";
    request.fingerprint[0] = 1;
    const JobId job = rig.plan(request).value();
    CHECK(rig.plan(request).value() == job);
    request.fingerprint[0] = 2;
    CHECK(rig.plan(request).error().code == Errc::conflict);
    rig.restart();
    request.fingerprint[0] = 1;
    CHECK(rig.plan(request).value() == job);
    JobRequest once = ping_job("all");
    once.idempotency_key = "k1";
    once.fingerprint[0] = 1;
    CHECK(rig.create(once).error().code == Errc::conflict);
    once.idempotency_key = "k2";
    REQUIRE(rig.create(once));
    request.idempotency_key = "k2";
    CHECK(rig.plan(request).error().code == Errc::conflict);
}

TEST_CASE("a recurring job that cannot be is refused with where it is wrong, and leaves nothing") {
    Rig rig;
    Planned one(rig);
    one.agent.connect();
    const auto where = [&](JobRequest request) {
        const auto job = rig.plan(std::move(request));
        return job ? std::string("taken") : job.error().where;
    };
    CHECK(where(every(10)) == "/schedule/every_ms");
    JobRequest request = every(60'000);
    request.schedule->when.stop_us = 5;
    CHECK(where(request) == "/schedule/stop_ms");
    request = ping_job("all");
    request.schedule.emplace().when.cron = "61 * * * *";
    CHECK(where(request) == "/schedule/cron");
    request.schedule->when.cron = "1 * * * *";
    request.schedule->zone = "Asia/Shanghai";  // this domain was given no zones
    CHECK(where(request) == "/schedule/zone");
    CHECK(where(every(60'000, "satellite")) == "/selector");
    request = every(60'000);
    request.terms.repeat = 0;
    CHECK(where(request) == "/repeat");
    CHECK(rig.store().jobs({}, {500, {}}).value().items.empty());
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_plan(rig.ticket(), every(60'000), now, out); });
    rig.refuse();
    rig.hold_writes = false;
    CHECK(rig.take<PlanAnswer>().at(0).job.error().code == Errc::unavailable);
    rig.pass(120'000);
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("a cron keeps to its zone") {
    DomainOptions options;
    options.zone_offsets = [](const std::string& zone, WallTime) -> Result<std::vector<ZoneOffset>> {
        if (zone == "Asia/Shanghai") return std::vector<ZoneOffset>{{0, 28'800}};
        return Error{Errc::not_found, {}, "no such zone"};
    };
    Rig rig(options);
    Planned one(rig);
    one.agent.connect();
    JobRequest request = ping_job("all");
    request.schedule.emplace().when.cron = "0 8 * * *";
    request.schedule->zone = "Asia/Shanghai";
    const JobId job = rig.plan(request).value();
    one.agent.take_plans();
    CHECK(one.agent.plans.at(job).schedule.offsets == std::vector<ZoneOffset>{{0, 28'800}});
    CHECK(rig.job(job).plan->next_ticks[0] % (86'400 * kSecond) == 0);
    request.schedule->zone = "Asia/Nowhere";
    CHECK(rig.plan(request).error().where == "/schedule/zone");
}

TEST_CASE("tasks of a run that is aligned say how many a node has of it") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    JobRequest request = ping_job("all");
    request.terms.repeat = 2;
    request.terms.align = true;
    REQUIRE(rig.create(request));
    const auto tasks = agent.tasks();
    REQUIRE(tasks.size() == 6);
    for (const auto& task : tasks) CHECK(task.align == 6);
    REQUIRE(rig.ping("all"));
    CHECK_FALSE(agent.tasks().at(0).align);
}

}  // namespace edge::broker
