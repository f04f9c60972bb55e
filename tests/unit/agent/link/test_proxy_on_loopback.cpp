// The link through a scripted HTTP proxy on loopback, with TLS to the broker inside its tunnel.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "agent/link/https_post.hpp"
#include "tests/unit/agent/link/loopback_node.hpp"
#include "tests/unit/agent/link/scripted_broker.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return at;
}

/// Answers the first request with `answer`; with one that is 200 it is a tunnel to `upstream` from then on.
class FakeProxy {
  public:
    FakeProxy(std::string answer, std::uint16_t upstream)
        : answer_(std::move(answer)), upstream_(upstream), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at = loopback(0);
        socklen_t size = sizeof at;
        ::bind(listener_.number(), reinterpret_cast<const sockaddr*>(&at), size);
        ::listen(listener_.number(), 4);
        ::getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeProxy() {
        ::shutdown(listener_.number(), SHUT_RDWR);
        thread_.join();
    }
    Proxy proxy() const { return {false, "127.0.0.1", std::to_string(port_), "me", "s:cret"}; }
    std::string asked() {
        ::shutdown(listener_.number(), SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        thread_ = std::thread([] {});
        return asked_;
    }

  private:
    void serve() {
        const Fd near(::accept(listener_.number(), nullptr, nullptr));
        if (!near) return;
        while (asked_.find("\r\n\r\n") == std::string::npos) {
            char bytes[1024];
            const auto got = ::recv(near.number(), bytes, sizeof bytes, 0);
            if (got <= 0) return;
            asked_.append(bytes, static_cast<std::size_t>(got));
        }
        if (::send(near.number(), answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) return;
        const Fd far(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in to = loopback(upstream_);
        if (answer_.find(" 200 ") == std::string::npos ||
            ::connect(far.number(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            return;
        pollfd ends[2] = {{near.number(), POLLIN, 0}, {far.number(), POLLIN, 0}};
        while (::poll(ends, 2, -1) > 0) {
            for (int i = 0; i < 2; ++i) {
                if (ends[i].revents == 0) continue;
                char bytes[4096];
                const auto got = ::recv(ends[i].fd, bytes, sizeof bytes, 0);
                if (got <= 0 || ::send(ends[1 - i].fd, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) return;
            }
        }
    }

    std::string answer_;
    std::uint16_t upstream_;
    Fd listener_;
    std::uint16_t port_ = 0;
    std::string asked_;
    std::thread thread_;
};

std::uint16_t port_of(const Endpoint& endpoint) {
    return static_cast<std::uint16_t>(std::stoi(endpoint.port));
}

}  // namespace

TEST_CASE("a session through a proxy is bound to the broker's own TLS, and the proxy is told host, port and user") {
    ScriptedBroker broker({[](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        one.send(ping_task(1));
        (void)one.expect<link::WorkAck>();
        one.send(link::ResultAck{one.expect<link::TaskResult>().n});
        one.receive();
    }});
    Endpoint endpoint = broker.endpoint();
    FakeProxy proxy("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n", port_of(endpoint));
    endpoint.host = "broker.invalid";  // only the proxy has to find it
    {
        Node node(LinkWays{.brokers = {endpoint}, .proxy = proxy.proxy()});
        node.run_until([&] { return node.spool_.acked() == 1; });
        CHECK(node.found_at == std::vector<std::string>{"127.0.0.1"});
    }
    const std::string asked = proxy.asked();
    CHECK(asked.find("CONNECT broker.invalid:" + endpoint.port + " HTTP/1.1\r\nHost: broker.invalid:") == 0);
    CHECK(asked.find("Proxy-Authorization: Basic bWU6czpjcmV0\r\n") != std::string::npos);
}

TEST_CASE("a proxy that refuses, answers with garbage or without end is told as it is, in little time and memory") {
    ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{});
    const Endpoint endpoint = broker.endpoint();
    struct Case {
        std::string answer;
        const char* said;
    };
    const Case cases[] = {
        {"HTTP/1.1 407 No\r\n\r\n", "the proxy: it answered HTTP 407"},
        {"HTTP/1.1 403 No\r\n\r\n", "the proxy: it answered HTTP 403"},
        {"HTTP/1.1 504 No\r\n\r\n", "the proxy: it answered HTTP 504"},
        {"220 mail.example ESMTP\r\n", "the proxy: it does not answer as an HTTP proxy does"},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), "the proxy: its answer has no end within 8 KiB"},
        {"HTTP/1.1 200 OK\r\n", "proxy: End of file"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.answer.substr(0, 40));
        FakeProxy proxy(one.answer, 1);
        const auto answer = https_post(endpoint, "/edge/v1/enroll", "{}", 10s, proxy.proxy());
        REQUIRE(!answer);
        CHECK(answer.error().code == Errc::unavailable);
        CHECK_MESSAGE(answer.error().detail.find(one.said) == 0, answer.error().detail);
    }
}

TEST_CASE("a tunnel to somebody with another key is no way to the broker") {
    const ScriptedBroker::HttpScript script = [](const std::string&, const std::string&) {
        return HttpReply{201, "{}"};
    };
    ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{script});
    ScriptedBroker other(std::vector<ScriptedBroker::HttpScript>{script});
    FakeProxy proxy("HTTP/1.1 200 OK\r\n\r\n", port_of(other.endpoint()));
    const auto answer = https_post(broker.endpoint(), "/edge/v1/enroll", "{}", 10s, proxy.proxy());
    REQUIRE(!answer);
    CHECK(answer.error().code == Errc::denied);
}
