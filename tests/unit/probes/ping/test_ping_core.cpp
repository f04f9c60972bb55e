#include <doctest/doctest.h>

#include "probes/ping/ping_core.hpp"

using namespace edge;
using namespace edge::probes;
using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock::time_point;
const Steady kStart{1000s};
const Cookie kCookie{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Instant at(std::chrono::nanoseconds since) {
    return Instant{kStart + since, 5000s + since};
}

struct PingRig {
    PingSpec spec{.target = "192.0.2.1", .count = 3, .interval_ms = 100, .size = 32, .timeout_ms = 1000};
    PingCore core{spec, false, "192.0.2.1", kCookie, kStart};

    explicit PingRig(
        PingSpec changed = {.target = "192.0.2.1", .count = 3, .interval_ms = 100, .size = 32, .timeout_ms = 1000})
        : spec(changed), core(changed, false, "192.0.2.1", kCookie, kStart) {}

    void send(std::chrono::nanoseconds since) {
        const auto step = core.tick(kStart + since);
        REQUIRE(step.send);
        core.sent(step.send->seq, at(since));
    }
    PingCore::Step reply(std::uint16_t seq, std::chrono::nanoseconds since,
                         std::optional<std::chrono::nanoseconds> stamped = {}, std::string from = "192.0.2.1") {
        Bytes message = encode_echo_request(false, seq, kCookie, spec.size);
        message[0] = 0;
        return core.arrived({message, std::move(from), 57, kStart + since, stamped});
    }
};

}  // namespace

TEST_CASE("requests go out one interval after another, and none after the count") {
    PingRig rig;
    auto step = rig.core.tick(kStart);
    REQUIRE(step.send);
    CHECK(step.send->seq == 0);
    step = rig.core.sent(0, at(0ms));
    CHECK(*step.wake == kStart + 100ms);
    step = rig.core.tick(kStart + 99ms);
    CHECK_FALSE(step.send);
    rig.send(100ms);
    rig.send(200ms);
    step = rig.core.tick(kStart + 300ms);
    CHECK_FALSE(step.send);
    CHECK(*step.wake == kStart + 1000ms);  // the first one's timeout
    CHECK_FALSE(step.over);
}

TEST_CASE("after a pause the next request is an interval after the last, without a burst") {
    PingRig rig;
    rig.send(0ms);
    rig.send(900ms);  // woken late
    const auto step = rig.core.tick(kStart + 950ms);
    CHECK_FALSE(step.send);
    CHECK(*step.wake == kStart + 1000ms);
}

