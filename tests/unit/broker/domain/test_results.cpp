#include <doctest/doctest.h>

#include <algorithm>

#include "protocol/json/described.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

/// One node with one task on each of its three lines.
struct Running {
    explicit Running(DomainOptions options = {}) : rig(std::move(options)), agent(rig, rig.enroll("gz-1")) {
        agent.connect();
        run = rig.ping("all").value().id;
        tasks = agent.tasks();
        agent.accept(3);
    }
    std::size_t stored() const { return const_cast<Rig&>(rig).store().all_results().size(); }

    Rig rig;
    TestAgent agent;
    RunId run;
    std::vector<link::Task> tasks;
};

}  // namespace

TEST_CASE("how an attempt ended decides how its task did") {
    struct Row {
        Status status;
        std::string code;
        TaskState end;
    };
    const Row table[] = {{Status::ok, "", TaskState::succeeded},
                         {Status::partial, "", TaskState::succeeded},
                         {Status::failed, "NXDOMAIN", TaskState::failed},
                         {Status::failed, "", TaskState::failed},
                         {Status::failed, "timeout", TaskState::timed_out},
                         {Status::failed, "canceled", TaskState::canceled},
                         {Status::refused, "denied", TaskState::failed},
                         {Status::refused, "expired", TaskState::expired},
                         {Status::refused, "canceled", TaskState::canceled}};
    for (const auto& row : table) {
        link::TaskResult result;
        result.status = row.status;
        if (!row.code.empty()) result.failure = Failure{Source::agent, "start", row.code, ""};
        CAPTURE(row.code);
        CHECK(end_of(result) == row.end);
    }
}

TEST_CASE("results are acknowledged and shown only when they are committed") {
    Running r;
    r.rig.act([&](DomainFsm& fsm, Now, Actions&) { fsm.watch(r.run); });
    r.rig.hold_writes = true;
    r.agent.send({r.agent.result_of(r.tasks[0]), r.agent.result_of(r.tasks[1])});
    CHECK(r.agent.acked() == 0);
    CHECK(r.rig.take<Happened>().empty());
    CHECK(r.rig.run(r.run).tasks.succeeded == 0);
    r.rig.commit();
    CHECK(r.agent.acked() == 2);
    CHECK(r.rig.take<Happened>().size() == 4);  // a task and a result, twice
    CHECK(r.rig.run(r.run).tasks.succeeded == 2);
    CHECK(r.rig.take<RunEnded>().empty());
}

TEST_CASE("a run is finished in the transaction of its last result") {
    Running r;
    r.rig.act([&](DomainFsm& fsm, Now, Actions&) { fsm.watch(r.run); });
    const auto before = r.rig.store().transactions();
    r.agent.send({r.agent.result_of(r.tasks[0]), r.agent.result_of(r.tasks[1], Status::failed, "timeout"),
                  r.agent.result_of(r.tasks[2])});
    CHECK(r.rig.store().transactions() == before + 1);
    const RunView view = r.rig.store().run(r.run).value().value();
    CHECK(view.state == RunState::finished);
    CHECK(view.tasks.succeeded == 2);
    CHECK(view.tasks.timed_out == 1);
    const auto events = r.rig.take<Happened>();
    REQUIRE(events.size() == 7);
    CHECK(std::holds_alternative<std::shared_ptr<const RunView>>(events.back().event));
    CHECK(r.rig.take<RunEnded>().size() == 1);
}

TEST_CASE("a finish that is being written is not shown by an earlier commit") {
    Running r;
    r.rig.hold_writes = true;
    r.agent.send({r.agent.result_of(r.tasks[0])});
    r.agent.send({r.agent.result_of(r.tasks[1]), r.agent.result_of(r.tasks[2])});
    r.rig.commit_one();
    CHECK(r.rig.run(r.run).state == RunState::running);
    CHECK(r.rig.run(r.run).tasks.succeeded == 1);
    CHECK(r.agent.acked() == 1);
    r.rig.commit();
    CHECK(r.rig.run(r.run).state == RunState::finished);
    CHECK(r.agent.acked() == 3);
}

