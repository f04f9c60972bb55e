// A broker that comes back with an older store: what nodes know better, and what they may not use it for.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

std::vector<NodeEvent> events_of(Rig& rig, NodeId node, NodeEventKind kind) {
    auto page = rig.store().events(node, {.limit = 500, .cursor = {}}).value();
    std::erase_if(page.items, [kind](const NodeEvent& event) { return event.kind != kind; });
    return page.items;
}

/// Two nodes, each with a spool, and a backup of when they had done nothing yet.
struct Restored {
    Rig rig;
    TestAgent gz{rig, rig.enroll("gz-1"), 1};
    TestAgent sh{rig, rig.enroll("sh-1"), 2};
    std::shared_ptr<const void> backup;

    Restored() {
        gz.connect();
        sh.connect();
        backup = rig.store().backup();
    }
    /// The agent is asked, and answers; the result as it is in its spool.
    link::Received answer(TestAgent& agent, const link::Task& task) {
        link::Received result = agent.result_of(task);
        agent.send({result});
        CHECK(agent.acked() == agent.last_n);
        return result;
    }
    /// As of now nothing that came after the backup is known any more.
    void restore() {
        rig.store().restore(backup, samples::id<GenerationId>(77), rig.now().wall);
        rig.restart();
        for (TestAgent* agent : {&gz, &sh}) agent->hello.spool_first = agent->hello.spool_last > 0 ? 1 : 0;
    }
    /// The file was copied back, and nobody said so.
    void copy_back() {
        rig.store().restore(backup, samples::id<GenerationId>(77), rig.now().wall);
        rig.store().undo_generation();
        rig.restart();
    }
};

/// Of a run that no broker knows.
link::Task unknown_task(std::uint64_t number) {
    link::Task one;
    one.task_id = samples::id<TaskId>(900 + number);
    one.run_id = samples::id<RunId>(900 + number);
    one.line = samples::line_name("telecom");
    return one;
}

}  // namespace

TEST_CASE("nodes that the store is behind are counted until they are let in, or shut out") {
    Restored r;
    r.gz.connect();
    r.gz.connect();
    CHECK(r.rig.fsm().nodes_ahead() == 0);
    r.copy_back();
    for (int i = 0; i < 3; ++i) CHECK(rejected(r.rig.join(r.gz.hello)).code == link::RejectCode::store_behind);
    CHECK(r.rig.fsm().nodes_ahead() == 1);
    SUBCASE("let in") {
        r.gz.hello.join_counter = 1;  // the copy's owner is gone, the node itself comes
        r.gz.connect();
    }
    SUBCASE("shut out") {
        REQUIRE(r.rig.order("gz-1", NodeOrder::revoke));
    }
    CHECK(r.rig.fsm().nodes_ahead() == 0);
}

TEST_CASE("a node that is ahead of the store is refused and not locked, until the store is said to be restored") {
    Restored r;
    const GenerationId before = r.gz.welcome.generation.value();
    r.gz.connect();
    r.gz.connect();
    r.copy_back();
    for (int i = 0; i < 3; ++i) CHECK(rejected(r.rig.join(r.gz.hello)).code == link::RejectCode::store_behind);
    CHECK(r.rig.fsm().node("gz-1").value().state != NodeState::locked);
    CHECK(r.rig.fsm().counters().store_behind == 3);
    CHECK(r.rig.fsm().counters().locked == 0);
    CHECK(events_of(r.rig, r.gz.hello.node_id, NodeEventKind::store_behind).size() == 1);
    r.restore();
    r.gz.connect();
    CHECK(r.gz.welcome.generation.value() != before);
    CHECK(r.gz.welcome.join_counter == 4);
}

TEST_CASE("after the first join under a new generation the rule of the counter holds again") {
    Restored r;
    r.gz.connect();
    r.restore();
    const link::Hello copied = r.gz.hello;
    r.gz.connect();
    SUBCASE("also when the broker was restarted since") {
        r.rig.restart();
    }
    SUBCASE("at once") {}
    r.gz.connect();
    CHECK(rejected(r.rig.join(copied)).code == link::RejectCode::stale_counter);
    CHECK(r.rig.fsm().node("gz-1").value().state == NodeState::locked);
}

