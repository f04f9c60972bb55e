#include <doctest/doctest.h>

#include "cli/api/sse.hpp"

using namespace edge::cli;

namespace {

std::vector<SseEvent> all(SseParser& parser, std::string_view bytes) {
    auto events = parser.push(bytes);
    REQUIRE(events);
    return std::move(events.value());
}

bool same(const SseEvent& a, const SseEvent& b) {
    return a.name == b.name && a.data == b.data && a.id == b.id;
}

}  // namespace

TEST_CASE("an event is its name, its data and the last id") {
    SseParser parser;
    const auto events = all(parser, "event: run\nid: 1\ndata: {\"a\":1}\n\ndata: x\n\n");
    REQUIRE(events.size() == 2);
    CHECK(same(events[0], {"run", "{\"a\":1}", "1"}));
    CHECK(same(events[1], {"message", "x", "1"}));
    CHECK(parser.last_id() == "1");
}

TEST_CASE("the corners of the format, as the standard has them") {
    struct Case {
        std::string text;
        std::string data;
        std::string name;
    };
    for (const auto& [text, data, name] : {
             Case{"data: YHOO\ndata: +2\ndata: 10\n\n", "YHOO\n+2\n10", "message"},
             Case{"data\n\n", "", "message"},
             Case{"data\ndata\n\n", "\n", "message"},
             Case{"data:test\n\n", "test", "message"},
             Case{"data: test\n\n", "test", "message"},
             Case{"data:  test\n\n", " test", "message"},
             Case{": comment\ndata: x\n\n", "x", "message"},
             Case{"\xef\xbb\xbf"
                  "data: x\n\n",
                  "x", "message"},
             Case{"data: x\r\n\r\n", "x", "message"},
             Case{"data: x\r\r", "x", "message"},
             Case{"unknown: 1\ndata: x\nevent: y\n\n", "x", "y"},
             Case{"event: a\nevent: b\ndata: x\n\n", "x", "b"},
             Case{"event:\ndata: x\n\n", "x", "message"},
             Case{"data: a:b: c\n\n", "a:b: c", "message"},
         }) {
        CAPTURE(text);
        SseParser parser;
        const auto events = all(parser, text);
        REQUIRE(events.size() == 1);
        CHECK(events[0].data == data);
        CHECK(events[0].name == name);
    }
}

TEST_CASE("no event without data, none before its blank line, none from comments") {
    SseParser parser;
    CHECK(all(parser, ": heartbeat\n\n").empty());
    CHECK(all(parser, "event: x\n\n").empty());
    CHECK(all(parser, "\n\n\n").empty());
    CHECK(all(parser, "data: unfinished").empty());
    CHECK(all(parser, "\n").empty());
    CHECK(all(parser, "\n").size() == 1);
}

TEST_CASE("an id without data is remembered, one with a NUL is not, an empty one clears it") {
    SseParser parser;
    CHECK(all(parser, "id: 7\n\n").empty());
    CHECK(parser.last_id() == "7");
    all(parser, std::string("id: 8\0\n\n", 8));
    CHECK(parser.last_id() == "7");
    all(parser, "id\n\n");
    CHECK(parser.last_id().empty());
}

TEST_CASE("events are the same however the bytes are cut") {
    const std::string text =
        "\xef\xbb\xbf: hi\r\n\r\nevent: run\r\nid: 1\r\ndata: a\r\ndata: 电信\r\n\r\nid: 2\rdata: c\r\rdata: d\n\n";
    SseParser whole;
    const auto wanted = all(whole, text);
    REQUIRE(wanted.size() == 3);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CAPTURE(cut);
        SseParser parser;
        auto events = all(parser, text.substr(0, cut));
        for (auto& event : all(parser, text.substr(cut))) events.push_back(event);
        REQUIRE(events.size() == wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(same(events[i], wanted[i]));
    }
}

TEST_CASE("a new connection drops what was begun and keeps the id") {
    SseParser parser;
    all(parser, "id: 5\ndata: x\n\nid: 6\ndata: half");
    parser.restart();
    CHECK(parser.last_id() == "5");
    const auto events = all(parser, "data: y\n\n");
    REQUIRE(events.size() == 1);
    CHECK(same(events[0], {"message", "y", "5"}));
}

TEST_CASE("an event without end is an error, not all the memory") {
    constexpr std::size_t kMost = 100'000;
    SseParser parser(kMost);
    REQUIRE(parser.push("data: " + std::string(kMost - 6, 'x')));
    CHECK_FALSE(parser.push("x"));
    SseParser lines(kMost);
    const std::string line = "data: " + std::string(9'999, 'x') + "\n";
    for (int i = 0; i < 9; ++i) REQUIRE(lines.push(line));
    CHECK_FALSE(lines.push(line));
}

TEST_CASE("the first event of a run of a hundred thousand tasks is taken") {
    SseParser parser;
    const auto events = parser.push("data: " + std::string(20'000'000, 'x') + "\n\n");
    REQUIRE(events);
    CHECK(events.value().size() == 1);
}
