#include <doctest/doctest.h>

#include "broker/domain/join_rule.hpp"
#include "protocol/json/described.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

NodeState state_of(Rig& rig, const std::string& name) {
    return rig.fsm().node(name).value().state;
}

}  // namespace

TEST_CASE("a counter is fresh when it is the last one, or the one before as long as the last was never confirmed") {
    CHECK(judge_join({5, true}, 5) == JoinVerdict::fresh);
    CHECK(judge_join({5, false}, 5) == JoinVerdict::fresh);
    CHECK(judge_join({5, false}, 4) == JoinVerdict::fresh);
    CHECK(judge_join({5, true}, 4) == JoinVerdict::stale);
    CHECK(judge_join({5, false}, 3) == JoinVerdict::stale);
    CHECK(judge_join({0, true}, 0) == JoinVerdict::fresh);
    // Never given out by this store: it is older than that, which is well when it was restored.
    CHECK(judge_join({5, true}, 6) == JoinVerdict::ahead);
    CHECK(judge_join({0, false}, UINT64_MAX) == JoinVerdict::ahead);
    CHECK(judge_join({5, true, true}, 6) == JoinVerdict::fresh);
    CHECK(judge_join({5, true, true}, 4) == JoinVerdict::stale);
    CHECK(judge_join({5, false, true}, 4) == JoinVerdict::fresh);
}

TEST_CASE("a node joins: the welcome carries what it needs, and it is connected once it has confirmed") {
    Rig rig;
    const NodeId node = rig.enroll("gz-1");
    CHECK(state_of(rig, "gz-1") == NodeState::enrolled);
    TestAgent agent(rig, node);
    agent.hello.work_last = 17;
    const auto answer = rig.join(agent.hello);
    const auto& welcome = std::get<link::Welcome>(answer);
    CHECK(welcome.epoch == 1);
    CHECK(welcome.join_counter == 1);
    CHECK(welcome.results_acked == 0);
    CHECK(welcome.work_from == 18);
    CHECK(welcome.credit.upto_n == 4'096);
    CHECK(welcome.server_time_us == rig.now().wall);
    CHECK(state_of(rig, "gz-1") != NodeState::connected);
    agent.welcome = welcome;
    agent.session = welcome.session_id;
    agent.confirm();
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
    const auto view = rig.fsm().node("gz-1").value();
    CHECK(view.lines.size() == 3);
    CHECK(view.labels.at("province") == "guangdong");
    agent.leave();
    CHECK(state_of(rig, "gz-1") == NodeState::disconnected);
}

TEST_CASE("nothing is welcomed before its join is in the store") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.join(rig.ticket(), agent.hello, rig.key_of(agent.hello.node_id), now, out);
    });
    CHECK(rig.take<JoinAnswer>().empty());
    rig.commit();
    CHECK(rig.take<JoinAnswer>().size() == 1);
}

TEST_CASE("a join that the store refuses is told to come again, and may") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.join(rig.ticket(), agent.hello, rig.key_of(agent.hello.node_id), now, out);
    });
    rig.refuse();
    const auto answers = rig.take<JoinAnswer>();
    REQUIRE(answers.size() == 1);
    CHECK(rejected(answers[0].answer).code == link::RejectCode::overloaded);
    rig.hold_writes = false;
    agent.connect();
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
}

TEST_CASE("an agent that stopped before it wrote the counter down comes back with the one before") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    CHECK(std::get<link::Welcome>(rig.join(agent.hello)).join_counter == 1);
    CHECK(std::get<link::Welcome>(rig.join(agent.hello)).join_counter == 1);
    SUBCASE("also when the broker was restarted in between") {
        rig.restart();
    }
    CHECK(std::get<link::Welcome>(rig.join(agent.hello)).join_counter == 1);
    agent.connect();
    agent.connect();
    CHECK(agent.welcome.join_counter == 2);
}

TEST_CASE("a second session with a fresh counter takes over, and the first is told so") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const SessionId old = agent.session;
    agent.connect();
    const auto closed = rig.take<CloseSession>();
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].session == old);
    CHECK(closed[0].why.reason == link::GoawayReason::taken_over);
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
    CHECK(agent.welcome.epoch == 2);
    // What the old socket still says is nobody's.
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.leave(old, now, out); });
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
}

