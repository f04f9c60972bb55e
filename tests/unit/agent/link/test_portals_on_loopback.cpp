// What has the broker's key and answers in its place: a captive portal, a reverse proxy that lost what is behind it.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <regex>
#include <sstream>

#include "protocol/codings.hpp"
#include "protocol/json/described.hpp"
#include "tests/unit/agent/link/loopback_node.hpp"
#include "tests/unit/agent/link/scripted_broker.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

using boost::asio::ip::tcp;
using link::LinkTransport;
using Clock = std::chrono::steady_clock;

/// What is logged while it lives.
class Log {
  public:
    Log() {
        auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
    }
    ~Log() { spdlog::set_default_logger(before_); }

    struct Down {
        std::string reason;
        std::chrono::milliseconds retry;
    };
    std::vector<Down> downs() const {
        static const std::regex kDown(R"re(link_down reason="([^"]*)" retry_ms=(\d+))re");
        const std::string text = text_.str();
        std::vector<Down> found;
        for (std::sregex_iterator at(text.begin(), text.end(), kDown), end; at != end; ++at)
            found.push_back({(*at)[1], std::chrono::milliseconds(std::stoul((*at)[2]))});
        return found;
    }

  private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

/// Where a redirect leads to: whoever follows it is noticed.
class Elsewhere {
  public:
    Elsewhere() { acceptor_.non_blocking(true); }
    std::string url() const {
        return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/login";
    }
    bool was_asked() {
        boost::system::error_code nobody;
        acceptor_.accept(nobody);
        return nobody != boost::asio::error::would_block;
    }

  private:
    boost::asio::io_context io_;
    tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
};

/// Answers the same again and again, and writes down what it was asked.
struct Portal {
    explicit Portal(std::vector<HttpReply> replies) {
        for (HttpReply& one : replies) {
            scripts.push_back([this, reply = std::move(one)](const std::string& path, const std::string& body) {
                paths.push_back(path);
                bodies += body;
                times.push_back(Clock::now());
                ++count;
                return reply;
            });
        }
    }

    std::vector<ScriptedBroker::HttpScript> scripts;
    std::vector<std::string> paths;  // until the broker has finished, its thread's
    std::string bodies;
    std::vector<Clock::time_point> times;
    std::atomic<std::size_t> count = 0;
};

}  // namespace

TEST_CASE(
    "a portal or proxy in the broker's place is named by what it answered, left alone for a while, and not followed") {
    const std::string page = "<html><body>Welcome to the hotel. Please log in.</body></html>";
    Elsewhere elsewhere;
    struct Case {
        std::string name;
        HttpReply reply;
        std::string said;
    };
    const Case kCases[] = {
        {"a page", {200, page, {{"Content-Type", "text/html"}}}, "HTTP 200, as a portal or a proxy before it does"},
        {"a long page", {200, std::string(400'000, 'x'), {{"Content-Type", "text/html"}}}, "HTTP 200, as a portal"},
        {"nothing", {204}, "HTTP 204, as a portal"},
        {"another 201", {201, page}, "HTTP 201, as a portal"},
        {"found", {302, page, {{"Location", elsewhere.url()}}}, "HTTP 302, a redirect, which is not followed"},
        {"found here", {302, "", {{"Location", "/login"}}}, "HTTP 302, a redirect, which is not followed"},
        {"the same elsewhere", {307, "", {{"Location", elsewhere.url()}}}, "HTTP 307, a redirect"},
        {"who are you", {401, page, {{"WWW-Authenticate", "Basic realm=\"hotel\""}}}, "HTTP 401, as a portal"},
        {"log in to the network", {511, page}, "HTTP 511, as a portal"},
        {"nothing behind it", {502, page}, "HTTP 502"},
        {"that has advice", {200, page, {{"Retry-After", "3600"}}}, "HTTP 200, as a portal"},
        {"and nothing behind it", {502, page, {{"Retry-After", "3600"}}}, "HTTP 502"},
    };
    for (const auto transport : {LinkTransport::websocket, LinkTransport::poll}) {
        for (const Case& one : kCases) {
            CAPTURE(one.name);
            CAPTURE(enum_text(transport));
            const Log log;
            Portal portal({one.reply, one.reply});
            ScriptedBroker broker(portal.scripts);
            Node node(LinkWays{.brokers = {broker.endpoint()}, .transport = transport});
            node.finish_one(1);  // there is something to say, if it were the broker
            node.run_until([&] { return log.downs().size() == 2; });
            CHECK(broker.finish() == "");
            for (const auto& down : log.downs())
                CHECK_MESSAGE(down.reason.starts_with("the broker answered " + one.said), down.reason);
            const char* path = transport == LinkTransport::poll ? link::kPollPath : link::kLinkPath;
            CHECK(portal.paths == std::vector<std::string>{path, path});
            CHECK(portal.bodies.empty());
            CHECK(!elsewhere.was_asked());
            REQUIRE(portal.times.size() == 2);
            CHECK(log.downs()[0].retry >= 20ms);  // of the growing ones: a session's end would have a shorter one here
            CHECK(portal.times[1] - portal.times[0] >= log.downs()[0].retry);
            CHECK(!node.link_.live());
            CHECK(node.spool_.acked() == 0);
        }
    }
}

TEST_CASE("a portal that comes into a session by requests ends it, and is told nothing") {
    Elsewhere elsewhere;
    const HttpReply begun{201, "", {{link::kPollSession, "session-1"}, {"Connection", "close"}}};
    struct Case {
        HttpReply reply;
        std::string said;
    };
    const Case kCases[] = {
        {{200, "<html></html>", {{"Content-Type", "text/html"}}}, "HTTP 200, as a portal"},
        {{200, std::string(400'000, 'x')}, "HTTP 200, as a portal"},
        {{200, "<html>", {}, true}, "HTTP 200, as a portal or a proxy before it does, and not to its end"},
        {{502, "<html>", {}, true}, "HTTP 502, and not to its end"},
        {{302, "", {{"Location", elsewhere.url()}}}, "HTTP 302, a redirect"},
        {{401}, "HTTP 401, as a portal"},
    };
    for (const Case& one : kCases) {
        CAPTURE(one.said);
        const Log log;
        Portal portal({begun, one.reply});
        ScriptedBroker broker(portal.scripts);
        Node node(LinkWays{.brokers = {broker.endpoint()}, .transport = LinkTransport::poll});
        node.finish_one(1);
        node.run_until([&] { return log.downs().size() == 1; });
        CHECK(broker.finish() == "");
        REQUIRE(log.downs().size() == 1);
        CHECK_MESSAGE(log.downs()[0].reason.starts_with("the broker answered " + one.said), log.downs()[0].reason);
        CHECK(portal.paths == std::vector<std::string>{link::kPollPath, link::kPollPath});
        CHECK(portal.bodies.empty());
        CHECK(!elsewhere.was_asked());
    }
}

TEST_CASE("a message of the broker's that breaks off is asked for again, after a pause") {
    const Log log;
    link::Challenge challenge;
    challenge.proto = {link::kProtocolVersion};
    challenge.nonce = to_base64(Bytes(32, 7));
    const HttpReply begun{201, "", {{link::kPollSession, "session-1"}, {"Connection", "close"}}};
    HttpReply message{200, encode_envelope(challenge), {{link::kPollMessage, "1"}, {"Connection", "close"}}};
    HttpReply cut = message;
    cut.is_cut = true;
    Portal portal({begun, cut, message, {502}});
    ScriptedBroker broker(portal.scripts);
    Node node(LinkWays{.brokers = {broker.endpoint()}, .transport = LinkTransport::poll});
    node.run_until([&] { return log.downs().size() == 1; });
    CHECK(broker.finish() == "");
    REQUIRE(portal.times.size() == 4);
    CHECK(portal.times[2] - portal.times[1] >= 250ms);
    CHECK(log.downs()[0].reason.starts_with("the broker answered HTTP 502"));  // it had its message, and went on
}
