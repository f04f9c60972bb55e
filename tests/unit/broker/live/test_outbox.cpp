#include <doctest/doctest.h>

#include "broker/live/outbox.hpp"
#include "broker/live/stream_messages.hpp"

namespace edge::broker::live {
namespace {

TopicEventPtr event(std::uint64_t seq, std::string object, std::size_t bytes = 2) {
    return std::make_shared<const TopicEvent>(
        TopicEvent{seq, "node", std::move(object), "\"" + std::string(bytes - 2, 'x') + "\""});
}

std::string all(Outbox& outbox) {
    std::string text;
    while (const auto message = outbox.take()) text += (text.empty() ? "" : "\n") + *message;
    return text;
}

}  // namespace

TEST_CASE("of an object only the latest event waits, in its newest place") {
    Outbox outbox;
    outbox.push("\"hello\"");
    outbox.push(1, event(4, "a"));
    outbox.push(1, event(5, "b"));
    outbox.push(2, event(4, "a"));  // another subscription's
    outbox.push(1, event(6, "a"));
    CHECK(all(outbox) ==
          "\"hello\"\n"
          "{\"sub\":1,\"seq\":5,\"event\":\"node\",\"data\":\"\"}\n"
          "{\"sub\":2,\"seq\":4,\"event\":\"node\",\"data\":\"\"}\n"
          "{\"sub\":1,\"seq\":6,\"event\":\"node\",\"data\":\"\"}");
    CHECK(outbox.bytes() == 0);
}

TEST_CASE("where every event counts the oldest go first, and the client is told which before it goes on") {
    Outbox outbox;
    constexpr std::size_t kBig = 256 * 1024;
    for (std::uint64_t seq = 1; seq <= 20; ++seq) {
        CHECK(outbox.push(1, event(seq, "", kBig)));
        CHECK(outbox.bytes() <= Outbox::kDropAbove);
    }
    CHECK(outbox.take() == gap_text(1, 1, 13));
    CHECK(outbox.take()->starts_with("{\"sub\":1,\"seq\":14,"));
    CHECK(outbox.push(1, event(21, "")));
    CHECK(outbox.take()->starts_with("{\"sub\":1,\"seq\":15,"));  // one gap, told once
}

TEST_CASE("what was dropped to the last is told, too, and before the end of its topic") {
    Outbox outbox;
    CHECK(outbox.push(1, event(1, "", Outbox::kMostWaiting)));  // too big for anybody
    CHECK(outbox.push(2, event(9, "", Outbox::kMostWaiting)));
    CHECK(outbox.end(1));
    CHECK(all(outbox) == gap_text(1, 1, 1) + "\n" + end_text(1) + "\n" + gap_text(2, 9, 9));
}

TEST_CASE("more than 4 MiB does not wait") {
    Outbox outbox;
    const std::size_t each = 64 * 1024;
    std::size_t kept = 0;
    while (outbox.push(1, event(kept + 1, "object-" + std::to_string(kept), each))) ++kept;
    CHECK(outbox.bytes() <= Outbox::kMostWaiting);
    CHECK(kept == Outbox::kMostWaiting / (each + 64));
    CHECK(outbox.push(1, event(1'000, "object-0", each)));  // takes its older one's place
}

TEST_CASE("a subscription that was given up leaves nothing behind") {
    Outbox outbox;
    outbox.push(1, event(1, "a"));
    outbox.push(2, event(1, "a"));
    outbox.push(1, event(2, "", Outbox::kMostWaiting));
    outbox.forget(1);
    CHECK(all(outbox) == "{\"sub\":2,\"seq\":1,\"event\":\"node\",\"data\":\"\"}");
    CHECK(outbox.bytes() == 0);
}

TEST_CASE("a topic keeps its last events for who was away") {
    Topic topic;
    CHECK(topic.after(0)->empty());
    CHECK(!topic.after(1));
    for (int i = 0; i < 2'000; ++i) topic.publish("node", "", "{}");
    CHECK(topic.seq() == 2'000);
    CHECK(topic.after(2'000)->empty());
    CHECK(topic.after(1'999)->at(0)->seq == 2'000);
    CHECK(topic.after(2'000 - Topic::kMostKept)->size() == Topic::kMostKept);
    CHECK(!topic.after(2'000 - Topic::kMostKept - 1));
    CHECK(!topic.after(2'001));
    topic.skip();
    CHECK(!topic.after(2'000));
    CHECK(topic.after(2'001)->empty());
    Topic heavy;
    for (int i = 0; i < 5; ++i) heavy.publish("result", "", std::string(Topic::kMostKeptBytes / 2, 'x'));
    CHECK(heavy.after(3)->size() == 2);
    CHECK(!heavy.after(2));
}

}  // namespace edge::broker::live
