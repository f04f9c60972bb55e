// A node's key is replaced by one that the old one signed; and two holders of one key.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

std::string_view chars(const PublicKey& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

/// A node whose key the test has.
struct Keyed {
    Rig rig;
    SigningKey old = SigningKey::generate();
    SigningKey fresh = SigningKey::generate();
    NodeId node = enrolled();
    TestAgent agent{rig, node};

    NodeId enrolled() {
        link::EnrollRequest request = rig.enroll_request(rig.join_token("gz-1"), "", 1);
        request.public_key = to_base64(old.public_key());
        return rig.enroll_with(request).value().node_id;
    }
    link::NewKey offer() const {
        const std::string input = link::new_key_signing_input(node, chars(fresh.public_key()));
        return {to_base64(fresh.public_key()), to_base64(old.sign(as_bytes(input))),
                to_base64(fresh.sign(as_bytes(input)))};
    }
    void send(link::NewKey key) { agent.send({{std::move(key), {}}}); }
    bool joins_with(const SigningKey& key) {
        agent.hello.boot_id = "one";
        const auto answer = rig.join(agent.hello, key.public_key());
        const auto* welcome = std::get_if<link::Welcome>(&answer);
        if (!welcome) return false;
        agent.welcome = *welcome;
        agent.session = welcome->session_id;
        agent.confirm();
        return true;
    }
    std::size_t taken() { return rig.sent<link::KeyTaken>(agent.session).size(); }
};

}  // namespace

TEST_CASE("a new key is stored, then confirmed; the old one is good until the new one is used") {
    Keyed it;
    it.agent.connect();
    it.rig.hold_writes = true;
    it.send(it.offer());
    CHECK(it.taken() == 0);
    it.rig.commit();
    it.rig.hold_writes = false;
    CHECK(it.taken() == 1);
    CHECK(it.rig.fsm().node("gz-1").value().new_key_at.has_value());
    it.send(it.offer());  // the answer was lost
    CHECK(it.taken() == 1);
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        it.rig.restart();
    }
    CHECK(it.joins_with(it.old));
    CHECK(it.joins_with(it.fresh));
    CHECK(!it.joins_with(it.old));
    CHECK(!it.rig.fsm().node("gz-1").value().new_key_at.has_value());
    it.rig.restart();
    CHECK(!it.joins_with(it.old));
    CHECK(it.joins_with(it.fresh));
    const auto events = it.rig.store().events(it.node, PageRequest{}).value().items;
    CHECK(std::ranges::count(events, NodeEventKind::key_changed, &NodeEvent::kind) == 1);
}

TEST_CASE("a day after the new key came the old one is none, used or not") {
    Keyed it;
    it.agent.connect();
    it.send(it.offer());
    it.rig.pass(24 * 3'600'000 - 1);
    CHECK(it.joins_with(it.old));
    it.rig.pass(1);
    CHECK(!it.joins_with(it.old));
    CHECK(it.joins_with(it.fresh));
}

TEST_CASE("a key that both did not sign, or that is another's, ends the session and changes nothing") {
    Keyed it;
    link::NewKey wrong = it.offer();
    SUBCASE("not by the old key") {
        wrong.by_old = wrong.by_new;
    }
    SUBCASE("not by the new key") {
        wrong.by_new = wrong.by_old;
    }
    SUBCASE("for another node") {
        const std::string input = link::new_key_signing_input(samples::id<NodeId>(9), chars(it.fresh.public_key()));
        wrong.by_old = to_base64(it.old.sign(as_bytes(input)));
        wrong.by_new = to_base64(it.fresh.sign(as_bytes(input)));
    }
    SUBCASE("no key at all") {
        wrong.public_key = "AAAA";
    }
    SUBCASE("another node's") {
        link::EnrollRequest request = it.rig.enroll_request(it.rig.join_token("gz-2"), "", 1);
        request.public_key = wrong.public_key;
        REQUIRE(it.rig.enroll_with(request).has_value());
    }
    it.agent.connect();
    it.send(wrong);
    CHECK(it.taken() == 0);
    CHECK(it.rig.take<CloseSession>().size() == 1);
    CHECK(!it.joins_with(it.fresh));
    CHECK(it.joins_with(it.old));
}

TEST_CASE("a node is asked for a new key at once, or when it comes, until it has sent one") {
    Keyed it;
    const auto asked = [&] { return it.rig.sent<link::RotateKey>(it.agent.session).size(); };
    SUBCASE("while it is connected") {
        it.agent.connect();
        REQUIRE(it.rig.order("gz-1", NodeOrder::rotate_key).has_value());
        CHECK(asked() == 1);
    }
    SUBCASE("while it is away, and the broker is restarted") {
        REQUIRE(it.rig.order("gz-1", NodeOrder::rotate_key).has_value());
        it.rig.restart();
        it.agent.connect();
        CHECK(asked() == 1);
    }
    it.agent.connect();
    CHECK(asked() == 1);
    it.send(it.offer());
    it.agent.connect();
    CHECK(asked() == 0);
}

