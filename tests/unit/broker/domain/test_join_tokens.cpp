// What a join token may say, and for whom it is good.
#include <doctest/doctest.h>

#include <algorithm>

#include "broker/domain/join_terms.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

using samples::node_name;

JoinTokenTerms terms_of(std::uint32_t uses) {
    return {.uses = uses};
}

std::string refusal(Rig& rig, const JoinTokenTerms& terms, std::uint64_t ttl_ms = 0) {
    const auto made = rig.make_token(terms, ttl_ms);
    return made ? std::string() : made.error().where;
}

JoinTokenView newest(Rig& rig) {
    return rig.fsm().join_tokens().back();
}

}  // namespace

TEST_CASE("a token for several uses enrols so many nodes and not one more") {
    Rig rig;
    const std::string token = rig.make_token(terms_of(3)).value();
    for (std::uint8_t i = 1; i <= 3; ++i)
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-" + std::to_string(i), i)).has_value());
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        rig.restart();
    }
    const auto spent = rig.enroll_with(rig.enroll_request(token, "n-4", 4));
    REQUIRE(!spent);
    CHECK(spent.error().code == Errc::denied);
    CHECK(spent.error().detail.find("all 3 uses") != std::string::npos);
    // A lost reply is answered again, and costs no use.
    CHECK(rig.enroll_with(rig.enroll_request(token, "n-2", 2)).value().name == node_name("n-2"));
    CHECK(newest(rig).used == 3);
    CHECK(rig.fsm().nodes().size() == 3);
    for (const auto& node : rig.fsm().nodes()) CHECK(node.token == newest(rig).id);
}

TEST_CASE("no token is made for a node that is in use") {
    Rig rig;
    (void)rig.enroll("n-2", 1);
    JoinTokenTerms listed = terms_of(2);
    listed.nodes = {{node_name("n-1"), {}}, {node_name("n-2"), {}}};
    CHECK(refusal(rig, {.node = node_name("n-2")}) == "/0/node");
    CHECK(refusal(rig, listed) == "/0/nodes/1/name");
    CHECK(refusal(rig, {.node = node_name("n-1")}).empty());
    REQUIRE(rig.order("n-2", NodeOrder::revoke, "lost"));
    CHECK(refusal(rig, {.node = node_name("n-2")}).empty());
    CHECK(refusal(rig, listed).empty());
}

TEST_CASE("enrolments by one token do not wait for each other, and together spend no more than there is") {
    Rig rig;
    const std::string token = rig.make_token(terms_of(2)).value();
    rig.hold_writes = true;
    for (std::uint8_t i = 1; i <= 3; ++i) {
        const auto request = rig.enroll_request(token, "n-" + std::to_string(i), i);
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
            fsm.enroll(rig.ticket(), {request, "192.0.2.1"}, now, out);
        });
    }
    const auto early = rig.take<EnrollAnswer>();
    REQUIRE(early.size() == 1);  // the third: there may be none left for it
    CHECK(early[0].reply.error().code == Errc::unavailable);
    SUBCASE("both are taken") {
        rig.commit();
        CHECK(rig.take<EnrollAnswer>().size() == 2);
        CHECK(newest(rig).used == 2);
        rig.hold_writes = false;
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-3", 3)).error().code == Errc::denied);
    }
    SUBCASE("one is refused by the store: its use is not spent") {
        rig.refuse();
        rig.commit();
        CHECK(rig.take<EnrollAnswer>().size() == 2);
        CHECK(newest(rig).used == 1);
        rig.hold_writes = false;
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-3", 3)).has_value());
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-4", 4)).error().code == Errc::denied);
    }
    SUBCASE("the broker is killed: only what is stored was spent") {
        rig.commit_one();
        rig.restart();
        rig.hold_writes = false;
        CHECK(newest(rig).used == 1);
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-1", 1)).has_value());  // it had no answer
        CHECK(newest(rig).used == 1);
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-2", 2)).has_value());
        CHECK(rig.enroll_with(rig.enroll_request(token, "n-3", 3)).error().code == Errc::denied);
    }
}