TEST_CASE("a result of a session that was taken over is nobody's; the newer one brings it again") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    (void)rig.ping("telecom");
    const link::Task task = agent.tasks().at(0);
    agent.accept(task.n);
    const SessionId old = agent.session;
    const link::Received result = agent.result_of(task);
    agent.hello.spool_first = 1;
    agent.connect();
    agent.last_n = 1;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.receive(old, {result}, now, out); });
    CHECK(rig.store().all_results().empty());
    CHECK(rig.sent<link::ResultAck>(old).empty());
    CHECK(agent.acked() == 0);
    agent.send({result});
    CHECK(agent.acked() == 1);
    CHECK(rig.store().all_results().size() == 1);
}

TEST_CASE("a stale counter that was confirmed locks both holders of the key, for good") {
    Rig rig;
    const NodeId node = rig.enroll("gz-1");
    TestAgent agent(rig, node);
    TestAgent copy(rig, node);
    agent.connect();
    CHECK(rejected(rig.join(copy.hello)).code == link::RejectCode::stale_counter);
    const auto closed = rig.take<CloseSession>();
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].session == agent.session);
    CHECK(closed[0].why.reason == link::GoawayReason::revoked);
    CHECK(state_of(rig, "gz-1") == NodeState::locked);
    CHECK(rig.fsm().node("gz-1").value().lines.at(0).state == link::LineState::unknown);
    SUBCASE("also after a restart") {
        rig.restart();
    }
    CHECK(rejected(rig.join(agent.hello)).code == link::RejectCode::locked);
    CHECK(rejected(rig.join(copy.hello)).code == link::RejectCode::locked);
    CHECK(rig.ping("all").error().code == Errc::not_found);
    CHECK(rig.fsm().node("gz-1").value().reason == "its key was used from two places");
}

TEST_CASE("unknown nodes and other protocols are refused") {
    Rig rig;
    TestAgent stranger(rig, samples::id<NodeId>(77));
    CHECK(rejected(rig.join(stranger.hello)).code == link::RejectCode::unknown_node);
    CHECK(rig.fsm().find_key(samples::id<NodeId>(77), rig.now()).error().code == Errc::not_found);
    TestAgent old(rig, rig.enroll("gz-1"));
    old.hello.proto = 2;
    CHECK(rejected(rig.join(old.hello)).code == link::RejectCode::unsupported_version);
}

TEST_CASE("a confirmation with another counter, or a second one, ends the session") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.welcome = std::get<link::Welcome>(rig.join(agent.hello));
    agent.session = agent.welcome.session_id;
    SUBCASE("another counter") {
        agent.welcome.join_counter = 9;
    }
    SUBCASE("twice") {
        agent.confirm();
    }
    agent.confirm();
    CHECK(rig.take<CloseSession>().size() == 1);
    CHECK(rig.sent<link::ProtocolError>(agent.session).size() == 1);
    CHECK(rig.fsm().counters().protocol_errors == 1);
}

TEST_CASE("lines that changed are stored, and choose tasks after a restart too") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    link::Lines lines{{line("satellite", "star")}};
    agent.send({{lines, {}}});
    const auto before = rig.store().transactions();
    agent.send({{lines, {}}});
    CHECK(rig.store().transactions() == before);
    rig.restart();
    CHECK(rig.ping("satellite").value().tasks.total == 1);
    CHECK(rig.ping("telecom").error().code == Errc::not_found);
}

namespace {

/// What became of gz-NUMBER, oldest first: `line_state telecom up down: reason`.
std::vector<std::string> events_of(Rig& rig, int number = 1) {
    std::vector<std::string> all;
    const auto node = rig.fsm().node("gz-" + std::to_string(number)).value().node.id;
    const auto page = rig.store().events(node, PageRequest{}).value();
    for (const NodeEvent& e : page.items) {
        std::string text(enum_text(e.kind));
        if (!e.line.empty()) text += " " + e.line;
        if (!e.became.empty()) text += " " + e.was + ">" + e.became;
        all.insert(all.begin(), e.reason.empty() ? text : text + ": " + e.reason);
    }
    return all;
}

link::LineReport report(link::LineState state, link::Identity identity, const char* reason = "") {
    link::LineReport one = line("telecom", "ct");
    one.state = state;
    one.reason = reason;
    one.health = link::LineHealth{};
    one.health->identity = identity;
    one.health->origin = "AS9808 cm";
    return one;
}

}  // namespace

