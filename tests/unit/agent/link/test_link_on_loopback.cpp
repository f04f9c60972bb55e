#include <doctest/doctest.h>

#include <atomic>

#include "agent/link/https_post.hpp"
#include "tests/unit/agent/link/loopback_node.hpp"
#include "tests/unit/agent/link/scripted_broker.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

using Script = ScriptedBroker::Script;

}  // namespace

TEST_CASE("a session over TLS: hello bound to it, work acknowledged, result sent and forgotten when acknowledged") {
    ScriptedBroker broker({[](ScriptedConnection& one) {
        const auto hello = one.shake_hands(Node::key(), Node::welcome());
        if (hello.labels.at("city") != "guangzhou" || hello.join_counter != 0)
            throw std::runtime_error("another hello");
        one.send(ping_task(1));
        if (one.expect<link::WorkAck>().n != 1) throw std::runtime_error("another ack");
        const auto result = one.expect<link::TaskResult>();
        if (result.n != 1 || result.task_id != task_id(1)) throw std::runtime_error("another result");
        one.send(link::ResultAck{1});
        one.receive();
    }});
    Node node(broker.endpoint());
    node.run_until([&] { return node.spool_.acked() == 1; });
    CHECK(load_counter(node.disk_).value() == 5);
    CHECK(load_link_state(node.disk_).value() == LinkState{true, broker.endpoint().authority(), ""});
    node.link_.finish();
    node.io_.run_for(500ms);
    CHECK_FALSE(load_link_state(node.disk_).value().connected);
    CHECK(broker.finish().find("closed") != std::string::npos);  // the script was waiting in receive()
}

TEST_CASE(
    "a policy is told once a session and when it changes, facts as they come, and the broker's address is known") {
    std::vector<std::string> told;
    std::atomic<std::size_t> heard = 0;  // the broker's thread writes `told`
    const auto hear = [&](std::string what) {
        told.push_back(std::move(what));
        ++heard;
    };
    const Script first = [&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        hear(one.expect<link::Policy>().services.at(0));
        hear(std::to_string(one.expect<link::Facts>().host.cpus));
        hear(one.expect<link::Policy>().services.at(0));
    };
    const Script second = [&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        hear(one.expect<link::Policy>().services.at(0));
    };
    ScriptedBroker broker({first, second});
    Node node(broker.endpoint());
    node.lent.emplace().services = {"dns"};
    link::Facts facts;
    facts.host.cpus = 7;
    node.link_.tell(facts);  // no session: nobody hears it
    node.run_until([&] { return heard == 1; });
    CHECK(node.found_at == std::vector<std::string>{"127.0.0.1"});
    node.lent->services = {"ping"};
    node.link_.policy_changed();
    node.link_.tell(facts);
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (heard < 4 && std::chrono::steady_clock::now() < end) node.io_.run_one_for(50ms);
    CHECK(broker.finish() == "");
    CHECK(told == std::vector<std::string>{"dns", "7", "ping", "ping"});
}

TEST_CASE("a broker that was met is found again where its name leads nowhere, or to somebody else") {
    const Script serve = [](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        one.receive();
    };
    const auto meet = [&](ScriptedBroker& broker, std::string name) {
        Endpoint named = broker.endpoint();
        const std::string address = std::exchange(named.host, std::move(name));
        Node node(LinkWays{.brokers = {named}},
                  [&](Disk& disk) { REQUIRE(KnownAddresses(disk).live(named.authority(), {address})); });
        node.run_until([&] { return node.link_.live(); });
        CHECK(node.found_at == std::vector{address});
    };
    SUBCASE("nowhere") {
        ScriptedBroker broker({serve});
        meet(broker, "broker.invalid");
    }
    SUBCASE("to one with another key") {
        ScriptedBroker impostor({serve, serve, serve}, {.at_once = true});
        const auto port = static_cast<std::uint16_t>(std::stoi(impostor.endpoint().port));
        ScriptedBroker broker({serve}, {.address = "127.0.0.2", .port = port});
        meet(broker, "localhost");
    }
}

