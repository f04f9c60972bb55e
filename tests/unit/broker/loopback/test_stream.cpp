// The live stream over real sockets: what a browser is told, and what a hostile one gets.
#include <doctest/doctest.h>

#include "running_broker.hpp"
#include "stream_client.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

NodeView node_called(const std::string& name, std::size_t number, std::size_t bytes = 0) {
    NodeView view;
    view.node = {FakeDomain::id<NodeId>(static_cast<std::uint8_t>(number)), FakeDomain::node_name(name.c_str())};
    view.node.id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    view.state = NodeState::connected;
    if (bytes > 0) view.labels["note"] = std::string(bytes, 'x');
    return view;
}

void tell(RunningBroker& broker, const NodeView& view) {
    broker.domain.tell(std::make_shared<const NodeView>(view));
}

}  // namespace

TEST_CASE("a browser subscribes and is told what happens") {
    RunningBroker broker;
    StreamClient client(broker.api_port());
    REQUIRE(client.is_open());
    CHECK(client.head.find("Sec-WebSocket-Protocol: edge.stream.v1\r\n") != std::string::npos);
    const Json hello = client.read();
    CHECK(hello["event"] == "hello");
    CHECK(hello["stream"].get<std::string>().size() == 16);
    client.say(R"({"op":"subscribe","sub":1,"topic":"nodes"})");
    client.say(R"({"op":"subscribe","sub":2,"topic":"overview"})");
    const Json subscribed = client.read("subscribed");
    CHECK(subscribed["sub"] == 1);
    tell(broker, node_called("sz-1", 11));
    const Json event = client.read("node");
    CHECK(event["sub"] == 1);
    CHECK(event["seq"] == subscribed["seq"].get<std::uint64_t>() + 1);
    CHECK(event["data"]["name"] == "sz-1");
    while (client.read("overview")["data"]["nodes"]["connected"] != 1) {
    }
    // Another one resumes where the first stood, and learns what it missed.
    StreamClient other(broker.api_port());
    other.say(R"({"op":"subscribe","sub":5,"topic":"nodes","stream":)" + hello["stream"].dump() + R"(,"after":)" +
              subscribed["seq"].dump() + "}");
    CHECK(other.read("subscribed")["seq"] == subscribed["seq"]);
    CHECK(other.read("node")["seq"] == event["seq"]);
}

TEST_CASE("a run is told from where it stands to its end, to all who listen") {
    RunningBroker broker;
    broker.domain_thread.run([&] {
        JobRequest job;
        job.spec = PingSpec{};
        broker.domain.create_job(job, [](const Result<RunView>&) {});
    });
    const std::string run = FakeDomain::id<RunId>(3).text();
    StreamClient a(broker.api_port()), b(broker.api_port());
    for (auto* client : {&a, &b}) client->say(R"({"op":"subscribe","sub":1,"topic":"run","key":")" + run + "\"}");
    for (auto* client : {&a, &b}) CHECK(client->read("subscribed")["sub"] == 1);
    broker.domain_thread.run([&] { broker.domain.finish_run(); });
    for (auto* client : {&a, &b}) {
        CHECK(client->read("task")["data"]["state"] == "succeeded");
        CHECK(client->read("result")["data"]["detail"]["sent"] == 3);
        CHECK(client->read("run")["data"]["state"] == "finished");
        CHECK(client->read("end")["sub"] == 1);
        client->say(R"({"op":"subscribe","sub":1,"topic":"run","key":"run_none"})");  // the number is free again
        CHECK(client->read("error")["data"]["code"] == "not_found");
    }
}

TEST_CASE("an administrator is told what becomes of a webhook's deliveries; another is not") {
    RunningBroker broker;
    const std::string asked =
        R"({"op":"subscribe","sub":1,"topic":"deliveries","key":")" + FakeWebhooks::webhook_id().text() + "\"}";
    StreamClient client(broker.api_port());
    client.say(asked);
    REQUIRE(client.read("subscribed")["sub"] == 1);
    broker.domain_thread.run([&] { broker.domain.webhooks_.tell({DeliveryRow{1}}); });
    const Json event = client.read("delivery");
    CHECK(event["sub"] == 1);
    CHECK(event["data"]["webhook_id"] == FakeWebhooks::webhook_id().text());
    CHECK(event["data"]["state"] == "pending");
    broker.domain_thread.run([&] { broker.domain.webhooks_.end_watchers(); });
    CHECK(client.read("end")["sub"] == 1);
    StreamClient other(broker.api_port(), "Authorization: Bearer edgep_reader\r\n");
    other.say(asked);
    CHECK(other.read("error")["data"]["code"] == "denied");
    other.say(R"({"op":"subscribe","sub":1,"topic":"nodes"})");  // it reads all else
    CHECK(other.read("subscribed")["sub"] == 1);
}

TEST_CASE("who has no token is refused before the socket is one") {
    RunningBroker broker;
    CHECK(StreamClient(broker.api_port(), "").head.starts_with("HTTP/1.1 401 "));
    CHECK(StreamClient(broker.api_port(), "Authorization: Bearer edgep_bad\r\n").head.starts_with("HTTP/1.1 401 "));
}

TEST_CASE("a page of elsewhere is refused, whatever it brings; one of this server needs its cookie alone") {
    RunningBroker broker;
    const std::string cookie = "Cookie: edge_session=edgep_good\r\n", bearer = "Authorization: Bearer edgep_good\r\n";
    const auto status = [&](const std::string& headers) {
        return StreamClient(broker.api_port(), headers).head.substr(9, 3);
    };
    CHECK(status(cookie + "Origin: http://broker.test\r\n") == "101");
    CHECK(status(bearer + "Origin: http://broker.test\r\n") == "101");
    CHECK(status(cookie) == "403");
    for (const auto* origin : {"https://evil.test", "http://broker.test.evil.test", "http://broker.test:81", "null"}) {
        CAPTURE(origin);
        CHECK(status(cookie + "Origin: " + origin + "\r\n") == "403");
        CHECK(status(bearer + "Origin: " + origin + "\r\n") == "403");
    }
}

