// The link over lines: sockets of a fake launcher, a scripted broker on loopback, a name server on a thread.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <map>
#include <set>
#include <thread>

#include "agent/link/line_lookup.hpp"
#include "protocol/codings.hpp"
#include "tests/unit/agent/link/loopback_node.hpp"
#include "tests/unit/agent/link/scripted_broker.hpp"

using namespace edge;
using namespace edge::agent;
using Script = ScriptedBroker::Script;

namespace {

/// Two lines, "a" from 127.0.1.1 and "b" from 127.0.2.1.
class FakeLines : public Uplinks {
  public:
    std::optional<UplinkLine> line(const LineName& name) const override {
        const auto at = lines.find(name.text());
        return at == lines.end() ? std::nullopt : std::optional(at->second);
    }
    void open(const LineName& line, bool v6, SocketKind kind, std::function<void(Result<Fd>)> done) override {
        ++opened[line.text()];
        if (v6 || refuses.contains(line.text()))
            return done(Error{Errc::unavailable, {}, "no socket of line " + line.text()});
        Fd fd(
            ::socket(AF_INET, (kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in from{};
        from.sin_family = AF_INET;
        ::inet_pton(AF_INET, line.text() == "a" ? "127.0.1.1" : "127.0.2.1", &from.sin_addr);
        ::bind(fd.number(), reinterpret_cast<const sockaddr*>(&from), sizeof from);
        done(std::move(fd));
    }

    std::map<std::string, UplinkLine> lines{{"a", {.v4 = true}}, {"b", {.v4 = true}}};
    std::set<std::string> refuses;
    std::map<std::string, int> opened;
};

LinkWays over(FakeLines& lines, const Endpoint& broker, std::chrono::milliseconds steady = 1h) {
    return {.brokers = {broker}, .uplinks = {"a", "b"}, .back = {steady, 0ms}, .lines = &lines};
}

/// One A record of 127.0.0.1 for whatever is asked, after `silences` questions that it does not answer.
class NameServer {
  public:
    explicit NameServer(int silences = 0) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        ::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&at), size);
        ::getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this, silences] { serve(silences); });
    }
    ~NameServer() {
        ::shutdown(socket_.number(), SHUT_RDWR);
        thread_.join();
    }
    std::uint16_t port() const { return port_; }
    std::string asked_from() const { return from_; }
    std::atomic<int> asked = 0;

  private:
    void serve(int silences) {
        while (true) {
            std::uint8_t message[512];
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            const auto got =
                ::recvfrom(socket_.number(), message, sizeof message, 0, reinterpret_cast<sockaddr*>(&peer), &size);
            if (got <= 12) return;
            if (++asked <= silences) continue;
            char text[INET_ADDRSTRLEN];
            from_ = ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
            std::string answer(reinterpret_cast<const char*>(message), static_cast<std::size_t>(got));
            const bool is_a = message[got - 3] == 1;  // the end of the question: type, class
            answer[2] = '\x81';
            answer[3] = '\x80';
            if (is_a) {
                answer[7] = 1;
                answer += std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01", 16);
            }
            ::sendto(socket_.number(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
        }
    }

    Fd socket_;
    std::uint16_t port_ = 0;
    std::string from_;
    std::thread thread_;
};

std::optional<Result<std::vector<IpAddress>>> looked_up(FakeLines& lines, const std::string& line) {
    boost::asio::io_context io;
    std::optional<Result<std::vector<IpAddress>>> found;
    auto task = [&]() -> boost::asio::awaitable<void> {
        const LineName name = LineName::parse(line).value();
        const UplinkLine known = lines.lines[line];
        const std::string host = "broker.test";
        found = co_await look_up(lines, name, known, host);
    };
    boost::asio::co_spawn(io, task, [](const std::exception_ptr& thrown) { CHECK(!thrown); });
    io.run_for(8s);
    return found;
}

/// Until the agent leaves.
void stay(ScriptedConnection& one) {
    try {
        while (true) one.receive();
    } catch (const std::exception&) {
    }
}

Script live(std::vector<link::Uplink>& told, std::atomic<int>& sessions) {
    return [&](ScriptedConnection& one) {
        told.push_back(one.shake_hands(Node::key(), Node::welcome()).uplink.value());
        ++sessions;
        stay(one);
    };
}

}  // namespace