TEST_CASE("a join that was not confirmed is not the first") {
    Restored r;
    r.gz.connect();
    r.gz.connect();
    r.restore();
    CHECK(std::holds_alternative<link::Welcome>(r.rig.join(r.gz.hello)));
    r.rig.restart();
    r.gz.connect();
    CHECK(r.gz.welcome.join_counter == 4);
}

TEST_CASE("results of a run that the restored store does not know make it, once, whoever sends them") {
    Restored r;
    const RunId run = r.rig.ping("carrier:ct").value().id;
    const auto of_gz = r.answer(r.gz, r.gz.tasks().at(0));
    const auto of_sh = r.answer(r.sh, r.sh.tasks().at(0));
    REQUIRE(r.rig.run(run).state == RunState::finished);
    r.restore();
    CHECK(!r.rig.store().run(run).value().has_value());
    r.gz.connect();
    CHECK(r.gz.welcome.results_acked == 0);
    r.gz.send({of_gz});
    CHECK(r.gz.acked() == 1);
    CHECK(r.rig.run(run).state == RunState::finished);
    CHECK(r.rig.run(run).tasks.total == 1);
    SUBCASE("and the other node's is added, after a restart of the broker too") {
        r.rig.restart();
        r.gz.hello.spool_first = 1;
    }
    SUBCASE("and the other node's is added") {}
    SUBCASE("both at the same time") {
        r.rig.reads_at_once = true;
    }
    r.sh.connect();
    r.sh.send({of_sh});
    const RunView view = r.rig.run(run);
    CHECK(view.recovered);
    CHECK(view.state == RunState::finished);
    CHECK(view.tasks.total == 2);
    CHECK(view.tasks.succeeded == 2);
    CHECK(view.target == "198.51.100.10");
    CHECK(r.rig.store().job(view.job_id).value()->recovered);
    CHECK(r.rig.store().results(run, {}).value().items.size() == 2);
    CHECK(r.rig.fsm().active(run) == nullptr);

    // What was cut off behind its commit comes again.
    r.sh.leave();
    r.sh.connect();
    r.sh.send({of_sh});
    CHECK(r.rig.run(run).tasks.total == 2);
    CHECK(r.rig.store().results(run, {}).value().items.size() == 2);
}

TEST_CASE("two nodes' results of one unknown run, in the store's hands at the same time, make one run") {
    Restored r;
    const RunId run = r.rig.ping("carrier:ct").value().id;
    const auto of_gz = r.answer(r.gz, r.gz.tasks().at(0));
    const auto of_sh = r.answer(r.sh, r.sh.tasks().at(0));
    r.restore();
    r.gz.connect();
    r.sh.connect();
    r.rig.reads_at_once = true;
    r.rig.hold_writes = true;
    r.gz.send({of_gz});
    r.sh.send({of_sh});
    r.rig.commit();
    CHECK(r.rig.run(run).tasks.total == 2);
    CHECK(r.rig.run(run).tasks.succeeded == 2);
    CHECK(r.rig.fsm().counters().recovered == 2);
}

TEST_CASE("a run that the store knows takes no unknown tasks, and no node touches another's") {
    Restored r;
    const RunId known = r.rig.ping("carrier:ct").value().id;
    const auto task_of_gz = r.gz.tasks().at(0);
    r.sh.tasks();
    r.backup = r.rig.store().backup();  // the run is in it, and goes on
    r.answer(r.gz, task_of_gz);
    r.restore();
    r.sh.hello.spool_first = 1;
    r.sh.hello.spool_last = 2;
    r.sh.connect();
    r.sh.last_n = 0;
    auto anothers = r.sh.result_of(task_of_gz);
    auto unknown_task = r.sh.result_of(task_of_gz);
    std::get<link::TaskResult>(unknown_task.envelope).task_id = samples::id<TaskId>(999);
    r.sh.send({anothers, unknown_task});
    CHECK(r.sh.acked() == 2);
    CHECK(r.rig.fsm().counters().not_yours == 2);
    CHECK(r.rig.store().all_results().empty());
    CHECK(r.rig.run(known).tasks.total == 2);
}

