#include <doctest/doctest.h>

#include <algorithm>

#include "broker/domain/make_domain.hpp"
#include "broker/domain/token_text.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {

TEST_CASE("tokens are read back from their text, and a wrong letter is seen") {
    std::array<std::uint8_t, 5> id{1, 2, 3, 4, 5};
    std::array<std::uint8_t, 32> secret{};
    secret.fill(0xff);
    const std::string text = make_api_token(id, secret);
    CHECK(text.size() == 63);
    const auto parts = parse_api_token(text);
    REQUIRE(parts.has_value());
    CHECK(parts->lookup.size() == 8);
    CHECK(parts->secret.size() == 43);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string wrong = text;
        wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
        CHECK(!parse_api_token(wrong).has_value());
    }
    CHECK(!parse_api_token("").has_value());
    CHECK(!parse_api_token(text + "0").has_value());

    const TokenId token = samples::id<TokenId>(5);
    const auto join = parse_join_token(make_join_token(token, secret, "PIN_-"));
    REQUIRE(join.has_value());
    CHECK(join->id == token);
    CHECK(join->secret == to_base64url(secret));
    for (const std::string bad : {"", "edgej_", "edgej_a.b.c", "edgej_00000000000000000000000000.short.pin"}) {
        CHECK(!parse_join_token(bad).has_value());
    }
}

TEST_CASE("labels are bounded, at enrolment and in a hello") {
    Rig rig;
    auto request = rig.enroll_request(rig.join_token("gz-1"), "", 1);
    request.labels = {{"province", std::string(64, 'x')}};
    const auto refused = rig.enroll_with(request);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().where == "/labels");
    request.labels = {{"province", std::string(63, 'x')}};
    const auto node = rig.enroll_with(request);
    REQUIRE(node.has_value());
    TestAgent agent(rig, node.value().node_id);
    for (int i = 0; i < 33; ++i) agent.hello.labels["label-" + std::to_string(i)] = "x";
    const auto answer = rig.join(agent.hello);
    REQUIRE(std::holds_alternative<link::Reject>(answer));
    CHECK(std::get<link::Reject>(answer).code == link::RejectCode::protocol_error);
    agent.hello.labels.erase("province");
    agent.hello.labels.erase("label-0");
    CHECK(agent.hello.labels.size() == 32);
    CHECK(std::holds_alternative<link::Welcome>(rig.join(agent.hello)));
}

TEST_CASE("a join token enrols one node, once") {
    Rig rig;
    const std::string token = rig.join_token("gz-1");
    const auto first = rig.enroll_with(rig.enroll_request(token, "", 1));
    REQUIRE(first.has_value());
    CHECK(first.value().name.text() == "gz-1");
    CHECK(first.value().project == "default");
    SUBCASE("in the same broker") {}
    SUBCASE("after a restart") {
        rig.restart();
    }
    const auto again = rig.enroll_with(rig.enroll_request(token, "", 1));
    REQUIRE(again.has_value());  // the reply was lost: same key, same node
    CHECK(again.value().node_id == first.value().node_id);
    const auto other = rig.enroll_with(rig.enroll_request(token, "", 2));
    REQUIRE(!other.has_value());
    CHECK(other.error().code == Errc::denied);
    CHECK(other.error().detail.find("used already") != std::string::npos);
    CHECK(rig.fsm().nodes().size() == 1);
    CHECK(rig.fsm().join_tokens().at(0).used == 1);
}