TEST_CASE("what is sent twice is stored once") {
    Running r;
    const auto first = r.agent.result_of(r.tasks[0]);
    const auto second = r.agent.result_of(r.tasks[1]);
    r.agent.send({first, first, second});
    CHECK(r.stored() == 2);
    CHECK(r.agent.acked() == 2);
    (void)r.rig.sent<link::Credit>(r.agent.session);
    r.agent.send({first});
    CHECK(r.agent.acked() == 2);  // told again, with the credit: whoever lost the one lost the other
    CHECK(r.rig.sent<link::Credit>(r.agent.session).at(0).upto_n == r.agent.welcome.credit.upto_n);
    CHECK(r.rig.fsm().counters().duplicates == 2);
    SUBCASE("in a later session of the same spool") {
        r.agent.connect();
    }
    SUBCASE("after a restart of the broker") {
        r.rig.restart();
        r.agent.connect();
        CHECK(r.agent.welcome.results_acked == 2);
    }
    r.agent.send({first, second});
    CHECK(r.stored() == 2);
    CHECK(r.rig.run(r.run).tasks.succeeded == 2);
}

TEST_CASE("an attempt that answers twice under two numbers counts once") {
    Running r;
    auto first = r.agent.result_of(r.tasks[0]);
    auto again = r.agent.result_of(r.tasks[0], Status::failed);
    r.agent.send({first, again});
    CHECK(r.agent.acked() == 2);
    CHECK(r.stored() == 1);
    CHECK(r.rig.fsm().counters().duplicates == 1);
    CHECK(r.rig.fsm().counters().superseded == 0);  // nobody is told of it
    CHECK(r.rig.run(r.run).tasks.succeeded == 1);
    CHECK(r.rig.run(r.run).tasks.failed == 0);
}

TEST_CASE("a rid that another result of the spool has is no answer: the task stays open") {
    Running r;
    auto first = r.agent.result_of(r.tasks[0]);
    auto second = r.agent.result_of(r.tasks[1]);
    std::get<link::TaskResult>(second.envelope).rid = std::get<link::TaskResult>(first.envelope).rid;
    SUBCASE("in one message") {
        r.agent.send({first, second});
    }
    SUBCASE("while the first is being written") {
        r.rig.hold_writes = true;
        r.agent.send({first});
        r.agent.send({second});
        r.rig.commit();
        r.rig.hold_writes = false;
    }
    SUBCASE("when the first is stored") {
        r.agent.send({first});
        r.agent.send({second});
    }
    SUBCASE("after a restart of the broker") {
        r.agent.send({first});
        r.rig.restart();
        r.agent.hello.spool_first = 2;
        r.agent.hello.running = {{r.tasks[1].task_id, 1}};
        r.agent.connect();
        r.agent.send({second});
    }
    CHECK(r.agent.acked() == 2);
    CHECK(r.stored() == 1);
    CHECK(r.rig.run(r.run).tasks.succeeded == 1);
    CHECK(r.rig.run(r.run).tasks.running == 2);
    CHECK(r.rig.fsm().counters().reused_rids == 1);
    const auto notes = r.rig.take<Noted>();
    CHECK(std::count_if(notes.begin(), notes.end(), [](const Noted& n) { return n.event == "result.rid_reused"; }) ==
          1);
    r.agent.last_n = 2;
    r.agent.answer(r.tasks[1]);  // an honest one still counts
    CHECK(r.rig.run(r.run).tasks.succeeded == 2);
}

TEST_CASE("an older rid that no result has is as good as a newer one") {
    Running r;
    auto newer = r.agent.result_of(r.tasks[0]);
    auto older = r.agent.result_of(r.tasks[1]);
    std::swap(std::get<link::TaskResult>(newer.envelope).rid, std::get<link::TaskResult>(older.envelope).rid);
    r.agent.send({newer});
    r.agent.send({older});
    CHECK(r.rig.run(r.run).tasks.succeeded == 2);
    CHECK(r.rig.fsm().counters().reused_rids == 0);
}

TEST_CASE("a node that uses another node's rid hides neither result") {
    Running r;
    TestAgent other(r.rig, r.rig.enroll("sh-1"), 9);
    other.connect();
    const RunId both = r.rig.ping("carrier:ct").value().id;
    const auto mine = r.agent.tasks().at(0);
    const auto theirs = other.tasks().at(0);
    auto first = r.agent.result_of(mine);
    auto second = other.result_of(theirs);
    std::get<link::TaskResult>(second.envelope).rid = std::get<link::TaskResult>(first.envelope).rid;
    r.agent.send({first});
    other.send({second});
    CHECK(r.rig.run(both).tasks.succeeded == 2);
    CHECK(r.rig.store().results(both, {}).value().items.size() == 2);
}

