#include <thread>

#include "tests/unit/probes/loopback/rig.hpp"
#include "tests/unit/probes/loopback/servers.hpp"

using namespace edge;
using namespace edge::probes;
using namespace std::chrono_literals;

namespace {

DnsSpec ask(std::uint16_t port, std::uint32_t timeout_ms = 2000) {
    DnsSpec spec;
    spec.target = "www.lab.test";
    spec.server = "127.0.0.1";
    spec.port = port;
    spec.timeout_ms = timeout_ms;
    return spec;
}

std::string tcp_frame(const Bytes& message) {
    std::string text{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())};
    return text.append(message.begin(), message.end());
}

/// Answers the first query on each connection, as `make` says.
class TcpDnsServer {
  public:
    TcpDnsServer(boost::asio::io_context& io, std::function<void(std::shared_ptr<Connection>, Bytes)> answer)
        : server_(
              io, [answer](std::shared_ptr<Connection> peer, std::string) { read(std::move(peer), answer); }, true) {}
    std::uint16_t port() const { return server_.port(); }

  private:
    static void read(std::shared_ptr<Connection> peer, std::function<void(std::shared_ptr<Connection>, Bytes)> answer) {
        auto buffer = std::make_shared<Bytes>(2000);
        peer->socket().async_read_some(
            boost::asio::buffer(*buffer), [peer, buffer, answer](boost::system::error_code error, std::size_t size) {
                if (error || size < 14) return;
                answer(peer, Bytes(buffer->begin() + 2, buffer->begin() + static_cast<std::ptrdiff_t>(size)));
            });
    }
    TcpServer server_;
};

}  // namespace

TEST_CASE("an answer over UDP is told with its records and time") {
    Rig rig;
    UdpServer server(rig.io(), [](const Bytes& query) { return std::vector<Bytes>{dns_answer(query)}; });
    const Ran ran = rig.run(ask(server.port()));
    CHECK(ran.report.status == Status::ok);
    CHECK(*ran.report.summary.code == "NOERROR");
    const auto detail = ran.detail<DnsDetail>();
    CHECK(detail.server == "127.0.0.1");
    CHECK(detail.transport == "udp");
    CHECK(detail.tries == 1);
    REQUIRE(detail.answer.size() == 1);
    CHECK(detail.answer[0].rdata == "198.18.0.10");
    CHECK(detail.query_us > 0);
    CHECK(ran.report.sockets.at(0).src_addr == "127.0.0.1");
    CHECK(ran.report.sockets.at(0).dst_port == server.port());
    CHECK(ran.report.sockets.at(0).protocol == IPPROTO_UDP);
    REQUIRE(ran.progress.size() == 1);
    CHECK(ran.progress[0]["try"]["transport"] == "udp");
}

TEST_CASE("each query has an id and a source port of its own") {
    Rig rig;
    std::vector<Bytes> ids;
    UdpServer server(rig.io(), [&](const Bytes& query) {
        ids.emplace_back(query.begin(), query.begin() + 2);
        return std::vector<Bytes>{dns_answer(query)};
    });
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < 20; ++i) ports.push_back(rig.run(ask(server.port())).report.sockets.at(0).src_port);
    std::sort(ids.begin(), ids.end());
    std::sort(ports.begin(), ports.end());
    CHECK(std::unique(ids.begin(), ids.end()) - ids.begin() > 17);
    CHECK(std::unique(ports.begin(), ports.end()) - ports.begin() > 17);
}

TEST_CASE("P12: wrong ids, wrong questions and garbage before the answer are ignored and counted") {
    Rig rig;
    UdpServer server(rig.io(), [](const Bytes& query) {
        std::vector<Bytes> answers;
        for (unsigned i = 1; i <= 100; ++i) {
            Bytes forged = dns_answer(query, {6, 6, 6, 6});
            forged[1] = static_cast<std::uint8_t>(forged[1] + i);
            answers.push_back(forged);
        }
        Bytes other = dns_answer(query, {6, 6, 6, 6});
        other[13] = 'x';
        answers.push_back(other);
        answers.push_back({});
        answers.push_back({1});
        answers.push_back(query);
        answers.push_back(dns_answer(query));
        return answers;
    });
    const Ran ran = rig.run(ask(server.port()));
    CHECK(ran.report.status == Status::ok);
    const auto detail = ran.detail<DnsDetail>();
    CHECK(detail.answer.at(0).rdata == "198.18.0.10");
    CHECK(detail.ignored == 104);
}