TEST_CASE("what was not acknowledged when a session was lost is sent again in the next") {
    std::vector<std::uint64_t> numbers;
    const Script first = [&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        for (int i = 0; i < 3; ++i) numbers.push_back(one.expect<link::TaskResult>().n);
    };
    const Script second = [&](ScriptedConnection& one) {
        const auto hello = one.shake_hands(Node::key(), Node::welcome(1));
        numbers.push_back(hello.join_counter);
        for (int i = 0; i < 2; ++i) numbers.push_back(one.expect<link::TaskResult>().n);
        one.send(link::ResultAck{3});
        one.send(link::Heartbeat{1, std::nullopt});
        one.receive();
    };
    ScriptedBroker broker({first, second});
    Node node(broker.endpoint());
    for (std::uint8_t i = 1; i <= 3; ++i) node.finish_one(i);
    node.run_until([&] { return node.spool_.acked() == 3; });
    node.io_.run_for(100ms);
    CHECK(broker.finish() == "");
    CHECK(numbers == std::vector<std::uint64_t>{1, 2, 3, 5, 2, 3});
}

TEST_CASE("a broker that comes back with fewer results is sent them again, and its generation is kept") {
    std::vector<std::uint64_t> numbers;
    const auto session = [&](std::uint64_t acked, std::uint8_t generation, std::uint64_t last) {
        return [&numbers, acked, generation, last](ScriptedConnection& one) {
            auto welcome = Node::welcome(acked);
            welcome.generation = GenerationId{{generation}};
            const auto hello = one.shake_hands(Node::key(), welcome);
            numbers.push_back(hello.spool_first);
            for (std::uint64_t n = acked; n < last; ++n) numbers.push_back(one.expect<link::TaskResult>().n);
            one.send(link::ResultAck{last});
        };
    };
    ScriptedBroker broker({session(0, 7, 3), session(1, 8, 3)});
    Node node(broker.endpoint());
    for (std::uint8_t i = 1; i <= 3; ++i) node.finish_one(i);
    const SpoolId id = node.spool_.id();
    const auto generation = [&] { return load_generation(node.disk_).value().value_or(GenerationId{}); };
    node.run_until([&] { return generation() == GenerationId{{8}} && node.spool_.acked() == 3; });
    CHECK(broker.finish() == "");
    CHECK(numbers == std::vector<std::uint64_t>{1, 1, 2, 3, 1, 2, 3});
    CHECK(node.spool_.id() == id);
}