TEST_CASE("addresses: only those of the token, of both families, an embedded one as what it is") {
    Rig rig;
    JoinTokenTerms terms = terms_of(10);
    terms.cidrs = {IpPrefix::parse("192.0.2.0/24").value(), IpPrefix::parse("2001:db8:7::/48").value()};
    const std::pair<const char*, bool> peers[] = {
        {"192.0.2.1", true},          {"192.0.3.1", false},    {"::ffff:192.0.2.9", true},
        {"::ffff:192.0.3.9", false},  {"2001:db8:7::1", true}, {"2001:db8:8::1", false},
        {"2001:db8:7::1%wan0", true}, {"garbage", false},      {"", false}};
    for (const auto& [peer, is_in] : peers) {
        CAPTURE(peer);
        CHECK(admits_address(terms, peer) == is_in);
    }
    CHECK(admits_address(terms_of(1), "garbage"));
    const std::string token = rig.make_token(terms).value();
    const auto outside = rig.enroll_with(rig.enroll_request(token, "n-1", 1), "198.51.100.7");
    REQUIRE(!outside);
    CHECK(outside.error().code == Errc::denied);
    CHECK(outside.error().detail.find("198.51.100.7") != std::string::npos);
    CHECK(newest(rig).used == 0);
    CHECK(rig.enroll_with(rig.enroll_request(token, "n-1", 1), "::ffff:192.0.2.9").has_value());
}

TEST_CASE("labels that a token presets stay, whatever the agent says at enrolment or later") {
    Rig rig;
    JoinTokenTerms terms = terms_of(1);
    terms.labels = {{"province", "hainan"}, {"tier", "core"}};
    auto request = rig.enroll_request(rig.make_token(terms).value(), "n-1", 1);
    request.labels = {{"province", "beijing"}, {"city", "haikou"}};
    const NodeId node = rig.enroll_with(request).value().node_id;
    const std::map<std::string, std::string> enrolled{{"city", "haikou"}, {"province", "hainan"}, {"tier", "core"}};
    CHECK(rig.fsm().node("n-1").value().labels == enrolled);
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        rig.restart();
    }
    TestAgent agent(rig, node);
    agent.hello.labels = {{"tier", "edge"}, {"rack", "7"}};
    agent.connect();
    const std::map<std::string, std::string> joined{{"province", "hainan"}, {"rack", "7"}, {"tier", "core"}};
    CHECK(rig.fsm().node("n-1").value().labels == joined);
}

TEST_CASE("a token for a list of nodes takes their names alone, each once and with its labels") {
    Rig rig;
    JoinTokenTerms terms = terms_of(2);
    terms.labels = {{"tier", "core"}, {"city", "unknown"}};
    terms.nodes = {{node_name("gz-1"), {{"city", "guangzhou"}}}, {node_name("sh-1"), {}}};
    const std::string token = rig.make_token(terms).value();
    const auto stranger = rig.enroll_with(rig.enroll_request(token, "bj-1", 1));
    REQUIRE(!stranger);
    CHECK(stranger.error().code == Errc::denied);
    CHECK(stranger.error().detail.find("bj-1") != std::string::npos);
    CHECK(rig.enroll_with(rig.enroll_request(token, "gz-1", 1)).has_value());
    CHECK(rig.enroll_with(rig.enroll_request(token, "gz-1", 2)).error().code == Errc::conflict);
    rig.restart();
    CHECK(rig.enroll_with(rig.enroll_request(token, "sh-1", 2)).has_value());
    CHECK(rig.fsm().node("gz-1").value().labels.at("city") == "guangzhou");
    CHECK(rig.fsm().node("sh-1").value().labels.at("city") == "unknown");
    CHECK(rig.fsm().node("sh-1").value().labels.at("tier") == "core");
}