TEST_CASE("a gap or a step back ends the session, and nothing that never came is acknowledged") {
    Running r;
    auto one = r.agent.result_of(r.tasks[0]);
    auto two = r.agent.result_of(r.tasks[1]);
    auto three = r.agent.result_of(r.tasks[2]);
    SUBCASE("a gap") {
        r.agent.send({one, three, two});
    }
    SUBCASE("not from the start") {
        r.agent.send({two, one});
    }
    CHECK(r.rig.take<CloseSession>().size() == 1);
    CHECK(r.stored() <= 1);
    r.agent.hello.spool_first = 1;
    r.agent.connect();
    std::vector<link::Received> rest;
    for (const auto& each : {one, two, three}) {
        if (std::get<link::TaskResult>(each.envelope).n > r.agent.welcome.results_acked) rest.push_back(each);
    }
    r.agent.send(rest);
    CHECK(r.stored() == 3);
    CHECK(r.agent.acked() == 3);
}

TEST_CASE("a spool may begin later than what we have") {
    Running r;
    r.agent.leave();
    r.agent.hello.spool_first = 5;
    r.agent.hello.spool_last = 5;
    r.agent.connect();
    r.agent.last_n = 4;
    r.agent.answer(r.tasks[0]);
    CHECK(r.agent.acked() == 5);
    CHECK(r.stored() == 1);
}

TEST_CASE("results beyond the granted credit end the session, and credit grows with what is stored") {
    DomainOptions options;
    options.result_window = 2;
    Running r(options);
    CHECK(r.agent.welcome.credit.upto_n == 2);
    SUBCASE("beyond") {
        r.agent.send({r.agent.result_of(r.tasks[0]), r.agent.result_of(r.tasks[1]), r.agent.result_of(r.tasks[2])});
        CHECK(r.rig.take<CloseSession>().size() == 1);
        CHECK(r.stored() == 2);
    }
    SUBCASE("within") {
        r.agent.answer(r.tasks[0]);
        r.agent.answer(r.tasks[1]);
        const auto credit = r.rig.sent<link::Credit>(r.agent.session);
        REQUIRE(!credit.empty());
        CHECK(credit.back().upto_n == 4);
        r.agent.answer(r.tasks[2]);
        CHECK(r.agent.acked() == 3);
    }
}

TEST_CASE("bytes of results that are not stored are bounded, but one message always fits") {
    DomainOptions options;
    options.result_window_bytes = 1'500;
    Running r(options);
    r.rig.hold_writes = true;
    auto large = r.agent.result_of(r.tasks[0]);
    large.bytes += 2'000;
    r.agent.send({large});
    CHECK(r.rig.take<CloseSession>().empty());
    SUBCASE("more than that") {
        r.agent.send({r.agent.result_of(r.tasks[1])});
        CHECK(r.rig.take<CloseSession>().size() == 1);
        r.rig.commit();
        CHECK(r.stored() == 1);
    }
    SUBCASE("more when it is stored") {
        r.rig.commit();
        r.agent.send({r.agent.result_of(r.tasks[1])});
        r.agent.send({r.agent.result_of(r.tasks[2])});
        CHECK(r.rig.take<CloseSession>().empty());
        r.rig.commit();
        CHECK(r.stored() == 3);
        CHECK(r.agent.acked() == 3);
    }
    SUBCASE("what is sent again is not held against it") {
        r.rig.commit();
        for (int i = 0; i < 10; ++i) r.agent.send({large});
        CHECK(r.rig.take<CloseSession>().empty());
    }
}

