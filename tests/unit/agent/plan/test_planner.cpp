#include <doctest/doctest.h>

#include <limits>
#include <map>
#include <set>

#include "agent/plan/planner.hpp"
#include "protocol/schedule/plan_ids.hpp"
#include "tests/unit/agent/plan/plan_samples.hpp"

using namespace edge;
using namespace edge::agent;
using namespace edge::agent::samples;

namespace {

/// A planner on a clock, and how often each task was told.
struct PlannerRig {
    Clock clock;
    Planner planner{node()};
    std::map<TaskId, int> told;
    std::vector<std::uint64_t> ticks;  // of one line

    PlannerRig() { planner.in_contact(clock.now()); }
    std::vector<link::Task> look() {
        auto tasks = planner.due(clock.now());
        for (const auto& task : tasks) {
            ++told[task.task_id];
            if (task.line == line("telecom")) ticks.push_back(task.plan->tick_us);
        }
        return tasks;
    }
    /// Step by step from due to due, as the shell's timer goes.
    void pass(std::uint64_t us) {
        while (true) {
            const auto next = planner.next();
            const std::uint64_t now = clock.now().wall_us;
            if (!next || *next > now + us) break;
            const std::uint64_t step = *next > now ? *next - now : 0;
            clock.pass(step);
            us -= step;
            look();
        }
        clock.pass(us);
        look();
    }
    bool told_twice() const {
        for (const auto& [task, count] : told) {
            if (count > 1) return true;
        }
        return false;
    }
};

std::uint64_t at(std::uint64_t second) {
    return kBegin + second * kSecond;
}

}  // namespace