TEST_CASE("the link goes over the first uplink, and over the next at once when that line is down; the hello says why") {
    FakeLines lines;
    std::vector<link::Uplink> told;
    std::atomic<int> sessions = 0;
    const Script script = live(told, sessions);
    ScriptedBroker broker({script, script});
    Node node(over(lines, broker.endpoint()));
    node.run_until([&] { return sessions == 1; });
    lines.lines["a"].up = false;
    lines.lines["a"].reason = "no carrier";
    const auto cut = std::chrono::steady_clock::now();
    node.link_.uplinks_changed();
    node.go_on_until([&] { return sessions == 2; });
    CHECK(std::chrono::steady_clock::now() - cut < 5s);
    CHECK(told.at(0).name == "a");
    CHECK(told.at(0).bound == link::UplinkBound::launcher);
    CHECK(told.at(0).why == "");
    CHECK(told.at(1).name == "b");
    CHECK(told.at(1).why == "a: the line is down: no carrier");
    CHECK(load_uplink(node.disk_).value().name == "b");
}

TEST_CASE("an uplink that gives no socket is passed over, and mgmt is the host's own way") {
    FakeLines lines;
    lines.refuses = {"a", "b"};
    std::vector<link::Uplink> told;
    std::atomic<int> sessions = 0;
    ScriptedBroker broker({live(told, sessions)});
    LinkWays ways = over(lines, broker.endpoint());
    ways.uplinks = {"a", "nowhere", "mgmt"};
    Node node(std::move(ways));
    node.run_until([&] { return sessions == 1; });
    CHECK(told.at(0).name == "mgmt");
    CHECK(told.at(0).bound == link::UplinkBound::host);
    CHECK(told.at(0).why == "a: no socket of line a; nowhere: edge-launcher knows no such line, or is not there");
}

TEST_CASE(
    "the link goes back when the better uplink has been well for a while: the new session comes first, and what was "
    "not acknowledged is sent in it") {
    FakeLines lines;
    lines.refuses = {"a"};
    std::vector<link::Uplink> told;
    std::atomic<int> sessions = 0;
    std::atomic<int> cut = 0;  // sessions that ended
    int cut_at_second_hello = -1;
    std::vector<std::uint64_t> sent;
    const Script script = [&](ScriptedConnection& one) {
        link::Challenge challenge;
        challenge.proto = {link::kProtocolVersion};
        challenge.nonce = to_base64(as_bytes(std::string(32, 'n')));
        one.send(challenge);
        told.push_back(link::decode_hello(one.receive()).value().hello.uplink.value());
        if (told.size() == 2) cut_at_second_hello = cut;
        one.send(Node::welcome(0, 1));
        (void)one.expect<link::WelcomeAck>();
        if (++sessions == 2) {
            sent.push_back(one.expect<link::TaskResult>().n);
            one.send(link::ResultAck{1});
        }
        stay(one);
        ++cut;
    };
    ScriptedBroker broker(std::vector<Script>(16, script), {.at_once = true});
    {
        Node node(over(lines, broker.endpoint(), 600ms));
        node.finish_one(1);
        node.run_until([&] { return sessions == 1; });
        lines.refuses.clear();
        node.go_on_until([&] { return node.spool_.acked() == 1; });
        node.go_on_until([&] { return cut == 1; });  // the old connection, when the new session is there
    }
    broker.finish();
    REQUIRE(told.size() == 2);
    CHECK(told.at(0).name == "b");
    CHECK(told.at(1).name == "a");
    CHECK(told.at(1).why == "the first, and well again");
    CHECK(cut_at_second_hello == 0);
    CHECK(sent == std::vector<std::uint64_t>{1});
}

TEST_CASE("names are asked of the line's resolvers, from the line's address, and asked again when nothing comes") {
    FakeLines lines;
    NameServer server(1);
    lines.lines["b"] = {.resolvers = {"127.0.0.1"}, .resolver_port = server.port(), .v4 = true};
    const auto found = looked_up(lines, "b");
    REQUIRE(found);
    REQUIRE_MESSAGE(*found, found->error().message());
    REQUIRE(found->value().size() == 1);
    CHECK(found->value()[0].text() == "127.0.0.1");
    CHECK(server.asked_from() == "127.0.2.1");
    CHECK(server.asked >= 3);
}

TEST_CASE("a line without a resolver, or whose sockets are refused, resolves nothing, and says why") {
    FakeLines lines;
    const auto said = [&](const char* line) {
        const auto found = looked_up(lines, line);
        return !found ? "nothing" : *found ? "found" : found->error().detail;
    };
    CHECK(said("a") == "the line has no resolver");
    lines.lines["a"].resolvers = {"192.0.2.1"};
    lines.refuses = {"a"};
    CHECK(said("a") == "no socket of line a");
}
