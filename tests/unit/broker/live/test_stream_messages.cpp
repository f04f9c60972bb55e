#include <doctest/doctest.h>

#include "broker/live/stream_messages.hpp"
#include "protocol/json/bounded.hpp"

using namespace edge;
using namespace edge::broker::live;

TEST_CASE("what a client says is decoded strictly") {
    const auto asked = decode_client_message(
        R"({"op":"subscribe","sub":3,"topic":"run","key":"run_x","stream":"0123456789abcdef","after":17})");
    REQUIRE(asked);
    CHECK(asked.value().op == StreamOp::subscribe);
    CHECK(asked.value().sub == 3);
    CHECK(asked.value().topic == "run");
    CHECK(asked.value().after == 17);
    CHECK(decode_client_message(R"({"op":"unsubscribe","sub":3})"));
    for (const char* wrong : {"", "[]", "{}", R"({"op":"subscribe","sub":1})", R"({"op":"subscribe","topic":"nodes"})",
                              R"({"op":"subscribe","sub":4294967296,"topic":"nodes"})",
                              R"({"op":"subscribe","sub":1,"sub":2,"topic":"nodes"})",
                              R"({"op":"subscribe","sub":1,"topic":"nodes","x":1})",
                              R"({"op":"subscribe","sub":1,"topic":"nodes","stream":"a"})",
                              R"({"op":"unsubscribe","sub":1,"topic":"nodes"})"}) {
        CAPTURE(wrong);
        CHECK(!decode_client_message(wrong));
    }
    CHECK(!decode_client_message(R"({"op":"unsubscribe","sub":1})" + std::string(kMostClientMessage, ' ')));
}

TEST_CASE("what a client is told is JSON of one shape") {
    CHECK(hello_text("0123456789abcdef") == R"({"event":"hello","stream":"0123456789abcdef"})");
    CHECK(heartbeat_text(1'763'802'000'125'000) == R"({"event":"heartbeat","at":"2025-11-22T09:00:00.125Z"})");
    CHECK(standing_text(1, "subscribed", 17) == R"({"sub":1,"seq":17,"event":"subscribed"})");
    CHECK(end_text(1) == R"({"sub":1,"event":"end"})");
    CHECK(gap_text(1, 3, 9) == R"({"sub":1,"event":"gap","data":{"from":3,"to":9}})");
    CHECK(event_text(1, {18, "node", "", R"({"name":"gz-1"})"}) ==
          R"({"sub":1,"seq":18,"event":"node","data":{"name":"gz-1"}})");
    for (const auto& sub : {std::optional<std::uint32_t>(5), std::optional<std::uint32_t>()}) {
        const auto error = parse_json(error_text(sub, {Errc::not_found, "/topic", "no such \"topic\""}));
        REQUIRE(error);
        CHECK(error.value()["event"] == "error");
        CHECK(error.value().contains("sub") == sub.has_value());
        CHECK(error.value()["data"]["code"] == "not_found");
        CHECK(error.value()["data"]["detail"] == "no such \"topic\"");
    }
}