TEST_CASE("each tick makes a task of each line, with names that the broker reckons as well") {
    PlannerRig rig;
    REQUIRE(rig.planner.set(every(10'000), rig.clock.now()));
    CHECK(rig.planner.next() == at(10));
    CHECK(rig.look().empty());
    rig.pass(10 * kSecond);
    REQUIRE(rig.told.size() == 3);
    const RunId run = planned_run(job(1), 1, at(10));
    for (const char* name : {"telecom", "unicom", "mobile"})
        CHECK(rig.told[planned_task(run, node(), line(name), 0)] == 1);
    rig.pass(95 * kSecond);
    CHECK(rig.told.size() == 30);
    CHECK_FALSE(rig.told_twice());
}

TEST_CASE("repetitions are tasks of their own, and what is told of a task is what the plan says") {
    PlannerRig rig;
    auto plan = every(10'000);
    plan.repeat = 2;
    plan.revision = 7;
    plan.lines = {line("telecom")};
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    rig.clock.pass(10 * kSecond + 4'000'000);
    const auto tasks = rig.look();
    REQUIRE(tasks.size() == 2);
    CHECK(tasks[0].task_id != tasks[1].task_id);
    CHECK(tasks[0].n == 0);
    CHECK(tasks[0].attempt == 1);
    CHECK(tasks[0].plan == link::PlanRef{job(1), 7, at(10)});
    CHECK(tasks[0].start_within_ms == 60'000 - 4'000);  // what is left of it
    CHECK(tasks[0].run_within_ms == 5'000);
    CHECK(tasks[0].params.at("target") == "192.0.2.1");
}

TEST_CASE("jitter moves the beginning of a line, never its tick; aligned lines move together") {
    PlannerRig rig;
    auto plan = every(60'000);
    plan.schedule.jitter_ms = 20'000;
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    rig.clock.pass(60 * kSecond);
    std::set<std::uint64_t> moments;
    for (int i = 0; i < 3; ++i) {
        const auto next = rig.planner.next().value();
        CHECK(next >= at(60));
        CHECK(next <= at(80));
        moments.insert(next);
        rig.clock.pass(next - rig.clock.now().wall_us);
        CHECK(rig.look().size() == 1);
    }
    CHECK(moments.size() == 3);
    CHECK(rig.ticks == std::vector{at(60)});
    plan.align = true;
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    rig.clock.pass(rig.planner.next().value() - rig.clock.now().wall_us);
    CHECK(rig.look().size() == 3);
}

TEST_CASE("of ticks that were missed the last is made up for, if it is not too late") {
    PlannerRig rig;
    REQUIRE(rig.planner.set(every(10'000), rig.clock.now()));
    rig.pass(10 * kSecond);
    rig.clock.pass(305 * kSecond);  // suspended
    rig.look();
    CHECK(rig.ticks == std::vector{at(10), at(310)});
    auto seldom = every(600'000, 2);
    REQUIRE(rig.planner.set(seldom, rig.clock.now()));
    rig.ticks.clear();
    rig.planner.drop(job(1));
    rig.clock.pass(400 * kSecond);  // 61 s after the tick at 600 and more: beyond start_within
    rig.look();
    CHECK(rig.ticks.empty());
    CHECK(rig.planner.next() == at(1'200));
}

TEST_CASE("a clock that is set fires nothing twice, and the ticks of its own time still fire") {
    PlannerRig rig;
    REQUIRE(rig.planner.set(every(10'000), rig.clock.now()));
    rig.pass(100 * kSecond);
    const std::uint64_t hour = 3'600 * kSecond;
    SUBCASE("back and on") {
        rig.clock.set(-static_cast<std::int64_t>(50 * kSecond));
        rig.pass(45 * kSecond);
        CHECK(rig.told.size() == 30);  // all of them had fired
        rig.pass(20 * kSecond);
        CHECK(rig.ticks.back() == at(110));
    }
    SUBCASE("an hour ahead and back again") {
        rig.clock.set(static_cast<std::int64_t>(hour));
        rig.look();
        CHECK(rig.ticks.back() == at(3'700));
        rig.pass(10 * kSecond);
        CHECK(rig.ticks.back() == at(3'710));
        rig.clock.set(-static_cast<std::int64_t>(hour));
        rig.look();
        rig.pass(100 * kSecond);
        CHECK(rig.ticks.back() == at(210));
        rig.pass(hour);  // over what fired while the clock was ahead
        CHECK(rig.ticks.back() == at(3'810));
    }
    SUBCASE("ten years ahead and back again") {
        rig.clock.set(static_cast<std::int64_t>(hour * 87'660));
        rig.look();
        rig.pass(50 * kSecond);
        rig.clock.set(-static_cast<std::int64_t>(hour * 87'660));
        rig.look();
        rig.pass(20 * kSecond);
        CHECK(rig.ticks.back() == at(170));
    }
    SUBCASE("again and again") {
        for (int i = 0; i < 40; ++i) {
            rig.clock.set(static_cast<std::int64_t>((i % 7) * 700 * kSecond) -
                          static_cast<std::int64_t>(1'500 * kSecond));
            rig.look();
            rig.pass(95 * kSecond);
        }
    }
    CHECK_FALSE(rig.told_twice());
}

TEST_CASE("a machine that boots in 1970 goes on when it knows the time") {
    PlannerRig rig;
    rig.clock.set(-static_cast<std::int64_t>(kBegin));
    rig.planner.in_contact(rig.clock.now());
    auto plan = every(10'000);
    plan.schedule.start_us = kBegin;
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    rig.pass(30 * kSecond);
    CHECK(rig.told.empty());
    rig.clock.set(static_cast<std::int64_t>(kBegin));
    rig.look();
    rig.pass(25 * kSecond);
    CHECK(rig.told.size() == 9);  // one made up for, two that came
    CHECK_FALSE(rig.told_twice());
}

TEST_CASE("what had fired is remembered: a planner that is made anew does not do it again") {
    PlannerRig before;
    REQUIRE(before.planner.set(every(10'000), before.clock.now()));
    before.pass(10 * kSecond);
    before.pass(65 * kSecond);
    PlannerRig after;
    after.clock = before.clock;
    for (const FiredMark& mark : before.planner.take_marks()) after.planner.fired(mark);
    REQUIRE(after.planner.set(every(10'000), after.clock.now()));
    after.planner.in_contact(after.clock.now());
    after.told = before.told;
    after.look();
    CHECK(after.told.size() == before.told.size());
    after.clock.pass(31 * kSecond);  // down meanwhile
    after.look();
    CHECK(after.ticks == std::vector{at(100)});
    after.clock.set(-static_cast<std::int64_t>(80 * kSecond));
    after.look();
    after.pass(70 * kSecond);
    CHECK_FALSE(after.told_twice());
}

TEST_CASE("a line that is new to a plan begins with what comes, not with what was") {
    PlannerRig rig;
    auto plan = every(60'000);
    plan.lines = {line("telecom")};
    rig.clock.pass(70 * kSecond);
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    CHECK(rig.look().empty());
    rig.pass(60 * kSecond);
    CHECK(rig.told.size() == 1);
    plan.lines.push_back(line("unicom"));
    plan.revision = 2;
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    CHECK(rig.look().empty());
    rig.pass(60 * kSecond);
    CHECK(rig.told.size() == 3);
    // and that is on the disk with it
    PlannerRig after;
    after.clock = rig.clock;
    for (const FiredMark& mark : rig.planner.memory(rig.clock.now().wall_us)) after.planner.fired(mark);
    REQUIRE(after.planner.set(plan, after.clock.now()));
    CHECK(after.look().empty());
}

TEST_CASE("without the broker the plan goes on until its lease is over, and then goes on with it") {
    PlannerRig rig;
    auto plan = every(10'000);
    plan.lease_ms = 55'000;
    REQUIRE(rig.planner.set(plan, rig.clock.now()));
    rig.pass(59 * kSecond);
    CHECK(rig.ticks.size() == 5);
    rig.pass(120 * kSecond);
    CHECK(rig.ticks.size() == 5);
    auto notes = rig.planner.take_notes();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].starts_with("plan_lease_over job=job_"));
    rig.planner.in_contact(rig.clock.now());
    CHECK(rig.look().empty());
    CHECK(rig.planner.take_notes().size() == 1);
    rig.pass(10 * kSecond);
    CHECK(rig.ticks.size() == 6);
    CHECK_FALSE(rig.told_twice());
}

TEST_CASE("a restart does not make the lease longer, and none was is over") {
    PlannerRig rig;
    Planner planner(node());
    auto plan = every(10'000);
    plan.lease_ms = 60'000;
    REQUIRE(planner.set(plan, rig.clock.now()));
    rig.clock.pass(10 * kSecond);
    CHECK(planner.due(rig.clock.now()).empty());  // never heard of the broker
    planner.contact_was(rig.clock.now().wall_us - 45 * kSecond, rig.clock.now());
    rig.clock.pass(10 * kSecond);
    CHECK(planner.due(rig.clock.now()).size() == 3);
    rig.clock.pass(10 * kSecond);
    CHECK(planner.due(rig.clock.now()).empty());
}

TEST_CASE("a dropped plan is due no more, and a reset one only when it is told again") {
    PlannerRig rig;
    REQUIRE(rig.planner.set(every(10'000, 1), rig.clock.now()));
    REQUIRE(rig.planner.set(every(10'000, 2), rig.clock.now()));
    const auto both = rig.planner.digest();
    CHECK(both == link::plans_digest({{job(1), "tag1"}, {job(2), "tag2"}}));
    rig.planner.drop(job(1));
    CHECK(rig.planner.digest() == link::plans_digest({{job(2), "tag2"}}));
    rig.pass(10 * kSecond);
    CHECK(rig.told.size() == 3);
    rig.planner.reset();
    CHECK_FALSE(rig.planner.next());
    REQUIRE(rig.planner.set(every(10'000, 2), rig.clock.now()));
    CHECK(rig.look().empty());
    rig.pass(10 * kSecond);
    CHECK(rig.told.size() == 6);
}

TEST_CASE("a plan that cannot be reckoned changes nothing") {
    PlannerRig rig;
    REQUIRE(rig.planner.set(every(10'000), rig.clock.now()));
    auto wrong = every(10'000);
    wrong.schedule.every_ms.reset();
    wrong.schedule.cron = "* * *";
    CHECK_FALSE(rig.planner.set(wrong, rig.clock.now()));
    auto many = every(10'000);
    many.repeat = std::numeric_limits<std::uint32_t>::max();
    CHECK_FALSE(rig.planner.set(many, rig.clock.now()));
    auto endless = every(10'000);
    endless.lease_ms = std::numeric_limits<std::uint64_t>::max();
    CHECK_FALSE(rig.planner.set(endless, rig.clock.now()));
    rig.pass(10 * kSecond);
    CHECK(rig.told.size() == 3);
}

TEST_CASE("stretches are few, and what lies between two that were joined counts as fired") {
    Fired fired;
    for (std::uint64_t i = 0; i < 50; ++i) fired.add({i * 100 + 10, i * 100 + 20 + i});
    CHECK(fired.stretches().size() == Fired::kMost);
    for (std::uint64_t i = 0; i < 50; ++i) CHECK(fired.contains(i * 100 + 15));
    CHECK(fired.last_before(9) == 0);
    CHECK(fired.last_before(15) == 15);
    fired.add({0, 10'000});
    CHECK(fired.stretches().size() == 1);
}

TEST_CASE("a clock that was ahead for a while takes nothing away from what is to come") {
    constexpr std::uint64_t kAhead = 100'000;
    Fired fired;
    fired.add({kAhead, kAhead + 10});
    fired.add({kAhead + 12, kAhead + 20});  // the nearest two, and yet to come
    for (std::uint64_t tick = 10; tick < kAhead; tick += 20) {
        CHECK(!fired.contains(tick));
        fired.add({tick, tick});
    }
    CHECK(fired.stretches().size() == Fired::kMost);
    CHECK(!fired.contains(kAhead + 11));
}
