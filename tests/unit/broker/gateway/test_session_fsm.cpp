#include <doctest/doctest.h>

#include "broker/gateway/outbox.hpp"
#include "broker/gateway/session_fsm.hpp"
#include "protocol/json/described.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::gateway;
using namespace std::chrono_literals;

namespace {

const SessionId kSession = SessionId::parse("ses_01jd3v7v9qf4r8m2k5x6w7y8z9").value();

/// The time, moved by hand.
struct Clock {
    Now now{std::chrono::steady_clock::time_point{} + 1h, 1'000'000'000};
    Now after(std::chrono::milliseconds step) {
        now.steady += step;
        now.wall_us += static_cast<std::uint64_t>(step.count()) * 1000;
        return now;
    }
};

struct Agent {
    SigningKey key = SigningKey::generate();
    link::Hello hello;

    std::string signed_hello(const std::string& nonce, const std::string& exporter) const {
        const std::string line = link::encode_envelope(hello);
        const std::string input = link::hello_signing_input(nonce, exporter, line);
        const Signature signature = key.sign(as_bytes(input));
        return link::encode_hello(line, {reinterpret_cast<const char*>(signature.data()), signature.size()});
    }
};

SessionTerms terms() {
    SessionTerms terms;
    terms.nonce = std::string(32, 'n');
    terms.exporter = std::string(32, 'e');
    return terms;
}

/// What the actions are, in a word each.
std::string names(const Actions& actions) {
    std::string text;
    for (const auto& action : actions) {
        if (!text.empty()) text += ' ';
        struct {
            std::string operator()(const action::Send& send) const {
                const std::string line = link::encode_envelope(send.envelope);
                return "send:" + line.substr(6, line.find('"', 6) - 6);
            }
            std::string operator()(const action::FindKey&) const { return "find_key"; }
            std::string operator()(const action::AskToJoin&) const { return "join"; }
            std::string operator()(const action::Confirm&) const { return "confirm"; }
            std::string operator()(const action::Live&) const { return "live"; }
            std::string operator()(const action::Deliver& deliver) const {
                return "deliver:" + std::to_string(deliver.envelopes.size());
            }
            std::string operator()(const action::Measured&) const { return "measured"; }
            std::string operator()(const action::Leave&) const { return "leave"; }
            std::string operator()(const action::Close& close) const {
                return "close:" + std::to_string(static_cast<int>(close.code));
            }
            std::string operator()(const action::Cut&) const { return "cut"; }
        } name;
        text += std::visit(name, action);
    }
    return text;
}

std::string reject_code(const Actions& actions) {
    const auto* send = std::get_if<action::Send>(&actions.at(0));
    const auto* reject = send ? std::get_if<link::Reject>(&send->envelope) : nullptr;
    return reject ? std::string(enum_text(reject->code)) : "none";
}

std::string line(const link::Envelope& envelope) {
    return link::encode_envelope(envelope);
}

/// An FSM, and the steps to bring it where a test begins.
struct Session {
    Clock clock;
    Agent agent;
    SessionFsm fsm{terms()};

