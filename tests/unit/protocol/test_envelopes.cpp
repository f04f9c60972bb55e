#include <doctest/doctest.h>

#include "protocol/json/described.hpp"
#include "tests/unit/protocol/samples.hpp"

using namespace edge;
using namespace edge::link;

namespace {

/// A result line without detail, to which a test adds what it likes.
Json result_json() {
    for (const auto& sample : samples::envelopes()) {
        if (sample.name == "res_refused") return parse_json(encode_envelope(sample.envelope)).value();
    }
    return {};
}

std::string with_detail(std::uint64_t detail_bytes, std::string_view rest) {
    Json json = result_json();
    json["detail_bytes"] = detail_bytes;
    return dump_json(json) + std::string(rest);
}

Errc code_of(std::string_view message) {
    const auto received = decode_message(message);
    return received ? Errc::ok : received.error().code;
}

}  // namespace

TEST_CASE("a message is one or more envelopes, a line each") {
    const auto received =
        decode_message("{\"t\":\"wack\",\"n\":1}\n{\"t\":\"rack\",\"n\":2}\n{\"t\":\"hb\",\"at_us\":3}\n");
    REQUIRE(received);
    REQUIRE(received.value().size() == 3);
    CHECK(std::get<WorkAck>(received.value()[0].envelope).n == 1);
    CHECK(std::get<ResultAck>(received.value()[1].envelope).n == 2);
    CHECK(std::get<Heartbeat>(received.value()[2].envelope).at_us == 3);
    CHECK(decode_message("").value().empty());
}

TEST_CASE("results with and without detail follow each other in one message") {
    std::string message;
    for (const auto& sample : samples::envelopes()) {
        if (sample.name.starts_with("res") || sample.name == "prog")
            message += encode_envelope(sample.envelope, sample.detail) + "\n";
    }
    const auto received = decode_message(message);
    REQUIRE(received);
    REQUIRE(received.value().size() == 5);
    CHECK_FALSE(received.value()[0].detail.empty());
    CHECK(received.value()[1].detail.empty());
}

TEST_CASE("an envelope of a type nobody knows is kept as its name, and says whether it must be understood") {
    for (const auto& [line, type, must] : {std::tuple{R"({"t":"novel","x":[1]})", "novel", false},
                                           {R"({"t":"novel","must":true})", "novel", true},
                                           {R"({"t":"novel","must":"true"})", "novel", false},
                                           {R"({"t":""})", "", false}}) {
        CAPTURE(line);
        const auto received = decode_message(line);
        REQUIRE(received);
        const auto* unknown = std::get_if<UnknownEnvelope>(&received.value()[0].envelope);
        REQUIRE(unknown);
        CHECK(unknown->type == type);
        CHECK(unknown->must == must);
    }
    const auto received = decode_message(R"({"t":")" + std::string(10'000, 'x') + "\"}");
    REQUIRE(received);
    CHECK(std::get<UnknownEnvelope>(received.value()[0].envelope).type.size() == 32);
    CHECK(encode_envelope(UnknownEnvelope{}).empty());
}

TEST_CASE("fields from a newer peer are ignored") {
    const auto received = decode_message(R"({"t":"wack","n":5,"later":{"x":1}})");
    REQUIRE(received);
    CHECK(std::get<WorkAck>(received.value()[0].envelope).n == 5);
}

