#include <doctest/doctest.h>

#include <cerrno>
#include <random>
#include <set>

#include "agent/plan/plan_files.hpp"
#include "agent/plan/plans.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/plan/plan_samples.hpp"

using namespace edge;
using namespace edge::agent;
using namespace edge::agent::samples;

namespace {

Plans opened(Disk& disk, const Clock& clock) {
    Plans plans(disk, node());
    REQUIRE(plans.open(clock.now()));
    return plans;
}

/// Of a plan that is committed.
Plans with_a_tick_due(Disk& disk, Clock& clock) {
    Plans plans = opened(disk, clock);
    plans.in_contact(clock.now());
    plans.set(every(10'000), clock.now());
    REQUIRE(plans.commit(clock.now()));
    clock.pass(10 * kSecond);
    return plans;
}

}  // namespace

TEST_CASE("a plan that was committed is there after a power cut, with what it has fired") {
    std::mt19937 random(1);
    for (const auto leaves : {ForgetfulDisk::Leaves::nothing, ForgetfulDisk::Leaves::all}) {
        ForgetfulDisk disk;
        Clock clock;
        std::set<TaskId> begun;
        {
            Plans plans = with_a_tick_due(disk, clock);
            const auto tasks = plans.due(clock.now());
            REQUIRE(tasks.size() == 3);
            REQUIRE(plans.commit(clock.now()));
            for (const auto& task : tasks) begun.insert(task.task_id);
        }
        disk.restart(leaves, random);
        Plans plans = opened(disk, clock);
        CHECK(plans.digest() == link::plans_digest({{job(1), "tag1"}}));
        CHECK(plans.due(clock.now()).empty());
        clock.pass(10 * kSecond);
        const auto tasks = plans.due(clock.now());
        CHECK(tasks.size() == 3);  // the lease goes on, too
        for (const auto& task : tasks) CHECK(begun.insert(task.task_id).second);
    }
}

TEST_CASE("a tick that was not committed may fire again, since nothing of it began") {
    std::mt19937 random(1);
    ForgetfulDisk disk;
    Clock clock;
    {
        Plans plans = with_a_tick_due(disk, clock);
        CHECK(plans.due(clock.now()).size() == 3);
    }
    disk.restart(ForgetfulDisk::Leaves::nothing, random);
    Plans plans = opened(disk, clock);
    CHECK(plans.due(clock.now()).size() == 3);
}

TEST_CASE("ticks that a process wrote and was killed before syncing have fired for the next one, and stay so") {
    std::mt19937 random(1);
    ForgetfulDisk disk;
    Clock clock;
    {
        Plans plans = with_a_tick_due(disk, clock);
        CHECK(plans.due(clock.now()).size() == 3);
        disk.fail_sync(EIO);
        REQUIRE(!plans.commit(clock.now()));
    }
    CHECK(opened(disk, clock).due(clock.now()).empty());
    disk.restart(ForgetfulDisk::Leaves::nothing, random);
    CHECK(opened(disk, clock).due(clock.now()).empty());
}

TEST_CASE("a log whose end is torn is cut there; the log is made anew when it has grown") {
    ForgetfulDisk disk;
    Clock clock;
    {
        Plans plans = opened(disk, clock);
        plans.in_contact(clock.now());
        plans.set(every(1'000), clock.now());
        REQUIRE(plans.commit(clock.now()));
        for (int i = 0; i < 12'000; ++i) {
            clock.pass(kSecond);
            plans.in_contact(clock.now());
            REQUIRE(plans.due(clock.now()).size() == 3);
            REQUIRE(plans.commit(clock.now()));
        }
    }
    const auto log = disk.read(kTicksFile).value();
    CHECK(log.size() < 1'100'000);
    REQUIRE(disk.append(kTicksFile, "half a record"));
    Plans plans = opened(disk, clock);
    CHECK(plans.due(clock.now()).empty());
    CHECK(disk.read(kTicksFile).value() == log);
}

TEST_CASE("a damaged file is set aside and told, a newer one refused and left alone") {
    ForgetfulDisk disk;
    Clock clock;
    REQUIRE(disk.replace(kPlansFile, "edge-plans 1\n{\"job_id\":\n"));
    {
        Plans plans = opened(disk, clock);
        CHECK(plans.digest() == link::plans_digest({}));  // so the broker tells all of it again
        CHECK(plans.take_notes().size() == 1);
        CHECK(disk.read("damaged-plans"));
    }
    for (const auto& [file, text] : {std::pair(kPlansFile, "edge-plans 2\n"), {kTicksFile, "edge-plan-ticks 2\n"}}) {
        ForgetfulDisk newer;
        REQUIRE(newer.replace(file, text));
        Plans plans(newer, node());
        const auto refused = plans.open(clock.now());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::unsupported);
        CHECK(newer.read(file).value() == text);
    }
}

TEST_CASE("a full disk is no end: the same call works later") {
    ForgetfulDisk disk;
    Clock clock;
    Plans plans = opened(disk, clock);
    plans.in_contact(clock.now());
    plans.set(every(10'000), clock.now());
    REQUIRE(plans.commit(clock.now()));
    clock.pass(10 * kSecond);
    CHECK(plans.due(clock.now()).size() == 3);
    disk.fail_append(ENOSPC);
    const auto full = plans.commit(clock.now());
    REQUIRE_FALSE(full);
    CHECK(full.error().code == Errc::unavailable);
    disk.fail_append(0);
    REQUIRE(plans.commit(clock.now()));
    Plans after = opened(disk, clock);
    CHECK(after.due(clock.now()).empty());
}

TEST_CASE("what is not bytes of ours is refused, whatever it is") {
    CHECK_FALSE(decode_plans(""));
    CHECK_FALSE(decode_plans("edge-plans"));
    CHECK_FALSE(read_ticks("PK\x03\x04"));
    CHECK(read_ticks(ticks_header()).value().marks.empty());
    std::string log = ticks_header();
    append_mark(log, {line_key(job(1), line("telecom")), {5, 9}});
    append_contact(log, 77);
    const auto read = read_ticks(log).value();
    REQUIRE(read.marks.size() == 1);
    CHECK(read.marks[0].stretch == Fired::Stretch{5, 9});
    CHECK(read.contact_us == 77);
    log[log.size() - 40] ^= 1;  // of the first record
    CHECK(read_ticks(log).value().marks.empty());
}

TEST_CASE("damage to the plans is told with its line, and is no newer format") {
    const link::PlanSet plan = every(10'000);
    const std::string whole = encode_plans({&plan, &plan});
    const auto second = whole.find('\n', whole.find('\n') + 1) + 1;
    const auto in_second = [&](const std::string& line) { return whole.substr(0, second) + line + "\n"; };
    struct Case {
        std::string text;
        Errc code;
        std::string where;
    };
    for (const auto& [text, code, where] : {
             Case{whole.substr(0, whole.size() - 1), Errc::bad_syntax, "plans:3"},
             Case{in_second("{"), Errc::bad_syntax, "plans:3"},
             Case{in_second(std::string(33, '[') + std::string(33, ']')), Errc::bad_value, "plans:3"},
             Case{in_second("{}"), Errc::bad_value, "plans:3 /n"},
             Case{"edge-plans 1", Errc::bad_syntax, "plans"},
             Case{"edge-plans \n", Errc::bad_syntax, "plans"},
             Case{"edge-plans x\n", Errc::bad_syntax, "plans"},
             Case{"edge-plans 10\n", Errc::unsupported, "plans"},
         }) {
        CAPTURE(text);
        const auto read = decode_plans(text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == code);
        CHECK(read.error().where == where);
    }
    CHECK(decode_plans(whole).value().size() == 2);
}

TEST_CASE("a plan that came in one message is read from the disk, however much longer it is there") {
    link::PlanSet plan = every(10'000);
    std::string numbers = "[1e9";
    while (numbers.size() < 200'000) numbers += ",1e9";  // written as 1000000000.0
    plan.params["list"] = parse_json(numbers + "]").value();
    const auto read = decode_plans(encode_plans({&plan}));
    REQUIRE(read);
    CHECK(read.value().at(0).params == plan.params);
}