TEST_CASE(
    "a node whose session is taken over by its next is there all the while, and gone when that one never comes about") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.lines.clear();
    agent.connect();
    agent.connect();
    CHECK(events_of(rig) == std::vector<std::string>{"connected"});
    agent.welcome = std::get<link::Welcome>(rig.join(agent.hello));
    agent.session = agent.welcome.session_id;  // and it does not confirm
    CHECK(events_of(rig) == std::vector<std::string>{"connected"});
    agent.leave();
    CHECK(events_of(rig) == std::vector<std::string>{"connected", "disconnected"});
}

TEST_CASE(
    "another uplink than the last session's is an event, what it is on is kept, and shown while it is connected") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.uplink = link::Uplink{"telecom", "b:7443", link::UplinkBound::launcher, ""};
    agent.connect();
    CHECK(rig.fsm().node("gz-1").value().uplink->name == "telecom");
    agent.leave();
    CHECK(!rig.fsm().node("gz-1").value().uplink);
    agent.hello.uplink->broker = "c:7443";
    agent.connect();  // the same uplink: no news
    agent.leave();
    rig.restart();
    agent.hello.uplink = link::Uplink{"unicom", "b:7443", link::UplinkBound::launcher, std::string(400, 'w')};
    agent.connect();
    agent.leave();
    agent.hello.uplink.reset();  // an older agent
    agent.connect();
    CHECK(!rig.fsm().node("gz-1").value().uplink);
    std::vector<std::string> uplinks;
    for (const auto& event : events_of(rig))
        if (event.starts_with("uplink ")) uplinks.push_back(event);
    REQUIRE(uplinks.size() == 1);
    CHECK(uplinks[0] == "uplink telecom>unicom: " + std::string(256, 'w'));
}

TEST_CASE("what becomes of a node and its lines is kept: changes alone, in order, over a restart") {
    using link::Identity;
    using link::LineState;
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.lines = {line("telecom", "ct")};
    agent.hello.lines[0].state = LineState::up;
    agent.connect();
    const auto tell = [&](link::LineReport one) { agent.send({{link::Lines{{std::move(one)}}, {}}}); };
    tell(report(LineState::up, Identity::match));
    tell(report(LineState::degraded, Identity::match, "resolver is silent"));
    tell(report(LineState::degraded, Identity::match, "two are silent"));  // the same state, another reason
    tell(report(LineState::degraded, Identity::mismatch, "leaves by another"));
    using Events = std::vector<std::string>;
    const Events so_far{"line_state telecom >up", "connected", "line_identity telecom unknown>match: AS9808 cm",
                        "line_state telecom up>degraded: resolver is silent",
                        "line_identity telecom match>mismatch: AS9808 cm"};
    CHECK(events_of(rig) == so_far);
    CHECK(rig.take<Noted>().size() >= 4);

    // A hello has no room for health: what was known of a line that is as it was stays.
    agent.leave();
    agent.hello.lines = {report(LineState::degraded, Identity::mismatch, "leaves by another")};
    agent.hello.lines[0].health.reset();
    rig.restart();
    agent.connect();
    CHECK(rig.fsm().node("gz-1").value().lines.at(0).health->identity == Identity::mismatch);
    Events all = so_far;
    all.insert(all.end(), {"disconnected", "connected"});
    CHECK(events_of(rig) == all);
}