TEST_CASE("an order for a new key that comes twice is one, a later one is another") {
    Keyed it;
    const auto asked = [&] { return it.rig.sent<link::RotateKey>(it.agent.session).size(); };
    it.agent.connect();
    it.send(it.offer());
    SUBCASE("soon after") {
        REQUIRE(it.rig.order("gz-1", NodeOrder::rotate_key).has_value());
        CHECK(asked() == 0);
        it.agent.connect();
        CHECK(asked() == 0);
    }
    SUBCASE("later") {
        it.rig.pass(120'000);
        REQUIRE(it.rig.order("gz-1", NodeOrder::rotate_key).has_value());
        CHECK(asked() == 1);
    }
}

TEST_CASE("a second new key in a session is signed by the first") {
    Keyed it;
    it.agent.connect();
    it.send(it.offer());
    CHECK(it.taken() == 1);
    it.old = std::exchange(it.fresh, SigningKey::generate());
    it.rig.pass(120'000);
    it.send(it.offer());
    CHECK(it.taken() == 1);
    CHECK(it.rig.take<CloseSession>().empty());
    CHECK(it.joins_with(it.fresh));
}

TEST_CASE("a key that signs for the next one has taken the place of the one before, however often that is done") {
    Keyed it;
    const PublicKey first = it.old.public_key();
    it.agent.connect();
    for (int day = 0; day < 3; ++day) {
        it.rig.pass(23 * 3'600'000);
        it.send(it.offer());
        CHECK(it.taken() == 1);
        it.old = std::exchange(it.fresh, SigningKey::generate());
    }
    const NodeKey valid = it.rig.fsm().find_key(it.node, it.rig.now()).value();
    CHECK(valid.key != first);
    CHECK(valid.next == it.old.public_key());
    it.rig.restart();
    CHECK(it.joins_with(it.old));
}

TEST_CASE("each session is told the gateway's key and the next one, where it has any") {
    DomainOptions options;
    options.pins = link::Pins{"sha256:AAAA", "sha256:BBBB"};
    Rig rig(options);
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const auto told = rig.sent<link::Pins>(agent.session);
    REQUIRE(told.size() == 1);
    CHECK(told[0].pin == "sha256:AAAA");
    CHECK(told[0].next == "sha256:BBBB");
}

TEST_CASE("two agents that take each other's place again and again lock the node as suspect, every time") {
    for (int round = 0; round < 100; ++round) {
        Rig rig({}, static_cast<std::uint64_t>(round) + 1);
        const NodeId node = rig.enroll("gz-1");
        TestAgent agent(rig, node);
        int joins = 0;
        while (rig.fsm().node("gz-1").value().state != NodeState::locked && joins < 20) {
            agent.hello.boot_id = joins++ % 2 == 0 ? "one" : "other";
            const auto answer = rig.join(agent.hello);
            if (const auto* reject = std::get_if<link::Reject>(&answer)) {
                CHECK(reject->code == link::RejectCode::locked);
                CHECK(reject->fatal);
                break;
            }
            agent.welcome = std::get<link::Welcome>(answer);
            agent.session = agent.welcome.session_id;
            agent.confirm();
            rig.pass(1'000);
        }
        CHECK(joins == 5);  // one, other, and three that came back
        CHECK(rig.fsm().node("gz-1").value().reason.starts_with("suspect"));
        const auto events = rig.store().events(node, PageRequest{}).value().items;
        CHECK(std::ranges::count(events, NodeEventKind::locked, &NodeEvent::kind) == 1);
        REQUIRE(rig.enroll_with(rig.enroll_request(rig.join_token("gz-1"), "", 7)).has_value());
        TestAgent anew(rig, node, 2);
        anew.hello.boot_id = "one";
        anew.connect();  // judged anew
    }
}

TEST_CASE("an agent that takes its own place, is started anew, or comes back seldom is no clone") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    const auto joins = [&](const std::string& boot_id) {
        agent.hello.boot_id = boot_id;
        agent.connect();
        rig.pass(1'000);
    };
    for (int i = 0; i < 10; ++i) joins("one");
    for (int i = 0; i < 10; ++i) joins("boot-" + std::to_string(i));
    for (int i = 0; i < 10; ++i) {
        joins(i % 2 == 0 ? "one" : "other");
        rig.pass(400'000);
    }
    CHECK(rig.fsm().node("gz-1").value().state == NodeState::connected);
}

}  // namespace edge::broker