TEST_CASE("all replies: over, with statistics as ping(8) computes them") {
    PingRig rig;
    rig.send(0ms);
    CHECK(rig.reply(0, 10ms).news.size() == 1);
    rig.send(100ms);
    rig.reply(1, 120ms);
    rig.send(200ms);
    const auto step = rig.reply(2, 230ms);
    CHECK(step.over);
    CHECK(rig.core.all_received());
    const PingDetail detail = rig.core.detail();
    CHECK(detail.sent == 3);
    CHECK(detail.rcvd == 3);
    CHECK(detail.loss_percent == 0);
    CHECK(*detail.min_us == 10'000);
    CHECK(*detail.avg_us == 20'000);
    CHECK(*detail.max_us == 30'000);
    CHECK(*detail.mdev_us == 8'165);  // sqrt((100+400+900)/3 - 400) ms
    CHECK(detail.replies[1].tx_us == 100'000);
    CHECK(*detail.replies[1].ttl == 57);
    CHECK_FALSE(detail.replies[1].from);
}

TEST_CASE("what is not answered in time is lost, and what comes later is late") {
    PingRig rig;
    rig.send(0ms);
    rig.send(100ms);
    rig.send(200ms);
    rig.reply(1, 150ms);
    auto step = rig.core.tick(kStart + 1000ms);
    CHECK(step.news.size() == 1);
    CHECK_FALSE(step.news[0].rtt_us);
    step = rig.reply(0, 1050ms);
    CHECK(step.news.empty());
    step = rig.core.tick(kStart + 1200ms);
    CHECK(step.over);
    const PingDetail detail = rig.core.detail();
    CHECK(detail.rcvd == 1);
    CHECK(detail.late == 1);
    CHECK(detail.loss_percent == doctest::Approx(66.7));
    CHECK(rig.core.anything_received());
    CHECK_FALSE(rig.core.all_received());
}

TEST_CASE("a second reply is a duplicate and changes no statistics") {
    PingRig rig;
    rig.send(0ms);
    rig.reply(0, 10ms);
    const auto step = rig.reply(0, 20ms);
    REQUIRE(step.news.size() == 1);
    CHECK(step.news[0].dup);
    const PingDetail detail = rig.core.detail();
    CHECK(detail.dup == 1);
    CHECK(detail.rcvd == 1);
    CHECK(*detail.max_us == 10'000);
}

TEST_CASE("a flood of duplicates is counted and bounded") {
    PingRig rig;
    rig.send(0ms);
    for (int i = 0; i < 10'000; ++i) rig.reply(0, 10ms);
    CHECK(rig.core.detail().dup == 9'999);
    CHECK(rig.core.detail().replies.size() < 100);
}

TEST_CASE("a reply before its request, or to none, is ignored") {
    PingRig rig;
    rig.reply(0, 1ms);
    rig.send(2ms);
    CHECK(rig.reply(1, 3ms).news.empty());
    CHECK(rig.reply(999, 3ms).news.empty());
    CHECK(rig.core.arrived({Bytes{0, 0, 1}, "192.0.2.1", {}, kStart + 4ms, {}}).news.empty());
    CHECK(rig.core.detail().ignored == 4);
    CHECK(rig.core.detail().rcvd == 0);
}

TEST_CASE("a reply from elsewhere says from where") {
    PingRig rig;
    rig.send(0ms);
    rig.reply(0, 5ms, {}, "192.0.2.99");
    CHECK(*rig.core.detail().replies[0].from == "192.0.2.99");
}

TEST_CASE("the kernel's stamp makes the round trip, unless the wall clock jumped") {
    PingRig rig;
    rig.send(0ms);
    rig.reply(0, 10ms, 5000s + 8ms);  // seen 2 ms after the kernel had it
    rig.send(100ms);
    rig.reply(1, 120ms, 4000s);  // the clock was set back
    rig.send(200ms);
    rig.reply(2, 230ms, 9000s);  // and forward
    const PingDetail detail = rig.core.detail();
    CHECK(*detail.replies[0].rtt_us == 8'000);
    CHECK(*detail.replies[1].rtt_us == 20'000);
    CHECK(*detail.replies[2].rtt_us == 30'000);
}

TEST_CASE("an ICMP error ends its request and is told once") {
    PingRig rig({.target = "192.0.2.1", .count = 1, .interval_ms = 100, .size = 16, .timeout_ms = 1000});
    rig.send(0ms);
    auto step = rig.core.refused(0, "unreachable:host", "198.51.100.1", kStart + 5ms);
    CHECK(step.over);
    REQUIRE(step.news.size() == 1);
    CHECK(*step.news[0].error == "unreachable:host");
    CHECK(*step.news[0].from == "198.51.100.1");
    REQUIRE(rig.core.first_error());
    step = rig.core.refused(0, "unreachable:host", "198.51.100.1", kStart + 6ms);
    CHECK(step.news.empty());
    rig.core.refused(9, "unreachable:host", "198.51.100.1", kStart + 6ms);
    CHECK(rig.core.detail().ignored == 2);
}

TEST_CASE("a request the kernel does not send is an error of its own") {
    PingRig rig({.target = "192.0.2.1", .count = 1, .interval_ms = 100, .size = 16, .timeout_ms = 1000});
    const auto first = rig.core.tick(kStart);
    const auto step = rig.core.send_failed(first.send->seq, at(0ms), "ENETUNREACH");
    CHECK(step.over);
    CHECK(*rig.core.detail().replies[0].error == "ENETUNREACH");
    CHECK(rig.core.detail().sent == 1);
}