TEST_CASE("a broker's end is no change of its nodes: told as gone is who leaves before, or does not come back after") {
    Rig rig;
    TestAgent back(rig, rig.enroll("gz-1", 1)), lost(rig, rig.enroll("gz-2", 2)), left(rig, rig.enroll("gz-3", 3));
    for (auto* agent : {&back, &lost, &left}) {
        agent->hello.lines.clear();
        agent->connect();
    }
    left.leave();
    SUBCASE("it stops: sessions are sent away and leave") {
        rig.act([](DomainFsm& fsm, Now, Actions&) { fsm.stop_soon(); });
        back.leave();
        rig.act([](DomainFsm& fsm, Now now, Actions& out) { fsm.stop(now, out); });
    }
    SUBCASE("it is killed") {}
    rig.restart();
    rig.pass(89'000);
    back.connect();
    using Events = std::vector<std::string>;
    CHECK(events_of(rig, 1) == Events{"connected"});
    CHECK(events_of(rig, 2) == Events{"connected"});
    rig.pass(1'000);
    CHECK(events_of(rig, 1) == Events{"connected"});
    CHECK(events_of(rig, 2) == Events{"connected", "disconnected"});
    CHECK(events_of(rig, 3) == Events{"connected", "disconnected"});
    lost.connect();
    back.leave();
    CHECK(events_of(rig, 1) == Events{"connected", "disconnected"});
    CHECK(events_of(rig, 2) == Events{"connected", "disconnected", "connected"});
    rig.restart();
    rig.pass(90'000);  // it was there again, and is told again
    CHECK(events_of(rig, 1) == Events{"connected", "disconnected"});
    CHECK(events_of(rig, 2) == Events{"connected", "disconnected", "connected", "disconnected"});
}

TEST_CASE("a node whose spool was damaged or lost is told of, once") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    const auto told = [&] {
        return std::ranges::count_if(events_of(rig), [](const auto& one) { return one.starts_with("spool_replaced"); });
    };
    agent.connect();
    agent.leave();
    agent.hello.spool_id = samples::id<SpoolId>(2);
    (void)rig.join(agent.hello);
    CHECK(told() == 0);  // it is not confirmed
    agent.connect();
    agent.leave();
    rig.restart();
    agent.connect();
    CHECK(told() == 1);
}

TEST_CASE("a line with more checks than it can have ends the session") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    auto one = report(link::LineState::up, link::Identity::unknown);
    one.health->checks.resize(33);
    agent.send({{link::Lines{{one}}, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
}

TEST_CASE("a node that tells of itself all the time is written once a second, and last what it said last") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const auto tell = [&](link::LineState state) {
        link::Lines lines{agent.hello.lines};
        lines.lines[0].state = state;
        agent.send({{lines, {}}});
    };
    const auto state = [&] { return rig.fsm().node("gz-1").value().lines.at(0).state; };
    const auto before = rig.store().transactions();
    (void)rig.take<Noted>();
    for (int i = 0; i < 1'000; ++i) tell(i % 2 == 0 ? link::LineState::down : link::LineState::up);
    const auto at_once = rig.store().transactions() - before;
    CHECK(at_once >= 50);  // what a node with 32 lines has to say in a bad minute
    CHECK(at_once <= Pace::kAtOnce);
    CHECK(rig.take<Noted>().size() <= Pace::kAtOnce);
    tell(link::LineState::degraded);
    CHECK(state() != link::LineState::degraded);
    SUBCASE("in a moment") {
        rig.pass(2'000);
    }
    SUBCASE("when it comes again, for which it waits a little, too") {
        agent.leave();
        agent.hello.lines[0].state = link::LineState::degraded;
        const auto refused = rig.join(agent.hello);
        CHECK(rejected(refused).code == link::RejectCode::overloaded);
        const auto wait_ms = std::get<link::Reject>(refused).retry_after_ms;
        CHECK(wait_ms >= 1);
        CHECK(wait_ms <= 5'000);
        rig.pass(wait_ms);
        agent.connect();
    }
    CHECK(state() == link::LineState::degraded);
    CHECK(rig.store().transactions() - before <= at_once + 8);
}

TEST_CASE("whatever was spent, half a minute later one more may be") {
    Pace pace;
    CHECK(pace.next() == 0);
    pace.spend(100'000, 7'000'000);
    CHECK(pace.next() == 37'000'000);
    pace.spend(1, 90'000'000);
    CHECK(pace.next() <= 90'000'000);
}

TEST_CASE("a line that a node has no more is told") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.lines = {line("telecom", "ct"), line("unicom", "cu")};
    agent.connect();
    agent.send({{link::Lines{{line("telecom", "ct")}}, {}}});
    CHECK(events_of(rig).back() == "line_state unicom up>gone: the node has no line of this name any more");
    CHECK(rig.fsm().node("gz-1").value().lines.size() == 1);
    const auto told = events_of(rig).size();
    agent.send({{link::Lines{}, {}}});  // its launcher is not there: of the line nothing is known
    CHECK(events_of(rig).size() == told);
}

TEST_CASE("a node has one line of a name, in its hello and later") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    const auto good = agent.hello.lines;
    agent.hello.lines.push_back(agent.hello.lines[0]);
    const auto refused = rig.join(agent.hello);
    CHECK(rejected(refused).code == link::RejectCode::protocol_error);
    CHECK(std::get<link::Reject>(refused).text == kSameLineTwice);
    const auto twice = std::exchange(agent.hello.lines, good);
    agent.connect();
    agent.send({{link::Lines{twice}, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
    CHECK(rig.fsm().node("gz-1").value().lines.size() == 3);
}

TEST_CASE("a node has at most 32 lines, in its hello and later") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    link::Lines many;
    for (int i = 0; i < 33; ++i) many.lines.push_back(line("line-" + std::to_string(i), "ct"));
    agent.hello.lines = many.lines;
    const auto refused = rig.join(agent.hello);
    CHECK(rejected(refused).code == link::RejectCode::protocol_error);
    CHECK(std::get<link::Reject>(refused).text == kTooManyLines);
    agent.hello.lines.pop_back();
    agent.connect();
    CHECK(rig.fsm().node("gz-1").value().lines.size() == 32);
    agent.send({{many, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
    CHECK(rig.fsm().node("gz-1").value().lines.size() == 32);
}

TEST_CASE("what a session may not say ends it; what it may not know is ignored") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    agent.send({{link::UnknownEnvelope{"weather", false}, {}}, {link::Heartbeat{}, {}}});
    CHECK(rig.take<CloseSession>().empty());
    CHECK(rig.fsm().counters().unknown_envelopes == 1);
    const std::vector<link::Envelope> forbidden{link::UnknownEnvelope{"weather", true}, link::Welcome{},
                                                link::ResultAck{1}, link::WorkAck{1}};
    for (const auto& envelope : forbidden) {
        agent.connect();
        (void)rig.take<CloseSession>();
        agent.send({{envelope, {}}});
        CHECK(rig.take<CloseSession>().size() == 1);
    }
    // Before the confirmation nothing is taken.
    agent.welcome = std::get<link::Welcome>(rig.join(agent.hello));
    agent.session = agent.welcome.session_id;
    agent.send({{link::Heartbeat{}, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
}

TEST_CASE("a broker that stops sends everybody away") {
    Rig rig;
    TestAgent one(rig, rig.enroll("gz-1"));
    TestAgent two(rig, rig.enroll("gz-2"));
    one.connect();
    two.connect();
    rig.act([](DomainFsm& fsm, Now now, Actions& out) { fsm.stop(now, out); });
    const auto closed = rig.take<CloseSession>();
    REQUIRE(closed.size() == 2);
    CHECK(closed[0].why.reason == link::GoawayReason::maintenance);
    CHECK(rig.fsm().writes_under_way() == 0);
}

TEST_CASE("a node is seen with every heartbeat, and nothing is written for it") {
    Rig rig;
    const NodeId node = rig.enroll("gz-1");
    TestAgent agent(rig, node);
    agent.connect();
    const auto seen = [&] { return rig.fsm().node(node.text()).value().last_seen_at; };
    const auto before = seen();
    const auto written = rig.store().transactions();
    rig.pass(15'000);
    rig.act([&](DomainFsm& fsm, Now now, Actions&) { fsm.measured(agent.session, 700, 3, now); });
    REQUIRE(before);
    CHECK(seen() == *before + 15'000'000);
    CHECK(rig.store().transactions() == written);
}

}  // namespace edge::broker
