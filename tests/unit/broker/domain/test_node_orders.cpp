// What an operator decides about a node: revoke, approve, reject.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

NodeState state_of(Rig& rig, const std::string& name) {
    return rig.fsm().node(name).value().state;
}

std::string pending_token(Rig& rig) {
    JoinTokenTerms terms{.uses = 3};
    terms.approve = true;
    return rig.make_token(terms).value();
}

std::size_t events(Rig& rig, NodeId node, NodeEventKind kind) {
    const auto all = rig.store().events(node, PageRequest{}).value().items;
    return static_cast<std::size_t>(std::ranges::count(all, kind, &NodeEvent::kind));
}

}  // namespace

TEST_CASE("a revoked node is shut out: stored first, then its session is closed, and it stays out") {
    Rig rig;
    const NodeId node = rig.enroll("gz-1");
    TestAgent agent(rig, node);
    agent.connect();
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.order_node(rig.ticket(), "gz-1", NodeOrder::revoke, "stolen", {}, now, out);
    });
    CHECK(rig.take<CloseSession>().empty());
    CHECK(rig.take<NodeAnswer>().empty());
    rig.commit_one();
    const auto closed = rig.take<CloseSession>();
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].session == agent.session);
    CHECK(closed[0].why.reason == link::GoawayReason::revoked);
    CHECK(closed[0].why.deadline_ms == 0);
    const auto answers = rig.take<NodeAnswer>();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].node.value().state == NodeState::revoked);
    CHECK(answers[0].node.value().reason == "stolen");
    rig.commit();
    rig.hold_writes = false;
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        rig.restart();
    }
    const auto reject = rejected(rig.join(agent.hello));
    CHECK(reject.code == link::RejectCode::revoked);
    CHECK(reject.fatal);
    CHECK(reject.text.find("stolen") != std::string::npos);
    CHECK(reject.text.find("edgectl token create --node gz-1") != std::string::npos);
    CHECK(state_of(rig, "gz-1") == NodeState::revoked);
    CHECK(rig.ping("all").error().code == Errc::not_found);
    CHECK(events(rig, node, NodeEventKind::revoked) == 1);
    CHECK(events(rig, node, NodeEventKind::disconnected) == 1);
}

TEST_CASE("while a node is being shut out nobody takes its name with a new key; then that lasts over a restart") {
    Rig rig;
    const std::string token = rig.join_token("gz-1");
    const NodeId node = rig.enroll("gz-1", 1);
    TestAgent agent(rig, node);
    agent.connect();
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.order_node(rig.ticket(), "gz-1", NodeOrder::revoke, "stolen", {}, now, out);
    });
    const auto again = rig.enroll_request(token, "gz-1", 2);
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.enroll(rig.ticket(), {again, "192.0.2.1"}, now, out); });
    const auto refused = rig.take<EnrollAnswer>();
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].reply.error().code == Errc::unavailable);
    rig.commit();
    rig.hold_writes = false;
    REQUIRE(rig.enroll_with(again).has_value());
    rig.restart();
    CHECK(state_of(rig, "gz-1") != NodeState::revoked);
    TestAgent fresh(rig, node, 2);
    fresh.connect();
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
}

TEST_CASE("what a revoked node was given ends as for a node that is gone") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const RunId run = rig.ping("telecom").value().id;
    const auto task = agent.tasks().at(0);
    agent.accept(task.n);
    REQUIRE(rig.order("gz-1", NodeOrder::revoke));
    CHECK(rig.run(run).state == RunState::running);
    rig.pass(200'000);
    CHECK(rig.run(run).state == RunState::finished);
    CHECK(rig.run(run).tasks.lost == 1);
    agent.answer(task);  // what its socket still brings is nobody's
    CHECK(rig.run(run).tasks.lost == 1);
}

TEST_CASE("nothing that is written of a node later takes its revocation back") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.order_node(rig.ticket(), "gz-1", NodeOrder::revoke, "", {}, now, out);
        fsm.leave(agent.session, now, out);
    });
    rig.commit();
    rig.restart();
    CHECK(state_of(rig, "gz-1") == NodeState::revoked);
}

TEST_CASE("a revoked node comes back by a token made for its name, with a new key only") {
    Rig rig;
    const std::string first = rig.join_token("gz-1");
    const NodeId node = rig.enroll_with(rig.enroll_request(first, "", 1)).value().node_id;
    REQUIRE(rig.order("gz-1", NodeOrder::revoke, "lost"));
    const auto again = rig.enroll_with(rig.enroll_request(first, "", 1));
    REQUIRE(!again);  // the old token and key bring nobody back
    CHECK(again.error().detail.find("was revoked") != std::string::npos);
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token("gz-1"), "", 2)).value().node_id == node);
    const auto view = rig.fsm().node("gz-1").value();
    CHECK(view.state == NodeState::enrolled);
    CHECK(view.reason.empty());
    TestAgent anew(rig, node, 2);
    anew.connect();
    CHECK(state_of(rig, "gz-1") == NodeState::connected);
    PublicKey old{};
    old.fill(1);
    CHECK(rejected(rig.join(anew.hello, old)).code == link::RejectCode::bad_signature);
}

TEST_CASE("a node that needs approval is pending: told to come again, given nothing, until it is approved") {
    Rig rig;
    const NodeId node = rig.enroll_with(rig.enroll_request(pending_token(rig), "gz-1", 1)).value().node_id;
    CHECK(state_of(rig, "gz-1") == NodeState::pending);
    TestAgent agent(rig, node);
    const auto reject = rejected(rig.join(agent.hello));
    CHECK(reject.code == link::RejectCode::pending);
    CHECK(!reject.fatal);
    CHECK(reject.retry_after_ms == 30'000);
    CHECK(rig.ping("all").error().code == Errc::not_found);
    CHECK(rig.order("gz-1", NodeOrder::rotate_key).error().code == Errc::conflict);
    SUBCASE("approved") {
        CHECK(rig.order("gz-1", NodeOrder::approve).value().state == NodeState::enrolled);
        CHECK(rig.order("gz-1", NodeOrder::approve).has_value());  // asked again
        rig.restart();
        agent.connect();
        CHECK(state_of(rig, "gz-1") == NodeState::connected);
        CHECK(events(rig, node, NodeEventKind::approved) == 1);
        CHECK(rig.order("gz-1", NodeOrder::reject).error().code == Errc::conflict);
    }
    SUBCASE("rejected, which revokes it") {
        CHECK(rig.order("gz-1", NodeOrder::reject, "nobody knows it").value().reason == "rejected: nobody knows it");
        CHECK(rejected(rig.join(agent.hello)).code == link::RejectCode::revoked);
        CHECK(rig.order("gz-1", NodeOrder::approve).error().code == Errc::conflict);
    }
    CHECK(rig.order("gz-9", NodeOrder::approve).error().code == Errc::not_found);
}

TEST_CASE("an order waits for an enrolment of the node that is being written") {
    Rig rig;
    (void)rig.enroll("gz-1", 1);
    REQUIRE(rig.order("gz-1", NodeOrder::revoke));
    const auto request = rig.enroll_request(rig.join_token("gz-1"), "", 2);
    rig.hold_writes = true;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.enroll(rig.ticket(), {request, ""}, now, out); });
    CHECK(rig.order("gz-1", NodeOrder::revoke).error().code == Errc::unavailable);
    rig.commit();
    rig.hold_writes = false;
    CHECK(rig.order("gz-1", NodeOrder::revoke).value().state == NodeState::revoked);
    rig.restart();
    CHECK(state_of(rig, "gz-1") == NodeState::revoked);
}

}  // namespace edge::broker