TEST_CASE("nobody there, nobody answering, and an answer only to the second try") {
    Rig rig;
    std::uint16_t closed = 0;
    {
        UdpServer gone(rig.io(), [](const Bytes&) { return std::vector<Bytes>{}; });
        closed = gone.port();
    }
    const Ran refused = rig.run(ask(closed));
    CHECK(refused.report.failure->code == "ECONNREFUSED");
    CHECK(refused.report.failure->source == Source::resolver);

    UdpServer silent(rig.io(), [](const Bytes&) { return std::vector<Bytes>{}; });
    const Ran timeout = rig.run(ask(silent.port(), 200));
    CHECK(timeout.report.failure->code == "timeout");
    CHECK(timeout.seconds < 1.2);

    int seen = 0;
    UdpServer second(rig.io(), [&](const Bytes& query) {
        return ++seen == 2 ? std::vector<Bytes>{dns_answer(query)} : std::vector<Bytes>{};
    });
    DnsSpec spec = ask(second.port(), 200);
    spec.tries = 3;
    const Ran late = rig.run(spec);
    CHECK(late.report.status == Status::ok);
    CHECK(late.detail<DnsDetail>().tries == 2);
    CHECK(late.progress.size() == 2);
    REQUIRE(late.report.sockets.size() == 2);  // one a try, and the answer came by the last
    CHECK(late.report.sockets[0].src_port != late.report.sockets[1].src_port);
}

TEST_CASE("over TCP, whole, in pieces, closed early, and two in one") {
    Rig rig;
    DnsSpec spec = ask(0);
    spec.transport = DnsTransport::tcp;
    TcpDnsServer whole(rig.io(), [](auto peer, Bytes query) { peer->send_then_close(tcp_frame(dns_answer(query))); });
    spec.port = whole.port();
    const Ran ran = rig.run(spec);
    CHECK(ran.report.status == Status::ok);
    CHECK(ran.detail<DnsDetail>().transport == "tcp");
    CHECK(ran.report.sockets.at(0).protocol == IPPROTO_TCP);
    CHECK(ran.detail<DnsDetail>().connect_us);

    TcpDnsServer pieces(rig.io(), [](auto peer, Bytes query) { peer->drip(tcp_frame(dns_answer(query)), 1ms); });
    spec.port = pieces.port();
    CHECK(rig.run(spec).report.status == Status::ok);

    TcpDnsServer short_of(
        rig.io(), [](auto peer, Bytes query) { peer->send_then_close(tcp_frame(dns_answer(query)).substr(0, 20)); });
    spec.port = short_of.port();
    CHECK(rig.run(spec).report.failure->code == "closed");

    TcpDnsServer twice(rig.io(), [](auto peer, Bytes query) {
        peer->send_then_close(tcp_frame(dns_answer(query)) + tcp_frame(dns_answer(query)));
    });
    spec.port = twice.port();
    CHECK(rig.run(spec).report.status == Status::ok);

    TcpDnsServer giant(rig.io(), [](auto peer, Bytes) { peer->send_forever("\xff\xff" + std::string(65'535, 'x')); });
    spec.port = giant.port();
    CHECK(rig.run(spec).report.failure->code == "malformed");
}

TEST_CASE("a stopped query says whether it was canceled or late") {
    Rig rig;
    UdpServer silent(rig.io(), [](const Bytes&) { return std::vector<Bytes>{}; });
    CHECK(rig.run(ask(silent.port(), 5000), 30ms, Stop::canceled).report.failure->code == "canceled");
    CHECK(rig.run(ask(silent.port(), 5000), 30ms, Stop::deadline).report.failure->code == "timeout");
}

TEST_CASE("a server that policy forbids is not asked") {
    TargetPolicy policy;
    policy.services = {Service::dns};
    Rig rig(policy);
    UdpServer server(rig.io(), [](const Bytes& query) { return std::vector<Bytes>{dns_answer(query)}; });
    const Ran ran = rig.run(ask(server.port()));
    CHECK(ran.report.status == Status::refused);
    CHECK(server.queries == 0);
}