TEST_CASE("unknown tasks are taken as far as the spool and what ran went at the first join, no further") {
    Restored r;
    r.gz.result_of(unknown_task(1));
    r.gz.result_of(unknown_task(2));
    r.gz.hello.running = {{unknown_task(3).task_id, 1}};
    r.restore();
    r.gz.connect();
    CHECK(r.gz.welcome.revoke.empty());  // it was asked for, before the restore
    r.gz.last_n = 0;
    for (const std::uint64_t number : {1, 2, 3}) r.gz.answer(unknown_task(number));
    CHECK(r.rig.store().all_results().size() == 3);
    r.gz.answer(unknown_task(4));
    CHECK(r.rig.store().all_results().size() == 3);
    CHECK(r.rig.fsm().counters().not_yours == 1);
    SUBCASE("and a later session begins no other window") {
        r.gz.hello.running = {{unknown_task(6).task_id, 1}};
        r.gz.connect();
        CHECK(r.gz.welcome.revoke.size() == 1);
        r.gz.answer(unknown_task(5));
        CHECK(r.rig.store().all_results().size() == 3);
    }
}

TEST_CASE("the window goes on in the spool that takes the place of the one which had it, and is no larger there") {
    Restored r;
    for (const std::uint64_t number : {1, 2, 3}) r.gz.result_of(unknown_task(number));
    r.gz.hello.running = {{unknown_task(9).task_id, 1}};
    r.restore();
    r.gz.connect();
    r.gz.last_n = 0;
    r.gz.answer(unknown_task(1));
    r.gz.hello.running.clear();
    r.gz.hello.spool_id = samples::id<SpoolId>(500);  // renewed, with the two that it still had, and more
    r.gz.hello.spool_first = 1;
    r.gz.hello.spool_last = 5;
    SUBCASE("at once") {}
    SUBCASE("after a restart of the broker") {
        r.rig.restart();
    }
    r.gz.connect();
    r.gz.last_n = 0;
    for (const std::uint64_t number : {2, 3, 4}) r.gz.answer(unknown_task(number));  // the last by what was running
    CHECK(r.rig.store().all_results().size() == 4);
    r.gz.answer(unknown_task(5));
    CHECK(r.rig.store().all_results().size() == 4);
    CHECK(r.rig.fsm().counters().not_yours == 1);
}

TEST_CASE("a node that changes its spool again and again has one window, not one in each") {
    Restored r;
    for (const std::uint64_t number : {1, 2, 3}) r.gz.result_of(unknown_task(number));
    r.restore();
    r.gz.connect();
    r.gz.hello.spool_first = 1;
    r.gz.hello.spool_last = 2;
    std::uint64_t number = 0;
    const auto answers_two_from = [&](std::uint32_t spool) {
        r.gz.hello.spool_id = samples::id<SpoolId>(spool);
        r.gz.connect();
        r.gz.last_n = 0;
        for (int i = 0; i < 2; ++i) r.gz.answer(unknown_task(++number));
        return r.rig.store().all_results().size();
    };
    CHECK(answers_two_from(500) == 2);
    SUBCASE("at once") {}
    SUBCASE("with a restart of the broker between") {
        r.rig.restart();
    }
    CHECK(answers_two_from(501) == 3);
    r.rig.restart();
    CHECK(answers_two_from(502) == 3);
    CHECK(r.rig.fsm().counters().not_yours == 2);
}

TEST_CASE("a node that says that all but the end of its new spool is gone opens no window before that") {
    Restored r;
    for (const std::uint64_t number : {1, 2}) r.gz.result_of(unknown_task(number));
    r.restore();
    r.gz.connect();
    r.gz.hello.spool_id = samples::id<SpoolId>(500);
    r.gz.hello.spool_first = r.gz.hello.spool_last = 1ULL << 52;
    r.gz.connect();
    r.gz.hello.spool_first = 1;
    SUBCASE("of the same spool") {}
    SUBCASE("of the next") {
        r.gz.hello.spool_id = samples::id<SpoolId>(501);
    }
    r.gz.connect();
    r.gz.last_n = 0;
    for (const std::uint64_t number : {1, 2, 3, 4}) r.gz.answer(unknown_task(number));
    CHECK(r.rig.store().all_results().size() <= 2);
    CHECK(r.rig.fsm().counters().not_yours >= 2);
}