TEST_CASE("one bad line refuses the whole message, so that nothing is half done") {
    for (const std::string bad : {"x",
                                  "[]",
                                  "null",
                                  "1",
                                  "\"wack\"",
                                  "{}",
                                  R"({"t":1})",
                                  R"({"t":null})",
                                  R"({"t":"wack"})",
                                  R"({"t":"wack","n":-1})",
                                  R"({"t":"wack","n":1.5})",
                                  R"({"t":"wack","n":"1"})",
                                  R"({"t":"wack","n":9007199254740993})",
                                  R"({"t":"wack","n":18446744073709551615})",
                                  R"({"t":"wack","n":1,"n":2})",
                                  R"({"t":"wack","t":"rack","n":1})",
                                  R"({"t":"lines","lines":{}})",
                                  R"({"t":"lines","lines":[{"name":"A B"}]})",
                                  R"({"t":"goaway","reason":"boredom","deadline_ms":0,"window_ms":0})",
                                  R"({"t":"cancel","n":1,"task_id":"run_00000000000000000000000000","attempt":1})",
                                  "{\"t\":\"wack\",\"n\":1}\r{\"t\":\"wack\",\"n\":1}"}) {
        CAPTURE(bad);
        CHECK_FALSE(decode_message(bad));
        CHECK_FALSE(decode_message("{\"t\":\"wack\",\"n\":1}\n" + bad));
        CHECK_FALSE(decode_message(bad + "\n{\"t\":\"wack\",\"n\":1}"));
    }
    CHECK_FALSE(decode_message("\n"));
    CHECK_FALSE(decode_message("{\"t\":\"wack\",\"n\":1}\n\n{\"t\":\"wack\",\"n\":1}"));
    CHECK(code_of(std::string(300'000, ' ')) == Errc::too_large);
    CHECK(code_of("{\"t\":" + std::string(100'000, '[')) == Errc::too_large);
    CHECK(code_of(std::string("{\"t\":\"wack\",\"n\":1}\0", 19)) == Errc::bad_syntax);
}

TEST_CASE("every field of every envelope is needed, and only optional ones may be missing") {
    for (const auto& sample : samples::envelopes()) {
        const Json whole = parse_json(encode_envelope(sample.envelope)).value();
        for (const auto& item : whole.items()) {
            if (item.key() == "t" || item.key() == "detail_bytes") continue;
            CAPTURE(sample.name);
            CAPTURE(item.key());
            Json less = whole;
            less.erase(item.key());
            if (less.contains("detail_bytes")) less["detail_bytes"] = 0;
            const bool optional = item.key() == "failure" || item.key() == "echo_us" || item.key() == "generation" ||
                                  item.key() == "plan" || item.key() == "early" || item.key() == "alternative" ||
                                  (item.key() == "align" && sample.name == "task_aligned") ||
                                  (item.key() == "next" && sample.name == "pins");
            CHECK(bool(decode_message(dump_json(less))) == optional);
        }
    }
}

TEST_CASE("detail_bytes must tell the truth about the line that follows") {
    const std::string detail = R"({"a":1})";
    CHECK(decode_message(with_detail(7, "\n" + detail)));
    CHECK(decode_message(with_detail(7, "\n" + detail + "\n")));
    CHECK(decode_message(with_detail(7, "\n" + detail + "\n{\"t\":\"wack\",\"n\":1}")).value().size() == 2);
    for (const std::uint64_t lie : {1, 6, 8, 9, 300'000}) {
        CAPTURE(lie);
        CHECK(code_of(with_detail(lie, "\n" + detail)) == Errc::bad_value);
    }
    CHECK(code_of(with_detail(7, "")) == Errc::bad_value);
    CHECK(code_of(with_detail(7, "\n")) == Errc::bad_value);
    // Said to be none: what follows is an envelope then, and this is not one.
    CHECK(code_of(with_detail(0, "\n" + detail)) == Errc::bad_value);
    // Swallowing the next envelope as detail is no way either: its length has to be known beforehand, and then it is
    // detail.
    CHECK(code_of(with_detail(4'294'967'296, "\n" + detail)) == Errc::bad_value);
}

TEST_CASE("detail is held to the same limits as all JSON, because the API gives it on as it came") {
    const auto detail = [](const std::string& text) { return code_of(with_detail(text.size(), "\n" + text)); };
    CHECK(detail("{}") == Errc::ok);
    CHECK(detail("[1,2]") == Errc::ok);
    CHECK(detail(std::string(24, '[') + std::string(24, ']')) == Errc::ok);
    CHECK(detail(std::string(25, '[') + std::string(25, ']')) == Errc::too_large);
    CHECK(detail("{\"a\":1},\"forged\":{\"x\":1}") == Errc::bad_syntax);
    CHECK(detail("{\"a\":1}}") == Errc::bad_syntax);
    CHECK(detail("\xef\xbb\xbf{}") == Errc::bad_syntax);
    CHECK(detail("{\"a\":\"\xff\"}") == Errc::bad_syntax);
    CHECK(detail("{\"a\":1,\"a\":2}") == Errc::bad_value);
    CHECK(detail("[1e999]") == Errc::bad_value);
    CHECK(detail(std::string(1000, '[') + std::string(1000, ']')) == Errc::too_large);
}

TEST_CASE("the longest ping there may be is taken as one result") {
    PingDetail ping;
    for (std::uint32_t i = 0; i < 1000; ++i)
        ping.replies.push_back({.seq = i,
                                .rtt_us = 12'345,
                                .ttl = 55,
                                .size = 56,
                                .from = {},
                                .error = {},
                                .tx_us = i * 200'000ull,
                                .dup = false});
    const std::string text = dump_json(encode(ping));
    CHECK(code_of(with_detail(text.size(), "\n" + text)) == Errc::ok);
}

TEST_CASE("a hello is a line and its signature, and the line is kept as it came") {
    const std::string message = samples::signed_hello();
    const auto hello = decode_hello(message);
    REQUIRE(hello);
    CHECK(hello.value().line == message.substr(0, message.find('\n')));
    CHECK(hello.value().hello.node_id == samples::hello().node_id);
    CHECK(hello.value().hello.running.size() == 1);
    CHECK(hello.value().signature.size() == 64);
    // White space inside the line is signed too: what is hashed is what was sent.
    std::string spaced = message;
    spaced.insert(1, " ");
    REQUIRE(decode_hello(spaced));
    CHECK(decode_hello(spaced).value().line == spaced.substr(0, spaced.find('\n')));
}

TEST_CASE("a hello without its signature, with another envelope or too large is refused") {
    const std::string message = samples::signed_hello();
    const std::string line = message.substr(0, message.find('\n'));
    for (const std::string tail : {"", "\n", "\n{}", "\n{\"sig\":1}", "\n{\"sig\":\"\"}", "\n{\"sig\":\"AAAA\"}",
                                   "\n[]", "\nx", "\n{\"sig\":\"%%%%\"}"}) {
        CAPTURE(tail);
        CHECK_FALSE(decode_hello(line + tail));
    }
    CHECK_FALSE(decode_hello(message + "\n{\"t\":\"wack\",\"n\":1}"));
    CHECK_FALSE(decode_hello("{\"t\":\"wack\",\"n\":1}" + message.substr(message.find('\n'))));
    CHECK_FALSE(decode_hello("\n" + message));
    CHECK(decode_hello(std::string(65 * 1024, ' ')).error().code == Errc::too_large);
    CHECK_FALSE(decode_hello(""));
}

TEST_CASE("what a hello's signature covers, byte by byte") {
    const std::string input = hello_signing_input(samples::nonce(), samples::exporter(), "abc");
    CHECK(input.size() == 13 + 32 + 32 + 32);
    CHECK(input.substr(0, 13) == "edge-hello-v1");
    CHECK(to_hex(as_bytes(std::string_view(input).substr(13, 32))) ==
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    CHECK(to_hex(as_bytes(std::string_view(input).substr(45, 32))) ==
          "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f");
    CHECK(to_hex(as_bytes(std::string_view(input).substr(77))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hello_signing_input(samples::nonce(), "", "abc").size() == 13 + 32 + 32);
}

TEST_CASE("what an enrolment's signature covers, byte by byte") {
    const std::string key(32, 'k');
    CHECK(to_hex(as_bytes(enroll_signing_input("abc", key))) ==
          to_hex(as_bytes("edge-enroll-v1")) + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" +
              to_hex(as_bytes(key)));
}

TEST_CASE("an enrolment's body is bounded and needs all its fields") {
    const std::string good = encode_enroll_request(samples::enroll_request());
    REQUIRE(decode_enroll_request(good));
    CHECK(decode_enroll_request(good).value().labels.at("city") == "guangzhou");
    for (const std::string key : {"token", "public_key", "signature", "name", "labels", "agent_version"}) {
        CAPTURE(key);
        Json json = parse_json(good).value();
        json.erase(key);
        CHECK(decode_enroll_request(dump_json(json)).error().where == "/" + std::string(key));
    }
    CHECK_FALSE(decode_enroll_request(""));
    CHECK(decode_enroll_request(std::string(17 * 1024, ' ')).error().code == Errc::too_large);
    CHECK_FALSE(decode_enroll_reply(R"({"node_id":"node_x","name":"a","project":"default"})"));
}