    Actions start() { return fsm.start(clock.now); }
    Actions say_hello() { return fsm.message(clock.now, agent.signed_hello(terms().nonce, terms().exporter)); }
    Actions give_key() { return fsm.key(clock.now, NodeKey{agent.key.public_key(), {}}); }
    Actions welcome() {
        link::Welcome welcome;
        welcome.session_id = kSession;
        return fsm.joined(clock.now, welcome);
    }
    Actions acknowledge() { return fsm.message(clock.now, line(link::WelcomeAck{1, {10, 1000}})); }
    void go_live() { start(), say_hello(), give_key(), welcome(), acknowledge(); }
};

}  // namespace

TEST_CASE("an agent that does all right goes live") {
    Session session;
    const Actions first = session.start();
    CHECK(names(first) == "send:challenge");
    const auto& challenge = std::get<link::Challenge>(std::get<action::Send>(first[0]).envelope);
    CHECK(from_base64(challenge.nonce) == Bytes(32, 'n'));
    CHECK(challenge.binding == link::Binding::tls_exporter);
    CHECK(names(session.say_hello()) == "find_key");
    CHECK(names(session.give_key()) == "join");
    CHECK(names(session.welcome()) == "send:welcome");
    CHECK(names(session.acknowledge()) == "confirm live send:hb");
    CHECK(names(session.fsm.message(session.clock.now, line(link::WorkAck{1}) + "\n" + line(link::ResultAck{1}) + "\n" +
                                                           line(link::Credit{2, 3}))) == "deliver:2 send:error");
    CHECK(names(session.fsm.gone()) == "leave");
    CHECK(names(session.fsm.gone()) == "");
}

TEST_CASE("a hello counts only with this node's signature for this connection") {
    struct Case {
        const char* name;
        std::string nonce, exporter;
        bool own_key;
        const char* answer;
    };
    const Case cases[] = {
        {"right", terms().nonce, terms().exporter, true, "join"},
        {"another connection's nonce", std::string(32, 'x'), terms().exporter, true, "send:reject close:1008"},
        {"another TLS connection", terms().nonce, std::string(32, 'x'), true, "send:reject close:1008"},
        {"no exporter", terms().nonce, "", true, "send:reject close:1008"},
        {"another key", terms().nonce, terms().exporter, false, "send:reject close:1008"}};
    for (const auto& c : cases) {
        CAPTURE(c.name);
        Session session;
        session.start();
        session.fsm.message(session.clock.now, session.agent.signed_hello(c.nonce, c.exporter));
        const PublicKey key = c.own_key ? session.agent.key.public_key() : SigningKey::generate().public_key();
        CHECK(names(session.fsm.key(session.clock.now, NodeKey{key, {}})) == c.answer);
    }
}

TEST_CASE("a changed byte in the hello breaks its signature") {
    Session session;
    session.start();
    std::string message = session.agent.signed_hello(terms().nonce, terms().exporter);
    message.insert(1, " ");
    CHECK(names(session.fsm.message(session.clock.now, message)) == "find_key");
    CHECK(reject_code(session.give_key()) == "bad_signature");
}

TEST_CASE("who may not come in is told why, and whether to try again") {
    struct Case {
        Result<NodeKey> key;
        const char* code;
        bool fatal;
    };
    Session session;
    const Case cases[] = {{Error{Errc::not_found}, "unknown_node", true},
                          {Error{Errc::unavailable}, "overloaded", false},
                          {NodeKey{SigningKey::generate().public_key(), {}}, "bad_signature", true}};
    for (const auto& c : cases) {
        CAPTURE(c.code);
        SessionFsm fsm(terms());
        fsm.start(session.clock.now);
        fsm.message(session.clock.now, session.agent.signed_hello(terms().nonce, terms().exporter));
        const Actions actions = fsm.key(session.clock.now, c.key);
        CHECK(names(actions) == "send:reject close:1008");
        CHECK(reject_code(actions) == c.code);
        CHECK(std::get<link::Reject>(std::get<action::Send>(actions[0]).envelope).fatal == c.fatal);
        CHECK(fsm.is_closed());
    }
}

TEST_CASE("a hello may be signed with the key that takes the old one's place, and the domain is told which it was") {
    const PublicKey other = SigningKey::generate().public_key();
    for (const bool by_next : {false, true}) {
        Session session;
        session.start(), session.say_hello();
        const PublicKey own = session.agent.key.public_key();
        const auto actions = session.fsm.key(session.clock.now, by_next ? NodeKey{other, own} : NodeKey{own, other});
        REQUIRE(names(actions) == "join");
        CHECK(std::get<action::AskToJoin>(actions[0]).key == own);
    }
    Session session;
    session.start(), session.say_hello();
    CHECK(reject_code(session.fsm.key(session.clock.now, NodeKey{other, other})) == "bad_signature");
}

TEST_CASE("a handshake that goes wrong ends at once") {
    const std::string hello_line = line(link::Hello{});
    for (const std::string& text :
         {std::string(), std::string("{}"), std::string("[[[["), hello_line, hello_line + "\n{\"sig\":\"AAAA\"}",
          line(link::WorkAck{1}), std::string(70'000, ' '), std::string("{\"t\":\"hello\"}\n{\"sig\":1}")}) {
        CAPTURE(text.substr(0, 40));
        Session session;
        session.start();
        const Actions actions = session.fsm.message(session.clock.now, text);
        CHECK(names(actions) == "send:reject close:1008");
        CHECK(reject_code(actions) == "protocol_error");
    }
}

TEST_CASE("another protocol version is refused by name") {
    Session session;
    session.agent.hello.proto = 2;
    session.start();
    CHECK(reject_code(session.say_hello()) == "unsupported_version");
}

TEST_CASE("before welcome an agent waits") {
    Session session;
    session.start(), session.say_hello();
    CHECK(reject_code(session.say_hello()) == "protocol_error");
    Session other;
    other.start(), other.say_hello(), other.give_key();
    CHECK(reject_code(other.fsm.message(other.clock.now, line(link::WorkAck{1}))) == "protocol_error");
}

TEST_CASE("after welcome only welcome_ack opens the session") {
    Session session;
    session.start(), session.say_hello(), session.give_key(), session.welcome();
    CHECK(names(session.fsm.message(session.clock.now, line(link::WorkAck{1}))) == "send:error leave close:1002");
    Session other;
    other.start(), other.say_hello(), other.give_key(), other.welcome();
    CHECK(names(other.fsm.message(other.clock.now, line(link::WelcomeAck{1, {}}) + "\n" + line(link::Credit{1, 2}))) ==
          "confirm live deliver:1 send:hb");
}

TEST_CASE("the domain's refusal is passed on") {
    Session session;
    session.start(), session.say_hello(), session.give_key();
    CHECK(reject_code(session.fsm.joined(
              session.clock.now, link::Reject{link::RejectCode::stale_counter, "", 0, true})) == "stale_counter");
}

TEST_CASE("a socket that goes while the domain decides leaves no session behind") {
    Session session;
    session.start(), session.say_hello(), session.give_key();
    CHECK(names(session.fsm.gone()) == "");
    CHECK(names(session.welcome()) == "leave");
    Session other;
    other.start(), other.say_hello(), other.fsm.gone();
    CHECK(names(other.give_key()) == "");
}

TEST_CASE("a handshake has ten seconds") {
    Session session;
    session.start(), session.say_hello(), session.give_key(), session.welcome();
    CHECK(names(session.fsm.timer(session.clock.after(9'999ms))) == "");
    CHECK(names(session.fsm.timer(session.clock.after(1ms))) == "leave cut");
    CHECK_FALSE(session.fsm.deadline());
}

TEST_CASE("malformed messages are answered, and the third ends the session") {
    for (const char* text : {"", "nonsense"}) {
        Session session;
        session.go_live();
        if (!*text) CHECK(names(session.fsm.message(session.clock.now, text)) == "");
    }
    Session session;
    session.go_live();
    CHECK(names(session.fsm.message(session.clock.now, "nonsense")) == "send:error");
    CHECK(names(session.fsm.message(session.clock.now, std::string(100'000, '['))) == "send:error");
    CHECK(names(session.fsm.message(session.clock.now, line(link::WorkAck{1}))) == "deliver:1");
    CHECK(names(session.fsm.message(session.clock.now, "{\"t\":\"wack\",\"n\":1,\"n\":2}")) ==
          "send:error leave close:1002");
    CHECK(names(session.fsm.message(session.clock.now, line(link::WorkAck{1}))) == "");
    CHECK(names(session.fsm.gone()) == "");
}

TEST_CASE("an agent that says goaway is heard, and the session goes on") {
    Session session;
    session.go_live();
    const std::string goodbye = line(link::Goaway{link::GoawayReason::maintenance, 0, 0});
    CHECK(names(session.fsm.message(session.clock.now, goodbye)) == "deliver:1");
    CHECK(names(session.fsm.message(session.clock.now, line(link::WorkAck{1}))) == "deliver:1");
}

TEST_CASE("what came before an error in one message still counts") {
    Session session;
    session.go_live();
    const std::string bad = "{\"t\":\"future\",\"must\":true}";
    CHECK(names(session.fsm.message(session.clock.now,
                                    line(link::WorkAck{1}) + "\n" + bad + "\n" + line(link::WorkAck{2}))) ==
          "deliver:1 send:error leave close:1002");
}

TEST_CASE("envelopes nobody knows are counted, unless they must be known") {
    Session session;
    session.go_live();
    CHECK(names(session.fsm.message(session.clock.now, "{\"t\":\"future\"}\n{\"t\":\"later\",\"must\":false}")) == "");
    CHECK(session.fsm.unknown_envelopes() == 2);
    CHECK(names(session.fsm.message(session.clock.now, "{\"t\":\"future\",\"must\":true}")) ==
          "send:error leave close:1002");
}

TEST_CASE("messages that are binary, or in too many fragments, end the session") {
    Session session;
    session.go_live();
    SUBCASE("binary") {
        CHECK(names(session.fsm.binary(session.clock.now)) == "leave close:1003");
    }
    SUBCASE("in too many fragments") {
        CHECK(names(session.fsm.fragmented()) == "leave close:1009");
    }
    CHECK(session.fsm.fragmented().empty());
}

TEST_CASE("an agent's own error ends the session") {
    Session session;
    session.go_live();
    CHECK(names(session.fsm.message(session.clock.now, line(link::ProtocolError{"bad_envelope", ""}))) ==
          "leave close:1000");
}

TEST_CASE("a quiet link is asked every 15 seconds, a fifth more or less, and given up after 45") {
    Session session;
    session.go_live();
    const auto began = session.clock.now.steady;
    int asked = 0;
    Actions last;
    while (!session.fsm.is_closed()) {
        const auto due = *session.fsm.deadline();
        session.clock.after(std::chrono::duration_cast<std::chrono::milliseconds>(due - session.clock.now.steady));
        last = session.fsm.timer(session.clock.now);
        if (names(last) == "send:hb") ++asked;
    }
    CHECK(names(last) == "leave cut");
    CHECK(session.clock.now.steady - began == 45s);
    CHECK(asked >= 2);
    CHECK(asked <= 3);
}

TEST_CASE("an agent that answers stays") {
    Session session;
    session.go_live();
    for (int i = 0; i < 100; ++i) {
        session.clock.now.steady = *session.fsm.deadline();
        const Actions actions = session.fsm.timer(session.clock.now);
        REQUIRE(names(actions) == "send:hb");
        const auto& asked = std::get<link::Heartbeat>(std::get<action::Send>(actions[0]).envelope);
        session.clock.after(20ms);
        const std::string told = names(session.fsm.message(session.clock.now, line(link::Heartbeat{5, asked.at_us})));
        CHECK((told.empty() || told == "measured"));
    }
}

TEST_CASE("a heartbeat measures the round trip and the clock's offset") {
    Session session;
    session.start(), session.say_hello(), session.give_key(), session.welcome();
    const Actions live = session.acknowledge();
    const std::uint64_t asked = std::get<link::Heartbeat>(std::get<action::Send>(live.back()).envelope).at_us;
    session.clock.after(30ms);
    // The agent's clock is 500 ms ahead; it answered in the middle.
    const Actions actions =
        session.fsm.message(session.clock.now, line(link::Heartbeat{asked + 15'000 + 500'000, asked}));
    REQUIRE(names(actions) == "measured");
    const auto& measured = std::get<action::Measured>(actions[0]);
    CHECK(measured.rtt_us == 30'000);
    CHECK(measured.clock_offset_us == 500'000);
    CHECK(names(session.fsm.message(session.clock.now, line(link::Heartbeat{1, asked}))) == "");
    CHECK(names(session.fsm.message(session.clock.now, line(link::Heartbeat{77, std::nullopt}))) == "send:hb");
}

TEST_CASE("the domain hears of a heartbeat once a minute, and at once when trip or clock changed") {
    Session session;
    session.start(), session.say_hello(), session.give_key(), session.welcome();
    Actions sent = session.acknowledge();
    const auto answer = [&](std::chrono::milliseconds trip, std::int64_t ahead_us) {
        const std::uint64_t asked = std::get<link::Heartbeat>(std::get<action::Send>(sent.back()).envelope).at_us;
        session.clock.after(trip);
        const auto middle = static_cast<std::int64_t>(asked) + trip / 2us;
        const Actions actions = session.fsm.message(
            session.clock.now, line(link::Heartbeat{static_cast<std::uint64_t>(middle + ahead_us), asked}));
        session.clock.after(20s);
        sent = session.fsm.timer(session.clock.now);
        return names(actions);
    };
    CHECK(answer(30ms, 0) == "measured");
    CHECK(answer(31ms, 1'000) == "");
    CHECK(answer(32ms, -1'000) == "");
    CHECK(answer(30ms, 0) == "measured");  // 60 s after the first
    CHECK(answer(200ms, 0) == "measured");
    CHECK(answer(200ms, 0) == "");
    CHECK(answer(200ms, 3'600'000'000) == "measured");
}

TEST_CASE("a busy link is not asked, a ping counts as life") {
    Session session;
    session.go_live();
    for (int i = 0; i < 100; ++i) {
        session.clock.after(10s);
        session.fsm.sent(session.clock.now);
        session.fsm.sign_of_life(session.clock.now);
        CHECK(names(session.fsm.timer(session.clock.now)) == "");
    }
}

TEST_CASE("an agent that is asked to go may flush first") {
    Session session;
    session.go_live();
    const link::Goaway why{link::GoawayReason::maintenance, 2'000, 5'000};
    CHECK(names(session.fsm.go_away(session.clock.now, why)) == "send:goaway");
    CHECK(names(session.fsm.go_away(session.clock.now, why)) == "");
    CHECK(names(session.fsm.message(session.clock.after(1'000ms), line(link::WorkAck{1}))) == "deliver:1");
    CHECK(names(session.fsm.timer(session.clock.after(1'000ms))) == "leave close:1012");
}

TEST_CASE("a stopping broker lets nobody in") {
    const link::Goaway why{link::GoawayReason::maintenance, 2'000, 5'000};
    Session fresh;
    CHECK(names(fresh.fsm.go_away(fresh.clock.now, why)) == "cut");
    Session session;
    session.start();
    CHECK(reject_code(session.fsm.go_away(session.clock.now, why)) == "overloaded");
    Session welcomed;
    welcomed.start(), welcomed.say_hello(), welcomed.give_key(), welcomed.welcome();
    CHECK(names(welcomed.fsm.go_away(welcomed.clock.now, why)) == "leave close:1012");
    Session taken;
    taken.go_live();
    CHECK(names(taken.fsm.go_away(taken.clock.now, {link::GoawayReason::taken_over, 0, 0})) ==
          "send:goaway leave close:1012");
}

TEST_CASE("what waits for one agent goes together, and has a bound") {
    Outbox outbox;
    for (std::uint64_t n = 1; n <= 3; ++n) CHECK(outbox.push(link::ResultAck{n}));
    CHECK(outbox.take() == "{\"t\":\"rack\",\"n\":1}\n{\"t\":\"rack\",\"n\":2}\n{\"t\":\"rack\",\"n\":3}");
    CHECK(outbox.is_empty());
    CHECK(outbox.bytes() == 0);
    link::ProtocolError big{"x", std::string(100'000, 'y')};
    int pushed = 0;
    while (outbox.push(big)) ++pushed;
    CHECK(pushed == 10);
    const std::string message = outbox.take();
    CHECK(message.size() <= link::kMaxMessage);
    CHECK(message.size() > 200'000);
    CHECK(link::decode_message(message).value().size() == 2);
}