TEST_CASE("attempts that the store does not know of are of the window as well") {
    Restored r;
    const RunId run = r.rig.ping("carrier:ct node:gz-1").value().id;
    link::Task task = r.gz.tasks().at(0);
    r.backup = r.rig.store().backup();
    r.gz.hello.running = {{task.task_id, 1}};
    r.restore();
    r.gz.connect();
    for (task.attempt = 3; task.attempt <= 5; ++task.attempt) r.gz.answer(task);
    CHECK(r.rig.run(run).tasks.succeeded == 1);
    CHECK(r.rig.store().all_results().size() == 1);
    CHECK(r.rig.fsm().counters().not_yours == 2);
}

TEST_CASE("attempts that the store does not know of are taken up to the 64th of a task, however many the spool holds") {
    Restored r;
    REQUIRE(r.rig.ping("carrier:ct node:gz-1"));
    link::Task task = r.gz.tasks().at(0);
    r.backup = r.rig.store().backup();
    r.restore();
    r.gz.hello.spool_first = 1;
    r.gz.hello.spool_last = 100;
    r.gz.connect();
    r.gz.last_n = 0;
    for (task.attempt = 2; task.attempt <= 71; ++task.attempt) r.gz.answer(task);
    CHECK(r.gz.acked() == 70);
    CHECK(r.rig.store().all_results().size() == 63);
    CHECK(r.rig.fsm().counters().not_yours == 7);
}

TEST_CASE("an unknown task is taken up to its 64th attempt, so that one of the window is not all of them") {
    Restored r;
    r.gz.hello.running = {{unknown_task(1).task_id, 1}};
    r.restore();
    r.gz.connect();
    link::Task task = unknown_task(1);
    task.attempt = 0xffff'ffff;
    r.gz.answer(task);
    for (task.attempt = 1; task.attempt <= 100; ++task.attempt) r.gz.answer(task);
    CHECK(r.rig.store().all_results().size() == 1);
    CHECK(r.rig.fsm().counters().not_yours == 100);
}

TEST_CASE("a spool that begins behind a gap has what the window is of, whichever numbers they have") {
    Restored r;
    r.restore();
    r.gz.hello.gap = link::SpoolGap{1, 10, 1, 2};
    r.gz.hello.spool_first = 11;
    r.gz.hello.spool_last = 13;
    r.gz.connect();
    r.gz.leave();
    r.gz.hello.spool_id = samples::id<SpoolId>(500);  // damaged, and made anew behind the same gap
    r.gz.connect();
    r.gz.last_n = 10;
    for (const std::uint64_t number : {1, 2, 3, 4}) r.gz.answer(unknown_task(number));
    CHECK(r.gz.acked() == 14);
    CHECK(r.rig.store().all_results().size() == 3);
    CHECK(r.rig.fsm().counters().not_yours == 1);
}

TEST_CASE(
    "a task that went elsewhere after the backup is taken into its run, that of a run that has all of its tasks is "
    "not") {
    Restored r;
    JobRequest request = ping_job("carrier:ct node:gz-1");
    SUBCASE("it may go elsewhere") {
        request.terms.when_unknown = WhenUnknown::elsewhere;
    }
    SUBCASE("it may not") {}
    const bool may = request.terms.when_unknown == WhenUnknown::elsewhere;
    const RunId run = r.rig.create(request).value().id;
    r.backup = r.rig.store().backup();
    link::Task instead = unknown_task(1);
    instead.run_id = run;
    r.sh.hello.spool_first = 1;
    r.sh.hello.spool_last = 1;
    r.restore();
    r.sh.connect();
    r.sh.last_n = 0;
    r.sh.answer(instead);
    CHECK(r.sh.acked() == 1);
    CHECK(r.rig.store().all_results().size() == (may ? 1 : 0));
    CHECK(r.rig.run(run).tasks.total == (may ? 2 : 1));
}

TEST_CASE("a node that says that its spool is endless opens no endless window") {
    Restored r;
    r.restore();
    r.gz.hello.spool_first = 5'000'001;
    r.gz.hello.spool_last = 1ULL << 52;
    r.gz.connect();
    const auto spools = r.rig.store().load().value().spools;
    REQUIRE(!spools.empty());
    CHECK(spools[0].recover_upto == 7'000'000);
}

