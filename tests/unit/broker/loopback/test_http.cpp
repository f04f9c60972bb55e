#include <doctest/doctest.h>

#include "plain_client.hpp"
#include "running_broker.hpp"

using namespace edge;
using namespace edge::broker::test;
using namespace std::chrono_literals;

namespace {

std::string request(const std::string& method, const std::string& path, const std::string& more = "",
                    const std::string& body = "") {
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: edge.test\r\nAuthorization: Bearer " +
                       FakeDomain::kToken + "\r\n" + more;
    if (!body.empty())
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

const std::string kJob = R"({"service":"ping","params":{"target":"198.51.100.10"},"selector":"all"})";

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("requests are answered one after the other on one connection") {
    RunningBroker broker;
    PlainClient client(broker.api_port());
    client.send(request("GET", "/healthz", "X-Request-Id: mine-1\r\n"));
    const std::string first = client.read_response();
    CHECK(first.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(first.find("X-Request-Id: mine-1\r\n") != std::string::npos);
    CHECK(first.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
    CHECK(first.ends_with(R"({"status":"ok"})"));
    client.send(request("POST", "/api/v1/jobs", "", kJob) + request("GET", "/api/v1/nodes") +
                request("HEAD", "/api/v1/nodes"));
    CHECK(client.read_response().starts_with("HTTP/1.1 202 Accepted\r\n"));
    CHECK(client.read_response().find("gz-1") != std::string::npos);
    const std::string head = client.read_until("\r\n\r\n");
    CHECK(head.find("Content-Length: ") != std::string::npos);
    client.send(request("GET", "/nothing", "Connection: close\r\n"));
    const std::string last = client.read_all();
    CHECK(last.starts_with("HTTP/1.1 404 Not Found\r\n"));
    CHECK(last.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("of pipelined requests the one that says close is the last to be answered") {
    RunningBroker broker;
    const std::string stays = request("GET", "/healthz");
    const std::string closes = request("GET", "/healthz", "Connection: close\r\n");
    struct Row {
        std::string sent;
        std::size_t answers;
    };
    for (const Row& row : {Row{stays + closes, 2}, Row{closes + stays, 1}, Row{stays + stays + closes + stays, 3}}) {
        CAPTURE(row.answers);
        PlainClient client(broker.api_port());
        client.send(row.sent);
        const std::string all = client.read_all();
        CHECK(count(all, "HTTP/1.1 200 OK\r\n") == row.answers);
        CHECK(count(all, "Connection: close\r\n") == 1);
        CHECK(count(all.substr(all.rfind("HTTP/1.1 ")), "Connection: close\r\n") == 1);
    }
}

TEST_CASE("a request that smuggles another gets one answer and the end") {
    RunningBroker broker;
    const std::string smuggled = request("GET", "/healthz");
    for (const std::string hidden :
         {"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
          "Content-Length: 0, 0\r\n", "X: y\r\n Content-Length: 5\r\n"}) {
        CAPTURE(hidden);
        PlainClient client(broker.api_port());
        client.send("POST /api/v1/jobs HTTP/1.1\r\nHost: e\r\n" + hidden + "\r\n0\r\n\r\n" + smuggled);
        const std::string all = client.read_all();
        CHECK(count(all, "HTTP/1.1 ") == 1);
        CHECK(all.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    }
}

TEST_CASE("a client that sends a body too large reads why") {
    RunningBroker broker;
    PlainClient client(broker.api_port());
    client.send(request("POST", "/api/v1/jobs", "", std::string(1'500'000, ' ')));
    CHECK(client.read_all().starts_with("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST_CASE("100 Continue is sent to who waits for it") {
    RunningBroker broker;
    PlainClient client(broker.api_port());
    const std::string whole = request("POST", "/api/v1/jobs", "Expect: 100-continue\r\n", kJob);
    client.send(whole.substr(0, whole.size() - kJob.size()));
    CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(kJob);
    CHECK(client.read_response().starts_with("HTTP/1.1 202 "));
}

TEST_CASE("clients that drip are told, idle ones are not waited for") {
    // One limit at a time: a client on a busy machine may be idle for longer than that before it drips.
    BrokerChange change;
    SUBCASE("that drip") {
        change.api = [](http::Settings& settings) { settings.deadlines.head = settings.deadlines.body = 150ms; };
        RunningBroker broker(change);
        PlainClient head(broker.api_port()), body(broker.api_port());
        head.send("GET /healthz HT");
        body.send(request("POST", "/api/v1/jobs", "", kJob).substr(0, 180));
        CHECK(head.read_all().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        CHECK(body.read_all().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    }
    SUBCASE("idle ones") {
        change.api = [](http::Settings& settings) { settings.deadlines.idle = 150ms; };
        RunningBroker broker(change);
        PlainClient idle(broker.api_port());
        CHECK(idle.read_all() == "");
    }
}

TEST_CASE("a full server closes what has been idle longest to make room") {
    BrokerChange change;
    change.threads = 1;  // then a connection is idle to the server before the next one's request is read
    SUBCASE("of anybody") {
        change.api = [](http::Settings& settings) { settings.connections = 2; };
    }
    SUBCASE("of an address that has too many") {
        change.api = [](http::Settings& settings) { settings.per_address = 2; };
    }
    RunningBroker broker(change);
    PlainClient first(broker.api_port());
    PlainClient second(broker.api_port());
    for (PlainClient* client : {&first, &second}) {
        client->send(request("GET", "/healthz"));
        CHECK(client->read_response().starts_with("HTTP/1.1 200"));
    }
    PlainClient third(broker.api_port());
    third.send(request("GET", "/healthz"));
    CHECK(third.read_response().starts_with("HTTP/1.1 200"));
    CHECK(first.read_all() == "");
    second.send(request("GET", "/healthz"));
    CHECK(second.read_response().starts_with("HTTP/1.1 200"));
    PlainClient fourth(broker.api_port());  // now the third is the one
    fourth.send(request("GET", "/healthz"));
    CHECK(fourth.read_response().starts_with("HTTP/1.1 200"));
    CHECK(third.read_all() == "");
}

TEST_CASE("connections that are at work are never closed for another: who comes waits until one is idle") {
    BrokerChange change;
    change.api = [](http::Settings& settings) { settings.connections = 2; };
    RunningBroker broker(change);
    PlainClient first(broker.api_port());
    PlainClient second(broker.api_port());
    for (PlainClient* client : {&first, &second})
        client->send(request("POST", "/api/v1/jobs", "Prefer: wait=30\r\n", kJob));
    std::size_t subscribers = 0;
    while (subscribers < 2) broker.domain_thread.run([&] { subscribers = broker.domain.subscribers(); });
    PlainClient third(broker.api_port());
    third.send(request("GET", "/healthz"));
    CHECK(third.is_silent_for(100));
    broker.domain_thread.run([&] { broker.domain.finish_run(); });
    for (PlainClient* client : {&first, &second}) CHECK(client->read_response().starts_with("HTTP/1.1 200"));
    CHECK(third.read_response().starts_with("HTTP/1.1 200"));
}

TEST_CASE("an address whose connections are all at work gets no more of them") {
    BrokerChange change;
    change.api = [](http::Settings& settings) { settings.per_address = 1; };
    RunningBroker broker(change);
    PlainClient first(broker.api_port());
    first.send(request("POST", "/api/v1/jobs", "Prefer: wait=30\r\n", kJob));
    std::size_t subscribers = 0;
    while (subscribers < 1) broker.domain_thread.run([&] { subscribers = broker.domain.subscribers(); });
    PlainClient second(broker.api_port());
    CHECK(second.read_all() == "");
    broker.domain_thread.run([&] { broker.domain.finish_run(); });
    CHECK(first.read_response().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a run is streamed as it happens, and the stream ends with it") {
    RunningBroker broker;
    PlainClient client(broker.api_port());
    client.send(request("POST", "/api/v1/jobs", "", kJob));
    client.read_response();
    client.send(request("GET", "/api/v1/runs/" + FakeDomain::id<RunId>(3).text() + "/events"));
    const std::string head = client.read_until("\r\n\r\n");
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(client.read_until("\n\n").find("event: run\nid: 1\n") != std::string::npos);
    broker.domain_thread.run([&] { broker.domain.progress("half way"); });
    CHECK(client.read_until("\n\n").find("half way") != std::string::npos);
    broker.domain_thread.run([&] { broker.domain.finish_run(); });
    const std::string rest = client.read_all();
    CHECK(rest.find("event: result\nid: 4\n") != std::string::npos);
    CHECK(rest.find("event: run\nid: 5\n") != std::string::npos);
    CHECK(rest.ends_with("0\r\n\r\n"));
}

TEST_CASE("a client that leaves its stream is forgotten") {
    RunningBroker broker;
    {
        PlainClient client(broker.api_port());
        client.send(request("POST", "/api/v1/jobs", "", kJob));
        client.read_response();
        client.send(request("GET", "/api/v1/runs/" + FakeDomain::id<RunId>(3).text() + "/events"));
        client.read_until("\n\n");
    }
    std::size_t left = 1;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (left > 0 && std::chrono::steady_clock::now() < until)
        broker.domain_thread.run([&] { left = broker.domain.subscribers(); });
    CHECK(left == 0);
}

TEST_CASE("Prefer: wait holds one request without holding others") {
    RunningBroker broker;
    PlainClient waiting(broker.api_port()), other(broker.api_port());
    waiting.send(request("POST", "/api/v1/jobs", "Prefer: wait=30\r\n", kJob));
    other.send(request("GET", "/healthz"));
    CHECK(other.read_response().starts_with("HTTP/1.1 200"));
    std::size_t subscribers = 0;
    while (subscribers == 0) broker.domain_thread.run([&] { subscribers = broker.domain.subscribers(); });
    broker.domain_thread.run([&] { broker.domain.finish_run(); });
    const std::string answer = waiting.read_response();
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.find("\"results\":[{\"id\":\"res_") != std::string::npos);
}

TEST_CASE("a drain ends idle connections and streams, and waits for the rest") {
    RunningBroker broker;
    const std::uint16_t port = broker.api_port();
    PlainClient idle(port), streaming(port);
    idle.send(request("GET", "/healthz"));
    idle.read_response();
    streaming.send(request("POST", "/api/v1/jobs", "", kJob));
    streaming.read_response();
    streaming.send(request("GET", "/api/v1/runs/" + FakeDomain::id<RunId>(3).text() + "/events"));
    streaming.read_until("\n\n");
    CHECK(broker.drain());
    CHECK(idle.read_all() == "");
    streaming.read_all();
    CHECK_THROWS(PlainClient{port});
}

TEST_CASE("a port in use is told") {
    RunningBroker broker;
    http::IoThreads threads(1);
    http::Settings settings;
    settings.name = "api";
    settings.listen = http::ListenAddress::parse("127.0.0.1:" + std::to_string(broker.api_port())).value();
    const auto second = http::Server::listen(threads, settings);
    REQUIRE(second.has_error());
    CHECK(second.error().code == Errc::unavailable);
    CHECK(second.error().message().find("in use") != std::string::npos);
}