TEST_CASE(
    "results out of sequence cost no look at the store; those beyond the credit are looked for, since it may grow") {
    DomainOptions options;
    options.result_window = 1;
    Running r(options);
    r.rig.pass(600'000);  // all three are lost, the run is out of memory
    auto late = r.agent.result_of(r.tasks[0]);
    SUBCASE("beyond the credit") {
        auto beyond = r.agent.result_of(r.tasks[1]);
        Actions out;
        r.rig.fsm().receive(r.agent.session, {late, beyond}, r.rig.now(), out);
        REQUIRE(out.look_ups.size() == 1);
        CHECK(out.look_ups[0].tasks == std::vector<TaskId>{r.tasks[0].task_id, r.tasks[1].task_id});
    }
    SUBCASE("out of sequence") {
        std::get<link::TaskResult>(late.envelope).n = 7;
        Actions out;
        r.rig.fsm().receive(r.agent.session, {late}, r.rig.now(), out);
        CHECK(out.look_ups.empty());
    }
}

TEST_CASE("what waits for a look into the store is bounded, results or not") {
    Running r;
    r.rig.pass(600'000);  // the run is out of memory
    Actions out;
    r.rig.fsm().receive(r.agent.session, {r.agent.result_of(r.tasks[0])}, r.rig.now(), out);
    REQUIRE(out.look_ups.size() == 1);
    const auto closed = [&] {
        return std::ranges::any_of(out.effects,
                                   [](const Effect& e) { return std::holds_alternative<CloseSession>(e); });
    };
    const link::Received large{link::Progress{}, {}, 256 * 1024};
    r.rig.fsm().receive(r.agent.session, {r.agent.result_of(r.tasks[1])}, r.rig.now(), out);
    for (int i = 0; i < 19; ++i) r.rig.fsm().receive(r.agent.session, {large}, r.rig.now(), out);
    SUBCASE("at one look") {}
    SUBCASE("over several") {
        r.rig.fsm().looked_up(r.agent.session, {}, r.rig.now(), out);
        CHECK(out.look_ups.size() == 2);
    }
    CHECK(!closed());  // not quite 5 MiB
    r.rig.fsm().receive(r.agent.session, {large}, r.rig.now(), out);
    CHECK(closed());
}

TEST_CASE("late results of one run, from two nodes at once, are both counted") {
    Rig rig;
    TestAgent one(rig, rig.enroll("gz-1"));
    TestAgent two(rig, rig.enroll("sh-1"), 2);
    one.connect();
    two.connect();
    const RunId run = rig.ping("carrier:ct").value().id;
    const auto first = one.tasks().at(0);
    const auto second = two.tasks().at(0);
    rig.pass(600'000);
    CHECK(rig.run(run).tasks.lost == 2);
    rig.hold_writes = true;
    one.send({one.result_of(first)});
    rig.commit_one();  // its task is found
    SUBCASE("the second is found while the first is being written") {}
    SUBCASE("the second is read before the first is written, and told afterwards") {
        rig.reads_at_once = true;
    }
    two.send({two.result_of(second)});
    rig.commit_one();  // the first is written
    CHECK(one.acked() == 1);
    CHECK(rig.store().run(run).value()->tasks.lost == 1);
    rig.commit();
    CHECK(two.acked() == 1);
    CHECK(rig.run(run).tasks.succeeded == 2);
    CHECK(rig.run(run).tasks.lost == 0);
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("a run that ends while a message waits for a look into the store takes the message's result") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const auto asked = [&] {
        REQUIRE(rig.ping("carrier:ct"));
        return agent.tasks().at(0);
    };
    const auto late = asked();
    const auto late_too = asked();
    rig.pass(600'000);  // they are lost, their runs out of memory
    const RunId run = rig.ping("carrier:ct").value().id;
    const auto open = agent.tasks().at(0);
    rig.hold_writes = true;
    SUBCASE("that was asked for before it ended") {
        agent.send({agent.result_of(late), agent.result_of(open)});  // only the first has to be looked for
        rig.pass(600'000);
    }
    SUBCASE("that was asked for when it had, and stayed for another") {
        agent.send({agent.result_of(late)});
        rig.pass(600'000);
        agent.send({agent.result_of(late_too), agent.result_of(open)});
    }
    while (rig.store().run(run).value()->state != RunState::finished) rig.commit_one();
    CHECK(rig.store().run(run).value()->tasks.lost == 1);
    rig.commit();
    CHECK(agent.acked() == agent.last_n);
    CHECK(rig.run(run).tasks.succeeded == 1);
    CHECK(rig.fsm().counters().not_yours == 0);
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("a result for somebody else's task is refused, counted, and does not stop the stream") {
    Running r;
    TestAgent other(r.rig, r.rig.enroll("sh-1"), 9);
    other.connect();
    const auto forged = [&](auto change) {
        auto received = other.result_of(r.tasks[0]);
        change(std::get<link::TaskResult>(received.envelope));
        return received;
    };
    other.send({forged([](auto&) {}), forged([](auto& x) { x.task_id = samples::id<TaskId>(5'000); })});
    CHECK(other.acked() == 2);
    CHECK(r.rig.fsm().counters().not_yours == 2);
    // Of its own task, but another line, run or attempt.
    auto lie = r.agent.result_of(r.tasks[0]);
    std::get<link::TaskResult>(lie.envelope).line = r.tasks[1].line;
    auto other_run = r.agent.result_of(r.tasks[0]);
    std::get<link::TaskResult>(other_run.envelope).run_id = samples::id<RunId>(5'000);
    auto future = r.agent.result_of(r.tasks[0]);
    std::get<link::TaskResult>(future.envelope).attempt = 2;
    r.agent.send({lie, other_run, future, r.agent.result_of(r.tasks[0])});
    CHECK(r.rig.fsm().counters().not_yours == 5);
    CHECK(r.stored() == 1);
    CHECK(r.agent.acked() == 4);
    CHECK(r.rig.run(r.run).tasks.succeeded == 1);
}

TEST_CASE("results that are not a node's are audited once for it and an hour, in the write that acknowledges them") {
    Running r;
    TestAgent other(r.rig, r.rig.enroll("sh-1"), 9);
    other.connect();
    const auto audited = [&] {
        auto rows = r.rig.store().all_audit();
        std::erase_if(rows, [](const AuditRecord& row) { return row.action != "result.not_yours"; });
        return rows;
    };
    const auto lie = [&](TestAgent& agent, const link::Task& task, std::size_t count) {
        std::vector<link::Received> message;
        for (std::size_t i = 0; i < count; ++i) {
            message.push_back(agent.result_of(task));
            std::get<link::TaskResult>(message.back().envelope).line = LineName::parse("no-such-line").value();
        }
        agent.send(std::move(message));
    };
    r.rig.hold_writes = true;
    lie(other, r.tasks[0], 100);
    r.rig.commit_one();
    r.rig.hold_writes = false;
    CHECK(other.acked() == 100);
    REQUIRE(audited().size() == 1);
    CHECK(audited()[0].at == r.rig.now().wall);
    CHECK(audited()[0].actor == other.hello.node_id.text());
    CHECK(audited()[0].object == r.tasks[0].task_id.text());
    SUBCASE("however many come, over whatever session") {
        for (int i = 0; i < 20; ++i) lie(other, r.tasks[0], 500);
        other.leave();
        other.connect();
        lie(other, r.tasks[1], 1);
        r.rig.pass(3'599'999);
        lie(other, r.tasks[1], 1);
        CHECK(r.rig.fsm().counters().not_yours == 10'102);
        CHECK(audited().size() == 1);
        r.rig.pass(1);
        lie(other, r.tasks[1], 2);
        REQUIRE(audited().size() == 2);
        CHECK(audited()[1].object == r.tasks[1].task_id.text());
    }
    SUBCASE("each node that does it") {
        TestAgent third(r.rig, r.rig.enroll("sh-2", 3), 10);
        third.connect();
        lie(third, r.tasks[0], 2);
        REQUIRE(audited().size() == 2);
        CHECK(audited()[1].actor == third.hello.node_id.text());
    }
    SUBCASE("not one whose run was forgotten, or who mistakes its own") {
        lie(r.agent, r.tasks[0], 2);
        link::Task gone = r.tasks[0];
        gone.task_id = samples::id<TaskId>(5'000);
        lie(r.agent, gone, 2);
        CHECK(r.rig.fsm().counters().not_yours == 104);
        CHECK(audited().size() == 1);
    }
    SUBCASE("and none that does not") {
        r.agent.answer(r.tasks[0]);
        CHECK(audited().size() == 1);
        CHECK(r.stored() == 1);
    }
}

TEST_CASE("service and target are what was asked, whatever the node says") {
    Running r;
    auto received = r.agent.result_of(r.tasks[0]);
    std::get<link::TaskResult>(received.envelope).target = "evil.example";
    std::get<link::TaskResult>(received.envelope).service = Service::dns;
    r.agent.send({received});
    const auto stored = r.rig.store().all_results().at(0).view;
    CHECK(stored->result.target == "198.51.100.10");
    CHECK(stored->result.service == Service::ping);
}

TEST_CASE("a result says how far its node's clock was off when it came, where that was known") {
    Running r;
    r.agent.answer(r.tasks[0]);
    r.rig.act([&](DomainFsm& fsm, Now now, Actions&) { fsm.measured(r.agent.session, 700, -3'600'000'000, now); });
    r.agent.answer(r.tasks[1]);
    const auto results = r.rig.store().results(r.run, PageRequest{}).value().items;
    REQUIRE(results.size() == 2);
    CHECK(!results[0].clock_offset_us);
    CHECK(results[1].clock_offset_us == -3'600'000'000);
}

TEST_CASE("the first result of a task wins, a later attempt's is kept as superseded") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunId run = rig.ping("all").value().id;
    const auto first = agent.tasks();
    agent.leave();
    TestAgent reborn(rig, agent.hello.node_id, 2);
    reborn.hello.join_counter = agent.hello.join_counter;
    reborn.connect();
    const auto second = reborn.tasks();
    REQUIRE(second.size() == 3);
    reborn.answer(second[0]);
    // The old disk turns up again with the answer to the first attempt.
    agent.hello.join_counter = reborn.hello.join_counter;
    agent.connect();
    const auto task =
        std::find_if(first.begin(), first.end(), [&](const auto& t) { return t.task_id == second[0].task_id; });
    agent.answer(*task, Status::failed);
    const auto results = rig.store().results(run, {}).value().items;
    REQUIRE(results.size() == 2);
    CHECK(!results[0].superseded);
    CHECK(results[1].superseded);
    CHECK(rig.run(run).tasks.succeeded == 1);
    CHECK(rig.run(run).tasks.failed == 0);
    CHECK(rig.fsm().counters().superseded == 1);
}

TEST_CASE("a late result replaces an expiry that was only presumed, and no result replaces one that was told") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.leave();
    const RunId run = rig.ping("telecom").value().id;
    rig.pass(60'000);
    CHECK(rig.run(run).tasks.expired == 1);
    const TaskView task = rig.store().tasks(run, {}).value().items.at(0);
    agent.connect();
    link::Task forged;
    forged.task_id = task.id;
    forged.run_id = run;
    forged.line = task.line.name;
    SUBCASE("presumed") {
        agent.answer(forged);
        CHECK(rig.run(run).tasks.expired == 0);
        CHECK(rig.run(run).tasks.succeeded == 1);
        CHECK(!rig.store().results(run, {}).value().items.at(0).superseded);
    }
    SUBCASE("told") {
        agent.send({agent.result_of(forged, Status::refused, "expired")});
        agent.answer(forged);
        CHECK(rig.run(run).tasks.expired == 1);
        CHECK(rig.run(run).tasks.succeeded == 0);
        CHECK(rig.fsm().counters().duplicates == 1);
    }
    CHECK(rig.fsm().active_runs() == 0);
}

TEST_CASE("messages that come while old runs are looked for are taken in order") {
    Running r;
    r.rig.pass(600'000);  // all three are lost, the run is out of memory
    CHECK(r.rig.fsm().active_runs() == 0);
    const RunId second = r.rig.ping("telecom").value().id;
    const auto fresh = r.agent.tasks().at(0);
    r.rig.hold_writes = true;
    r.agent.send({r.agent.result_of(r.tasks[0])});
    r.agent.send({r.agent.result_of(fresh), r.agent.result_of(r.tasks[1])});
    CHECK(r.stored() == 0);
    r.rig.commit();
    CHECK(r.stored() == 3);
    CHECK(r.agent.acked() == 3);
    CHECK(r.rig.run(second).tasks.succeeded == 1);
    CHECK(r.rig.run(r.run).tasks.succeeded == 2);
    CHECK(r.rig.run(r.run).tasks.lost == 1);
    CHECK(r.rig.fsm().active_runs() == 0);
}

TEST_CASE("progress reaches those who watch, and nobody else's business") {
    Running r;
    const auto progress = [&](TestAgent& agent, std::uint32_t attempt) {
        agent.send({{link::Progress{r.tasks[0].task_id, attempt, link::ProgressKind::data, Json{{"seq", 1}}}, {}}});
    };
    progress(r.agent, 1);
    CHECK(r.rig.take<Happened>().empty());
    r.rig.act([&](DomainFsm& fsm, Now, Actions&) { fsm.watch(r.run); });
    progress(r.agent, 1);
    CHECK(r.rig.take<Happened>().size() == 1);
    progress(r.agent, 2);
    TestAgent other(r.rig, r.rig.enroll("sh-1"), 9);
    other.connect();
    progress(other, 1);
    CHECK(r.rig.take<Happened>().empty());
    r.rig.act([&](DomainFsm& fsm, Now, Actions&) { fsm.unwatch(r.run); });
    progress(r.agent, 1);
    CHECK(r.rig.take<Happened>().empty());
}

}  // namespace edge::broker