TEST_CASE("without a restore an unknown task is nobody's") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.spool_first = 1;
    agent.hello.spool_last = 1;
    agent.hello.running = {{samples::id<TaskId>(8), 1}};
    agent.connect();
    CHECK(agent.welcome.revoke.size() == 1);
    agent.last_n = 0;
    link::Task task;
    task.task_id = samples::id<TaskId>(8);
    task.run_id = samples::id<RunId>(8);
    task.line = samples::line_name("telecom");
    agent.answer(task);
    CHECK(agent.acked() == 1);
    CHECK(rig.store().all_results().empty());
    CHECK(rig.fsm().counters().not_yours == 1);
}

TEST_CASE("a task that the backup knew ends by the result that is sent again, of an attempt made since too") {
    Restored r;
    const RunId run = r.rig.ping("node:gz-1 carrier:ct").value().id;
    auto task = r.gz.tasks().at(0);
    r.backup = r.rig.store().backup();
    SUBCASE("the same attempt") {}
    SUBCASE("a later attempt") {
        task.attempt = 3;
    }
    const auto result = r.gz.result_of(task);
    r.restore();
    r.gz.connect();
    CHECK(r.gz.tasks().empty());  // it may be in the spool
    r.gz.send({result});
    CHECK(r.rig.run(run).tasks.succeeded == 1);
    CHECK(r.rig.store().tasks(run, {}).value().items.at(0).attempt == task.attempt);
    CHECK(!r.rig.run(run).recovered);
    CHECK(r.gz.tasks().empty());
}

TEST_CASE("results that a node had no room for are a gap of a spool that is new here, too, with their times") {
    Rig rig;
    TestAgent gz{rig, rig.enroll("gz-1"), 1};
    gz.hello.spool_last = 5'041;
    gz.hello.spool_first = 5'031;
    gz.hello.gap = link::SpoolGap{1, 5'030, 1'767'225'600'000'000, 1'767'225'660'000'000};
    gz.connect();
    const auto gaps = events_of(rig, gz.hello.node_id, NodeEventKind::results_gap);
    REQUIRE(gaps.size() == 1);
    CHECK(gaps[0].was == "1");
    CHECK(gaps[0].became == "5030");
    CHECK(gz.welcome.credit.upto_n > 5'031);  // or it could send nothing
    CHECK(gaps[0].reason.ends_with("between 2026-01-01T00:00:00.000Z and 2026-01-01T00:01:00.000Z"));
    gz.leave();
    gz.connect();  // told again until something behind it is acknowledged
    CHECK(events_of(rig, gz.hello.node_id, NodeEventKind::results_gap).size() == 1);
    CHECK(rig.fsm().counters().gaps == 5'030);
}

TEST_CASE("what a node does not keep any more is noted as a gap, once, and the sequence goes on behind it") {
    Restored r;
    for (int i = 0; i < 4; ++i) {
        r.rig.ping("node:gz-1 carrier:ct").value();
        r.answer(r.gz, r.gz.tasks().at(0));
    }
    r.restore();
    SUBCASE("some is kept") {
        r.gz.hello.spool_first = 4;
    }
    SUBCASE("nothing is kept") {
        r.gz.hello.spool_first = 0;
    }
    SUBCASE("a number that cannot be says no more than its spool") {
        r.gz.hello.spool_first = 1'000;
    }
    const std::uint64_t next = r.gz.hello.spool_first == 4 ? 4 : 5;
    r.gz.connect();
    const auto gaps = events_of(r.rig, r.gz.hello.node_id, NodeEventKind::results_gap);
    REQUIRE(gaps.size() == 1);
    CHECK(gaps[0].was == "1");
    CHECK(gaps[0].became == std::to_string(next - 1));
    CHECK(r.rig.fsm().counters().gaps == next - 1);
    r.gz.leave();
    r.gz.connect();
    CHECK(r.gz.welcome.results_acked == next - 1);
    CHECK(events_of(r.rig, r.gz.hello.node_id, NodeEventKind::results_gap).size() == 1);
    r.gz.hello.spool_first = next;
    const RunId run = r.rig.ping("node:gz-1 carrier:ct").value().id;
    r.gz.last_n = next - 1;
    const auto tasks = r.gz.tasks();
    REQUIRE(tasks.size() == 1);
    r.gz.answer(tasks[0]);
    CHECK(r.gz.acked() == next);
    CHECK(r.rig.run(run).tasks.succeeded == 1);
}

}  // namespace edge::broker