TEST_CASE("wrong and expired tokens are denied, and a wrong secret learns nothing") {
    Rig rig;
    const std::string token = rig.join_token({}, 60'000);
    std::string wrong_secret = token;
    const auto dot = wrong_secret.find('.');
    wrong_secret[dot + 1] = wrong_secret[dot + 1] == 'A' ? 'B' : 'A';
    const auto refused = rig.enroll_with(rig.enroll_request(wrong_secret, "gz-1", 1));
    const auto unknown =
        rig.enroll_with(rig.enroll_request("edgej_00000000000000000000000000." + token.substr(dot + 1), "gz-1", 1));
    CHECK(refused.error().code == Errc::denied);
    CHECK(refused.error().detail == unknown.error().detail);
    rig.pass(60'000);
    const auto late = rig.enroll_with(rig.enroll_request(token, "gz-1", 1));
    CHECK(late.error().code == Errc::denied);
    CHECK(late.error().detail.find("expired") != std::string::npos);
    CHECK(rig.fsm().nodes().empty());
}

TEST_CASE("a token's life is bounded") {
    Rig rig;
    for (const std::uint64_t ttl : {1ULL, 999ULL, 86'400'001ULL}) {
        CHECK(rig.make_token({}, ttl).error().where == "/0/ttl_ms");
    }
    (void)rig.join_token();
    const auto view = rig.fsm().join_tokens().at(0);
    CHECK(view.expires_at - view.created_at == 900'000'000);
}

TEST_CASE("names: the token's, or the wish, and never one that is taken") {
    Rig rig;
    const auto other = rig.enroll_with(rig.enroll_request(rig.join_token("gz-1"), "gz-2", 1));
    CHECK(other.error().code == Errc::denied);
    CHECK(
        other.error().detail ==
        "this join token is for node gz-1, and this one asks to be \"gz-2\": set [node] name = \"gz-1\" in agent.toml, "
        "or make a token for that name");
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token(), "", 1)).error().where == "/name");
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token(), "Not A Name", 1)).error().where == "/name");
    const std::string token = rig.join_token("gz-1");
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token(), "gz-1", 1)).has_value());
    CHECK(rig.enroll_with(rig.enroll_request(token, "", 2)).error().code == Errc::conflict);
    const auto tokens = rig.fsm().join_tokens();
    CHECK(std::count_if(tokens.begin(), tokens.end(), [](const auto& one) { return one.used == 1; }) == 1);
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token(), "gz-2", 1)).error().where == "/public_key");
}

TEST_CASE("a locked node is enrolled anew by a token made for it") {
    Rig rig;
    const NodeId node = rig.enroll("gz-1", 1);
    TestAgent agent(rig, node);
    TestAgent copy(rig, node);
    agent.connect();
    (void)rig.join(copy.hello);
    CHECK(rig.enroll_with(rig.enroll_request(rig.join_token(), "gz-1", 2)).error().code == Errc::conflict);
    const auto anew = rig.enroll_with(rig.enroll_request(rig.join_token("gz-1"), "", 2));
    REQUIRE(anew.has_value());
    CHECK(anew.value().node_id == node);
    CHECK(rig.fsm().find_key(node, rig.now()).value().key[0] == 2);
    TestAgent fresh(rig, node, 2);
    fresh.connect();
    CHECK(rig.fsm().node("gz-1").value().state == NodeState::connected);
}

TEST_CASE("two enrolments at once make one node") {
    Rig rig;
    const std::string one = rig.join_token();
    const std::string two = rig.join_token();
    rig.hold_writes = true;
    // The second asks for what the first does; the others want the same token, or the same name, for another key.
    for (const auto& [token, key] : {std::pair{one, 1}, std::pair{one, 1}, std::pair{one, 3}, std::pair{two, 2}}) {
        const auto request = rig.enroll_request(token, "gz-1", static_cast<std::uint8_t>(key));
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
            fsm.enroll(rig.ticket(), {request, "192.0.2.1"}, now, out);
        });
    }
    const auto refused = rig.take<EnrollAnswer>();
    REQUIRE(refused.size() == 2);
    for (const auto& answer : refused) CHECK(answer.reply.error().code == Errc::unavailable);
    SUBCASE("the store takes it") {
        rig.commit();
        const auto answers = rig.take<EnrollAnswer>();
        REQUIRE(answers.size() == 2);
        CHECK(answers[0].reply.value().node_id == answers[1].reply.value().node_id);
        CHECK(answers[0].ticket != answers[1].ticket);
        CHECK(rig.fsm().nodes().size() == 1);
    }
    SUBCASE("the store refuses it: the token is still good") {
        rig.refuse();
        const auto answers = rig.take<EnrollAnswer>();
        REQUIRE(answers.size() == 2);
        for (const auto& answer : answers) CHECK(answer.reply.error().code == Errc::unavailable);
        rig.hold_writes = false;
        CHECK(rig.enroll_with(rig.enroll_request(one, "gz-1", 1)).has_value());
    }
}

TEST_CASE("the bootstrap token opens the API, and nothing else does") {
    Rig rig;
    const std::string token = create_admin_token(rig.store()).value();
    rig.restart();
    const auto who = rig.fsm().authenticate(token);
    REQUIRE(who.has_value());
    CHECK(who.value().admin);
    CHECK(rig.fsm().authenticate("").error().code == Errc::denied);
    std::array<std::uint8_t, 5> id{};
    std::array<std::uint8_t, 32> secret{};
    const std::string stranger = make_api_token(id, secret);
    CHECK(rig.fsm().authenticate(stranger).error().code == Errc::denied);
    // The known id with another secret.
    const std::string body = token.substr(0, 14) + stranger.substr(14, 43);
    CHECK(rig.fsm().authenticate(body + "000000").error().code == Errc::denied);
}

}  // namespace edge::broker
