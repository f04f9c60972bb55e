#include <doctest/doctest.h>

#include <chrono>
#include <future>

#include "link_client.hpp"
#include "plain_client.hpp"
#include "running_broker.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;
using namespace std::chrono_literals;

namespace {

/// A client that has joined, with the broker's first heartbeat read.
struct Joined {
    LinkClient client;

    explicit Joined(RunningBroker& broker) : client(broker.gateway_port()) {
        REQUIRE(client.upgrade() == 101);
        REQUIRE(std::holds_alternative<link::Welcome>(client.join(broker.key, broker.node)));
        REQUIRE(broker.happened.wait_for("confirm"));
        const auto beat = client.read();
        REQUIRE(std::holds_alternative<link::Heartbeat>(beat.at(0)));
        first_beat = std::get<link::Heartbeat>(beat.at(0));
    }
    link::Heartbeat first_beat;
};

std::string result_line(std::uint64_t n) {
    auto view =
        FakeDomain::result_of(FakeDomain::id<RunId>(3), FakeDomain::id<TaskId>(4), static_cast<std::uint8_t>(n));
    view.result.n = n;
    view.result.detail_bytes = static_cast<std::uint32_t>(view.detail.size());
    return link::encode_envelope(view.result, view.detail);
}

std::string enroll_body(const SigningKey& key, const std::string& token) {
    const PublicKey& bytes = key.public_key();
    const std::string input =
        link::enroll_signing_input(token, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return link::encode_enroll_request(
        {token, to_base64(bytes), to_base64(key.sign(as_bytes(input))), "gz-5", {}, "0.1.0"});
}

}  // namespace

TEST_CASE("an agent joins, gets work, brings results and leaves") {
    RunningBroker broker;
    Joined agent(broker);
    agent.client.write(link::Heartbeat{1, agent.first_beat.at_us});
    CHECK(broker.happened.wait_for("measured"));

    link::Task task;
    task.n = 1;
    task.line = FakeDomain::line_name("telecom");
    broker.domain.send_to_agent({task, link::CancelTask{2, {}, 1}});
    const auto work = agent.client.read();
    REQUIRE(work.size() == 2);  // one batch, one message
    CHECK(std::get<link::Task>(work[0]).n == 1);

    agent.client.write(link::encode_envelope(link::WorkAck{2}) + "\n" + result_line(1) + "\n" + result_line(2));
    CHECK(broker.happened.wait_for("receive 3"));
    std::uint64_t acknowledged = 0;
    while (acknowledged < 2) {
        for (const auto& envelope : agent.client.read()) acknowledged = std::get<link::ResultAck>(envelope).n;
    }
    CHECK(broker.domain.stored == std::vector<std::string>(2, R"({"sent":3,"rcvd":3})"));
    agent.client.close();
    CHECK(broker.happened.wait_for("leave"));
    CHECK(broker.happened.count("leave") == 1);
}

TEST_CASE("an agent is read no faster than the domain takes up what it says") {
    RunningBroker broker({.threads = 1});
    Joined agent(broker);
    Joined other(broker);
    broker.domain_thread.run([&] { broker.domain.is_busy = true; });
    for (int i = 0; i < 40; ++i) agent.client.write(link::WorkAck{1});
    CHECK(broker.happened.wait_for("receive", 32));
    other.client.write(link::Heartbeat{1, other.first_beat.at_us});  // read after what was there before
    CHECK(broker.happened.wait_for("measured"));
    CHECK(broker.happened.count("receive") == 32);
    broker.domain_thread.run([&] {
        broker.domain.is_busy = false;
        broker.domain.untaken.clear();
    });
    CHECK(broker.happened.wait_for("receive", 40));
}

TEST_CASE("an agent that vanishes is noticed, once") {
    RunningBroker broker;
    Joined agent(broker);
    agent.client.drop();
    CHECK(broker.happened.wait_for("leave"));
    CHECK(broker.drain());
    CHECK(broker.happened.count("leave") == 1);
}

TEST_CASE("another key, another connection's signature and an unknown node stay out") {
    RunningBroker broker;
    struct Case {
        const char* name;
        SigningKey key;
        NodeId node;
        link::RejectCode code;
    };
    std::vector<Case> cases;
    cases.push_back({"another key", SigningKey::generate(), broker.node, link::RejectCode::bad_signature});
    cases.push_back(
        {"unknown node", SigningKey::generate(), FakeDomain::id<NodeId>(99), link::RejectCode::unknown_node});
    for (const auto& c : cases) {
        CAPTURE(c.name);
        LinkClient client(broker.gateway_port());
        REQUIRE(client.upgrade() == 101);
        const auto answer = client.join(c.key, c.node);
        REQUIRE(std::holds_alternative<link::Reject>(answer));
        CHECK(std::get<link::Reject>(answer).code == c.code);
        CHECK(client.read().empty());
        CHECK(client.close_code() == 1008);
    }
    // A hello signed for one connection, said on another: the nonce would do, the exporter as well.
    LinkClient heard(broker.gateway_port()), other(broker.gateway_port());
    REQUIRE(heard.upgrade() == 101);
    REQUIRE(other.upgrade() == 101);
    const auto challenge = heard.read();
    other.read();
    other.write(heard.signed_hello(broker.key, broker.node, std::get<link::Challenge>(challenge.at(0)).nonce));
    CHECK(std::get<link::Reject>(other.read().at(0)).code == link::RejectCode::bad_signature);
    CHECK(broker.domain.joined.empty());
}

TEST_CASE("only edge.v1 at its path is a link") {
    RunningBroker broker;
    struct Case {
        const char *path, *subprotocol;
        int status;
    };
    for (const Case& c :
         {Case{link::kLinkPath, "edge.v0", 400}, Case{link::kLinkPath, "", 400}, Case{"/other", "edge.v1", 404}}) {
        CAPTURE(c.path);
        LinkClient client(broker.gateway_port());
        CHECK(client.upgrade(c.path, c.subprotocol) == c.status);
    }
    LinkClient plain(broker.gateway_port());
    CHECK(plain.post(link::kLinkPath, "{}").starts_with("HTTP/1.1 405 "));
}

TEST_CASE("TLS below 1.3 and plain text stay out") {
    RunningBroker broker;
    CHECK_THROWS(LinkClient(broker.gateway_port(), LinkClient::Tls::v1_2));
    PlainClient plain(broker.gateway_port());
    plain.send("GET /edge/v1/link HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(plain.read_all().find("HTTP/1.1") == std::string::npos);
}

TEST_CASE("malformed, oversized and binary messages end a session, typed") {
    RunningBroker broker;
    {
        Joined agent(broker);
        for (int i = 0; i < 3; ++i) {
            agent.client.write(std::string(5000, '['));
            const auto answer = agent.client.read();
            CHECK(std::get<link::ProtocolError>(answer.at(0)).code == "bad_envelope");
        }
        CHECK(agent.client.read().empty());
        CHECK(agent.client.close_code() == 1002);
    }
    {
        Joined agent(broker);
        agent.client.write(std::string(link::kMaxMessage + 1, 'x'));
        CHECK(agent.client.read().empty());
        CHECK(agent.client.close_code() == 1009);
    }
    {
        Joined agent(broker);
        agent.client.write_binary("\x01\x02");
        CHECK(agent.client.read().empty());
        CHECK(agent.client.close_code() == 1003);
    }
    CHECK(broker.drain());
    CHECK(broker.happened.count("leave") == 3);
}

TEST_CASE("a handshake that takes too long is cut") {
    // One limit at a time: what has to come before it may take a busy machine longer than that.
    BrokerChange change;
    SUBCASE("by who does not say hello") {
        change.session.handshake = 150ms;
        RunningBroker broker(change);
        LinkClient silent(broker.gateway_port());
        REQUIRE(silent.upgrade() == 101);
        CHECK(silent.read().size() == 1);  // the challenge
        CHECK(silent.read().empty());
        CHECK(broker.drain());
    }
    SUBCASE("by who does not speak TLS") {
        change.gateway = [](http::Settings& settings) { settings.deadlines.handshake = 150ms; };
        RunningBroker broker(change);
        PlainClient no_tls(broker.gateway_port());
        CHECK(no_tls.read_all() == "");
        CHECK(broker.drain());
    }
}

TEST_CASE("one address has 64 connections that have not shown who they are; the others do not count") {
    BrokerChange change;
    change.gateway = [](http::Settings& settings) { settings.per_address = 2; };
    RunningBroker broker(change);
    Joined joined(broker), also(broker);  // live: they do not count
    PlainClient first(broker.gateway_port()), second(broker.gateway_port());
    PlainClient third(broker.gateway_port());
    CHECK(third.read_all() == "");
    CHECK(first.is_silent_for(10));
    joined.client.write(link::Heartbeat{1, std::nullopt});
    CHECK(std::holds_alternative<link::Heartbeat>(joined.client.read().at(0)));
}

TEST_CASE("while as many as may show who they are, who comes waits, and is served when one has left") {
    BrokerChange change;
    change.gateway = [](http::Settings& settings) { settings.unknown = 2; };
    RunningBroker broker(change);
    Joined joined(broker), also(broker);  // live: they do not count
    auto first = std::make_unique<PlainClient>(broker.gateway_port());
    PlainClient second(broker.gateway_port());
    auto third = std::async(std::launch::async, [&] { Joined late(broker); });
    CHECK(third.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout);
    first.reset();
    CHECK(third.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    CHECK(second.is_silent_for(10));
}

TEST_CASE("an agent that does not read is cut before it costs much") {
    RunningBroker broker;
    Joined agent(broker);
    link::Task task;
    task.params = {{"pad", std::string(60'000, 'x')}};
    for (int i = 0; i < 400; ++i) broker.domain.send_to_agent({task});  // 24 MB: more than sockets and our queue hold
    CHECK(broker.happened.wait_for("leave"));
}

TEST_CASE("a stopping broker says goodbye, and waits for what agents still bring") {
    BrokerChange change;
    change.session.drain_ms = 3'000;  // the result has to come within it, from a busy machine too
    RunningBroker broker(change);
    Joined agent(broker);
    auto drained = std::async(std::launch::async, [&] { return broker.drain(); });
    const auto goodbye = agent.client.read();
    CHECK(std::get<link::Goaway>(goodbye.at(0)).reason == link::GoawayReason::maintenance);
    agent.client.write(result_line(1));
    CHECK(std::holds_alternative<link::ResultAck>(agent.client.read().at(0)));
    CHECK(agent.client.read().empty());
    CHECK(agent.client.close_code() == 1012);
    CHECK(drained.get());
}

TEST_CASE("the domain may send an agent away") {
    RunningBroker broker;
    Joined agent(broker);
    broker.domain.close_agent({link::GoawayReason::taken_over, 0, 0});
    CHECK(std::get<link::Goaway>(agent.client.read().at(0)).reason == link::GoawayReason::taken_over);
    CHECK(agent.client.read().empty());
    CHECK(agent.client.close_code() == 1012);
}

TEST_CASE("a refusal of the domain reaches the agent") {
    RunningBroker broker;
    broker.domain_thread.run([&] {
        broker.domain.reject = link::Reject{link::RejectCode::stale_counter, "a copy", 0, true};
    });
    LinkClient client(broker.gateway_port());
    client.upgrade();
    CHECK(std::get<link::Reject>(client.join(broker.key, broker.node)).code == link::RejectCode::stale_counter);
}

TEST_CASE("enrolment takes a token and a proof of the key") {
    RunningBroker broker;
    const SigningKey key = SigningKey::generate();
    LinkClient good(broker.gateway_port()), wrong(broker.gateway_port()), forged(broker.gateway_port()),
        big(broker.gateway_port());
    const std::string answer = good.post(link::kEnrollPath, enroll_body(key, FakeDomain::kJoinToken));
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    const auto reply_in = [](const std::string& http) {
        return link::decode_enroll_reply(http.substr(http.find("\r\n\r\n") + 4)).value();
    };
    CHECK(reply_in(answer).name.text() == "gz-5");
    CHECK_FALSE(reply_in(answer).console_url);
    BrokerChange named;
    named.session.console_url = "https://edge.example";
    RunningBroker other(named);
    const std::string told =
        LinkClient(other.gateway_port()).post(link::kEnrollPath, enroll_body(key, FakeDomain::kJoinToken));
    CHECK(reply_in(told).console_url == "https://edge.example");
    CHECK(wrong.post(link::kEnrollPath, enroll_body(key, "edgej_bad")).starts_with("HTTP/1.1 403 "));
    std::string body = enroll_body(key, "edgej_other");
    body.replace(body.find("edgej_other"), 11, FakeDomain::kJoinToken);
    const std::string refused = forged.post(link::kEnrollPath, body);
    CHECK(refused.starts_with("HTTP/1.1 403 "));
    CHECK(refused.find("\"code\":\"denied\"") != std::string::npos);
    CHECK(big.post(link::kEnrollPath, std::string(20'000, ' ')).starts_with("HTTP/1.1 413 "));
}