TEST_CASE("what a token may say is bounded, and what is wrong is named with its place") {
    Rig rig;
    constexpr std::uint64_t kDay = 86'400'000;
    JoinTokenTerms bound = terms_of(1);
    bound.cidrs = {IpPrefix::parse("192.0.2.0/24").value()};
    CHECK(refusal(rig, terms_of(1), kDay) == "");
    CHECK(refusal(rig, terms_of(1), kDay + 1) == "/0/ttl_ms");
    CHECK(refusal(rig, bound, 30 * kDay) == "");
    CHECK(refusal(rig, bound, 30 * kDay + 1) == "/0/ttl_ms");
    CHECK(refusal(rig, terms_of(0)) == "/0/uses");
    CHECK(refusal(rig, terms_of(10'001)) == "/0/uses");
    CHECK(refusal(rig, terms_of(10'000)) == "");
    JoinTokenTerms named = terms_of(2);
    named.node = node_name("gz-1");
    CHECK(refusal(rig, named) == "/0/node");
    JoinTokenTerms labelled = terms_of(1);
    labelled.labels = {{"", "x"}};
    CHECK(refusal(rig, labelled) == "/0/labels");
    labelled.labels = {{"key", std::string(64, 'x')}};
    CHECK(refusal(rig, labelled) == "/0/labels");
    JoinTokenTerms twice = terms_of(2);
    twice.nodes = {{node_name("gz-1"), {}}, {node_name("gz-1"), {}}};
    CHECK(refusal(rig, twice) == "/0/nodes/1/name");
    JoinTokenTerms wide = terms_of(1);
    wide.cidrs.assign(65, IpPrefix::parse("192.0.2.0/24").value());
    CHECK(refusal(rig, wide) == "/0/cidrs");
}

TEST_CASE("many tokens are made together or not at all") {
    Rig rig;
    std::vector<JoinTokenTerms> wanted(3, terms_of(1));
    wanted[2].uses = 0;
    const auto make = [&] {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
            fsm.create_join_tokens(rig.ticket(), wanted, 0, {}, now, out);
        });
    };
    make();
    CHECK(rig.take<JoinTokensAnswer>().at(0).tokens.error().where == "/2/uses");
    CHECK(rig.fsm().join_tokens().empty());
    wanted[2].uses = 1;
    rig.hold_writes = true;
    make();
    CHECK(rig.take<JoinTokensAnswer>().empty());
    SUBCASE("the store refuses") {
        rig.refuse();
        CHECK(rig.take<JoinTokensAnswer>().at(0).tokens.error().code == Errc::unavailable);
        CHECK(rig.fsm().join_tokens().empty());
    }
    SUBCASE("the store takes them") {
        rig.commit();
        CHECK(rig.take<JoinTokensAnswer>().at(0).tokens.value().size() == 3);
        rig.restart();
        CHECK(rig.fsm().join_tokens().size() == 3);
    }
}

TEST_CASE("by a revoked token nobody joins any more, and who did stays") {
    Rig rig;
    const std::string token = rig.make_token(terms_of(5)).value();
    CHECK(rig.enroll_with(rig.enroll_request(token, "n-1", 1)).has_value());
    const auto revoke = [&](TokenId id) {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.revoke_join_token(rig.ticket(), id, {}, now, out); });
        return rig.take<JoinTokenAnswer>().at(0).token;
    };
    CHECK(revoke(samples::id<TokenId>(99)).error().code == Errc::not_found);
    const TokenId id = newest(rig).id;
    REQUIRE(revoke(id).value().revoked_at.has_value());
    rig.restart();
    REQUIRE(newest(rig).revoked_at.has_value());
    CHECK(revoke(id).value().revoked_at == newest(rig).revoked_at);  // asked again
    const auto refused = rig.enroll_with(rig.enroll_request(token, "n-2", 2));
    REQUIRE(!refused);
    CHECK(refused.error().detail.find("revoked") != std::string::npos);
    CHECK(rig.enroll_with(rig.enroll_request(token, "n-1", 1)).has_value());
    CHECK(rig.fsm().node("n-1").value().state == NodeState::enrolled);
}

}  // namespace edge::broker