TEST_CASE("what a client says wrong is answered, and the socket stays") {
    RunningBroker broker;
    StreamClient client(broker.api_port());
    const std::pair<std::string, std::string> table[] = {
        {"{", "bad_json"},
        {R"({"op":"shout","sub":1})", "invalid_body"},
        {R"({"op":"subscribe","sub":1})", "invalid_body"},
        {R"({"op":"subscribe","sub":-1,"topic":"nodes"})", "invalid_body"},
        {R"({"op":"subscribe","sub":1,"topic":"nodes","loud":true})", "invalid_body"},
        {R"({"op":"subscribe","sub":1,"topic":"nodes","after":3})", "invalid_body"},
        {R"({"op":"subscribe","sub":1,"topic":"secrets"})", "not_found"},
        {R"({"op":"subscribe","sub":1,"topic":"nodes","key":"x"})", "invalid_body"},
        {R"({"op":"subscribe","sub":1,"topic":"run"})", "not_found"},
        {R"({"op":"subscribe","sub":1,"topic":"run","key":"run_01jd3w0c5yq9v8w7x6y5z4a3b2"})", "not_found"},
    };
    for (const auto& [text, code] : table) {
        CAPTURE(text);
        client.say(text);
        CHECK(client.read("error")["data"]["code"] == code);
    }
    client.say(R"({"op":"unsubscribe","sub":77})");  // nothing to end
    client.say(R"({"op":"subscribe","sub":1,"topic":"runs","stream":"0123456789abcdef","after":0})");
    CHECK(client.read("reset")["sub"] == 1);  // of another process
}

TEST_CASE("after an event that is yet to come is a reset") {
    RunningBroker broker;
    StreamClient client(broker.api_port());
    const Json hello = client.read("hello");
    client.say(R"({"op":"subscribe","sub":1,"topic":"nodes","stream":)" + hello["stream"].dump() +
               R"(,"after":9007199254740991})");
    const Json reset = client.read("reset");
    CHECK(reset["seq"].get<std::uint64_t>() < 9007199254740991);
    tell(broker, node_called("sz-1", 11));
    CHECK(client.read("node")["seq"] == reset["seq"].get<std::uint64_t>() + 1);
}

TEST_CASE("a socket has 64 subscriptions at most, each number once") {
    RunningBroker broker;
    StreamClient client(broker.api_port());
    const auto subscribe = [&](int sub) {
        client.say(R"({"op":"subscribe","sub":)" + std::to_string(sub) + R"(,"topic":"runs"})");
    };
    for (int sub = 1; sub <= 64; ++sub) subscribe(sub);
    for (int sub = 1; sub <= 64; ++sub) CHECK(client.read("subscribed")["sub"] == sub);
    subscribe(65);
    const Json refused = client.read("error");
    CHECK(refused["sub"] == 65);
    CHECK(refused["data"]["code"] == "too_large");
    subscribe(3);
    CHECK(client.read("error")["data"]["code"] == "conflict");
    client.say(R"({"op":"unsubscribe","sub":3})");
    subscribe(65);
    CHECK(client.read("subscribed")["sub"] == 65);
}

TEST_CASE("a message above 4 KiB and a binary one end the socket") {
    RunningBroker broker;
    const std::pair<std::function<void(StreamClient&)>, int> table[] = {
        {[](StreamClient& client) { client.say(std::string(4'097, ' ')); }, 1009},
        {[](StreamClient& client) { client.say("{}", 2); }, 1003},
    };
    for (const auto& [offend, code] : table) {
        StreamClient client(broker.api_port());
        client.read("hello");
        offend(client);
        CHECK(client.read_text().empty());
        CHECK(client.close_code == code);
    }
}

TEST_CASE("a client that never reads is closed, and others are told all the same") {
    RunningBroker broker;
    StreamClient deaf(broker.api_port()), other(broker.api_port());
    for (auto* client : {&deaf, &other}) {
        client->say(R"({"op":"subscribe","sub":1,"topic":"nodes"})");
        REQUIRE(client->read("subscribed")["sub"] == 1);
    }
    // More than the kernel's buffers and 4 MiB of ours, each of another object, so that none takes another's place.
    constexpr std::size_t kRounds = 20, kEach = 20, kBytes = 60'000;
    for (std::size_t round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < kEach; ++i) {
            const std::size_t number = 256 + round * kEach + i;
            tell(broker, node_called("n-" + std::to_string(number), number, kBytes));
        }
        for (std::size_t i = 0; i < kEach; ++i) REQUIRE(!other.read("node").is_null());
    }
    std::size_t told = 0;
    while (!deaf.read_text().empty()) ++told;  // what had left before
    CHECK(deaf.close_code == 1013);
    CHECK(told < kRounds * kEach);
}

TEST_CASE("a broker that stops says so to every socket") {
    RunningBroker broker;
    StreamClient client(broker.api_port());
    client.read("hello");
    client.say(R"({"op":"subscribe","sub":1,"topic":"nodes"})");
    client.read("subscribed");
    std::thread draining([&] { CHECK(broker.drain()); });
    CHECK(client.read_text().empty());
    CHECK(client.close_code == 1001);
    client.say(std::string("\x03\xe9", 2), 8);
    client.read_all();
    draining.join();
}