TEST_CASE("what was given up is told in the hello until the broker has what comes behind it") {
    std::optional<link::SpoolGap> first_told, then_told;
    const Script first = [&](ScriptedConnection& one) {
        first_told = one.shake_hands(Node::key(), Node::welcome()).gap;
        const std::uint64_t n = one.expect<link::TaskResult>().n;
        one.send(link::ResultAck{n});
        one.send(link::Heartbeat{1, std::nullopt});
        one.next();
    };
    const Script second = [&](ScriptedConnection& one) {
        then_told = one.shake_hands(Node::key(), Node::welcome()).gap;
    };
    ScriptedBroker broker({first, second});
    Node node(broker.endpoint());
    for (std::uint8_t i = 1; i <= 20; ++i) node.finish_one(i, 250'000);
    REQUIRE(node.spool_.give_up_oldest());
    REQUIRE(node.spool_.gap());
    const std::uint64_t last = node.spool_.gap()->last;
    node.run_until([&] { return node.spool_.acked() > last; });
    node.io_.run_for(1s);
    CHECK(broker.finish() == "");
    REQUIRE(first_told);
    CHECK(first_told->first == 1);
    CHECK(first_told->last == last);
    CHECK(!then_told);
}

TEST_CASE("many results share a message, a large one fits, and credit in bytes holds the rest back") {
    int messages = 0;
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        auto welcome = Node::welcome();
        welcome.credit = {1000, 300'000};
        one.shake_hands(Node::key(), welcome);
        for (std::uint64_t n = 1; n <= 51; ++n) {
            const auto received = one.next();
            const auto& result = std::get<link::TaskResult>(received.envelope);
            if (result.n != n || result.detail_bytes != received.detail.size())
                throw std::runtime_error("another result");
        }
        messages = one.messages();
        one.send(link::ResultAck{51});
        if (one.expect<link::TaskResult>().n != 52) throw std::runtime_error("another result");
        one.send(link::ResultAck{52});
        one.send(link::Heartbeat{1, std::nullopt});
        one.receive();
    }});
    Node node(broker.endpoint());
    for (std::uint8_t i = 1; i <= 50; ++i) node.finish_one(i);
    node.finish_one(51, 230'000);
    node.finish_one(52, 230'000);
    node.run_until([&] { return node.spool_.acked() == 52; });
    node.io_.run_for(100ms);
    CHECK(broker.finish() == "");
    CHECK(messages <= 4);  // the hello, the small ones, the large one
}

TEST_CASE("a spool that cannot be renewed for want of space is renewed in a later session") {
    std::vector<SpoolId> met;
    const Script knows_too_much = [&](ScriptedConnection& one) {
        link::Challenge challenge;
        challenge.proto = {link::kProtocolVersion};
        challenge.nonce = to_base64(Digest{});
        one.send(challenge);
        met.push_back(link::decode_hello(one.receive()).value().hello.spool_id);
        one.send(Node::welcome(99));
        try {
            one.receive();  // nothing but the end
        } catch (const std::exception&) {
        }
    };
    ScriptedBroker broker({knows_too_much, knows_too_much});
    Node node(broker.endpoint());
    node.finish_one(1);
    const SpoolId id = node.spool_.id();
    node.disk_.fail_append(ENOSPC);
    node.run_until([&] { return node.spool_.id() != id; });
    CHECK(broker.finish() == "");
    CHECK(met == std::vector{id, id});
    CHECK(node.spool_.last() == 1);
}

TEST_CASE("a result spooled for a session that took more is cut for one that takes less") {
    std::vector<link::TaskResult> results;
    std::size_t longest = 0;
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        auto welcome = Node::welcome();
        welcome.limits.frame_bytes = 8192;
        welcome.credit.bytes = 4096;  // less than one of them: one may always go
        one.shake_hands(Node::key(), welcome);
        for (std::uint64_t n = 1; n <= 3; ++n) {
            const auto received = one.next();
            results.push_back(std::get<link::TaskResult>(received.envelope));
            longest = std::max(longest, link::encode_envelope(received.envelope, received.detail).size());
            one.send(link::ResultAck{n});
        }
        one.send(link::Heartbeat{1, std::nullopt});
        one.receive();
    }});
    Node node(broker.endpoint());
    node.finish_one(1, 6'000);
    node.finish_one(2, 200'000);
    auto huge = result_of(3, 300'000);  // more than any session takes: of a version that counted otherwise
    huge.resolved.assign(1000, "192.0.2.1");
    node.spool_.finish(huge, "\"" + std::string(299'998, 'd') + "\"");
    REQUIRE(node.spool_.commit());
    node.run_until([&] { return node.spool_.acked() == 3; });
    node.io_.run_for(100ms);
    CHECK(broker.finish() == "");
    REQUIRE(results.size() == 3);
    CHECK(results[0].detail_bytes == 6'000);
    CHECK_FALSE(results[0].truncated);
    for (const std::size_t i : {1u, 2u}) {
        CHECK(results[i].n == i + 1);
        CHECK(results[i].truncated);
        CHECK(results[i].detail_bytes == 0);
        CHECK(results[i].task_id == task_id(static_cast<std::uint8_t>(i + 1)));
    }
    CHECK(longest <= 8192);
}

TEST_CASE("progress that no message can carry is dropped, and does not hold up what follows") {
    std::atomic<bool> is_shown = false;
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        one.send(ping_task(1));
        while (one.receive().find("\"seq\":4") == std::string::npos) {
        }
        is_shown = true;
    }});
    Node node(broker.endpoint());
    bool has_begun = false;
    node.run_until([&] {
        if (node.started == 1 && !std::exchange(has_begun, true)) {
            for (const std::size_t bytes : {200'000u, 70'000u, 65'536u})
                node.link_.show({task_id(1), 1, link::ProgressKind::data, Json{{"text", std::string(bytes, 'x')}}});
            node.link_.show({task_id(1), 1, link::ProgressKind::data, Json{{"seq", 4}}});
            node.link_.pump();
        }
        return is_shown.load();
    });
    CHECK(broker.finish() == "");
}

TEST_CASE("attempts the broker revokes are stopped") {
    ScriptedBroker broker({[](ScriptedConnection& one) {
        auto welcome = Node::welcome();
        welcome.revoke = {{task_id(4), 2}};
        one.shake_hands(Node::key(), welcome);
    }});
    Node node(broker.endpoint());
    node.run_until([&] { return !node.stopped.empty(); });
    CHECK(node.stopped == std::vector{link::AttemptRef{task_id(4), 2}});
    CHECK(broker.finish() == "");
}

TEST_CASE("an agent says nothing to a peer that is not its broker") {
    bool heard = false;
    const Script script = [&](ScriptedConnection&) { heard = true; };
    SUBCASE("another key") {
        ScriptedBroker broker({script});
        Endpoint endpoint = broker.endpoint();
        endpoint.pin[0] ^= 1;
        Node node(endpoint);
        node.run_for(300ms);
        CHECK(broker.finish() == "");
        CHECK(!heard);
    }
    SUBCASE("TLS 1.2") {
        ScriptedBroker broker({script}, {.tls12 = true});
        Node node(broker.endpoint());
        node.run_for(300ms);
        CHECK(broker.finish() == "");
        CHECK(!heard);
    }
}

TEST_CASE("a broker that does not agree to edge.v1 gets no hello") {
    std::string got;
    ScriptedBroker broker({[&](ScriptedConnection& one) { got = one.receive(); }}, {.subprotocol = "edge.v0"});
    Node node(broker.endpoint());
    node.run_for(300ms);
    broker.finish();
    CHECK(got.empty());
    CHECK(!node.link_.live());
}

TEST_CASE("a broker that says come later is not asked again before") {
    ScriptedBroker broker({[](ScriptedConnection&) {}}, {.http_status = 503, .retry_after = "30"});
    Node node(broker.endpoint());
    node.run_for(3s);
    CHECK(broker.finish() == "");
    CHECK(node.link_.closed());
}

TEST_CASE("of several brokers the next is dialled at once when one is not there, and all of them are told as found") {
    Endpoint nobody;
    {
        ScriptedBroker gone(std::vector<ScriptedBroker::Script>{});
        nobody = gone.endpoint();
    }
    nobody.host = "127.0.0.2";
    std::atomic<int> sessions = 0;
    const Script script = [&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        ++sessions;
        if (sessions == 2) one.receive();
    };
    ScriptedBroker broker({script, script});
    Node node({nobody, broker.endpoint()});
    const auto began = std::chrono::steady_clock::now();
    node.run_until([&] { return sessions == 2; });  // the second without the dead one before it: it worked last
    CHECK(std::chrono::steady_clock::now() - began < 3s);
    CHECK(node.found_at == std::vector<std::string>{"127.0.0.1", "127.0.0.2"});
}

TEST_CASE("a broker that breaks the protocol is told so and left") {
    std::string code;
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        one.shake_hands(Node::key(), Node::welcome());
        one.send(std::string("{\"t\":\"rack\",\"n\":9007199254740991}"));
        code = one.expect<link::ProtocolError>().code;
        one.receive();
    }});
    Node node(broker.endpoint());
    node.run_for(500ms);
    broker.finish();
    CHECK(code == "ack");
    CHECK(!node.link_.live());
}

TEST_CASE("where the upgrade is refused twice the link goes on by requests; where the broker is busy it does not") {
    std::vector<std::string> asked;
    std::atomic<std::size_t> count = 0;
    const auto answers = [&](unsigned status) {
        return ScriptedBroker::HttpScript([&asked, &count, status](const std::string& path, const std::string&) {
            asked.push_back(path);
            ++count;
            return HttpReply{status};
        });
    };
    struct Case {
        unsigned upgrade;
        std::vector<std::string> paths;
    };
    for (const Case& c : {Case{403, {link::kLinkPath, link::kLinkPath, link::kPollPath, link::kLinkPath}},
                          Case{501, {link::kLinkPath, link::kLinkPath, link::kPollPath, link::kLinkPath}},
                          Case{503, {link::kLinkPath, link::kLinkPath, link::kLinkPath, link::kLinkPath}}}) {
        CAPTURE(c.upgrade);
        asked.clear();
        count = 0;
        ScriptedBroker broker(std::vector{answers(c.upgrade), answers(c.upgrade), answers(404), answers(503)});
        Node node(broker.endpoint());
        node.run_until([&] { return count == 4; });
        CHECK(broker.finish() == "");
        CHECK(asked == c.paths);
    }
}

TEST_CASE("one POST over TLS is answered, refused, lost, or not sent to another key") {
    std::string asked;
    const ScriptedBroker::HttpScript ok_script = [&](const std::string& path, const std::string& body) {
        asked = path + " " + body;
        return HttpReply{201, "{}"};
    };
    const ScriptedBroker::HttpScript silent = [&](const std::string&, const std::string&) { return HttpReply{0}; };
    SUBCASE("answered") {
        ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{ok_script});
        const auto answer = https_post(broker.endpoint(), "/edge/v1/enroll", "body", 10s);
        REQUIRE(answer);
        CHECK(answer.value().status == 201);
        CHECK(answer.value().body == "{}");
        CHECK(asked == "/edge/v1/enroll body");
    }
    SUBCASE("lost") {
        ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{silent});
        CHECK(https_post(broker.endpoint(), "/edge/v1/enroll", "body", 10s).error().code == Errc::io);
    }
    SUBCASE("another key") {
        ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{ok_script});
        Endpoint endpoint = broker.endpoint();
        endpoint.pin[5] ^= 1;
        CHECK(https_post(endpoint, "/edge/v1/enroll", "body", 10s).error().code == Errc::denied);
        broker.finish();
        CHECK(asked.empty());
    }
    SUBCASE("nobody there") {
        Endpoint endpoint;
        {
            ScriptedBroker broker(std::vector<ScriptedBroker::HttpScript>{});
            endpoint = broker.endpoint();
        }
        CHECK(https_post(endpoint, "/edge/v1/enroll", "body", 10s).error().code == Errc::unavailable);
    }
}

TEST_CASE("the health of lines is left out of a hello, which has no room for it, and follows the welcome") {
    std::atomic<bool> told = false;
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        const auto hello = one.shake_hands(Node::key(), Node::welcome());
        if (hello.lines.size() != 1 || hello.lines[0].health) throw std::runtime_error("another hello");
        const auto lines = one.expect<link::Lines>().lines;
        if (lines.size() != 1 || !lines[0].health || lines[0].health->origin != "AS4134 ct")
            throw std::runtime_error("other lines");
        told = true;
        one.receive();
    }});
    Node node(broker.endpoint());
    link::LineReport line;
    line.name = line_name("telecom");
    line.health = link::LineHealth{};
    line.health->origin = "AS4134 ct";
    node.lines = {line};
    node.run_until([&] { return told.load(); });
}
