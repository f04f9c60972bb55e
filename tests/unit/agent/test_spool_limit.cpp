// A node at the limit of its spool, in front of a broker that is there and takes nothing: real spool, real link
// machine.
#include "agent/spool_limit.hpp"

#include <doctest/doctest.h>

#include <set>

#include "agent/link/link_fsm.hpp"
#include "protocol/crypto/keys.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kLimit = 16 * 1024;

/// What Agent does with a plan that brings a result every second.
struct Node {
    ForgetfulDisk disk;
    Spool spool = Spool::open(disk, kSmallSegments).value();
    SpoolLimit limit{spool, kLimit};
    LinkFsm fsm{LinkSettings{.first_retry = 2s, .work_slots = 8, .seed = 3}};
    Time now{};
    std::uint64_t made = 0;
    std::uint64_t highest = 0;  // bytes of the spool
    int ended = 0;              // sessions, for want of room
    std::set<std::uint64_t> gone;

    Moment moment() const { return {now, 1'000'000}; }
    void hear(link::Envelope envelope) {
        const SpoolNumbers numbers{spool.first_kept(), spool.last(), spool.acked()};
        for (const auto& action : fsm.received(std::move(envelope), numbers, moment())) {
            if (const auto* forget = std::get_if<ForgetResults>(&action)) REQUIRE(spool.ack(forget->upto, kNow));
        }
    }
    void go_live(std::uint64_t acked) {
        fsm.opened(now);
        link::Challenge challenge;
        challenge.proto = {1};
        challenge.nonce = to_base64(Digest{});
        hear(challenge);
        link::Welcome welcome;
        welcome.join_counter = 9;
        welcome.work_from = 1;
        welcome.results_acked = acked;
        welcome.credit = {.upto_n = acked, .bytes = 1000};  // none
        hear(welcome);
        fsm.counter_stored(now);
        REQUIRE(fsm.live());
    }
    void make_room() {
        REQUIRE(limit.make_room());
        limit.look(fsm.live(), now);
        if (spool.gap()) {
            for (std::uint64_t n = spool.gap()->first; n <= spool.gap()->last; ++n) gone.insert(n);
        }
    }
    void tick() {
        now += 1s;
        hear(link::Heartbeat{1, 2});
        limit.look(fsm.live(), now);
        if (limit.session_must_end(now)) {
            REQUIRE(!fsm.end_session("no room").empty());
            fsm.closed({}, now);
            REQUIRE(fsm.idle());
            ++ended;
            make_room();
        } else if (limit.reached() && fsm.idle()) {
            make_room();
        }
        run_one(spool, static_cast<std::uint8_t>(++made % 250));
        highest = std::max(highest, spool.bytes());
        limit.look(fsm.live(), now);
    }
    /// Of all that was made, what is neither here nor named nor with the broker.
    std::uint64_t missing(std::uint64_t delivered = 0) const {
        return made - (spool.last() - spool.acked()) - gone.size() - delivered;
    }
};

}  // namespace

TEST_CASE(
    "a plan goes on in front of a broker that is there and takes nothing, and the oldest are given up and named") {
    Node node;
    node.fsm.start(node.now);
    node.go_live(0);
    for (int i = 0; i < 1'000; ++i) {
        node.tick();
        if (node.fsm.idle()) {  // dialled anew: what is missing is in the hello
            node.now += 1s;
            node.fsm.start(node.now);
            REQUIRE(node.spool.gap());
            CHECK(node.spool.first_kept() == node.spool.gap()->last + 1);
            node.go_live(0);
        }
    }
    CHECK(node.made == 1'000);
    CHECK(node.ended > 3);
    CHECK(node.missing() == 0);
    CHECK(node.gone.size() > 800);
    CHECK(node.highest <= kLimit + kLimit / 8 + 2 * kSmallSegments.segment_bytes);
    // It takes results again: all that were not named.
    const std::uint64_t first = node.spool.first();
    CHECK(first == *node.gone.rbegin() + 1);
    REQUIRE(node.spool.ack(node.spool.last(), kNow));
    CHECK(!node.spool.gap());
    node.limit.look(true, node.now);
    CHECK(!node.limit.reached());
}

TEST_CASE("a session in which room comes about in time is not ended, and nothing is given up") {
    Node node;
    node.fsm.start(node.now);
    node.go_live(0);
    std::uint64_t delivered = 0;
    for (int i = 0; i < 1'000; ++i) {
        node.tick();
        if (!node.limit.reached()) continue;
        delivered += 20;  // some of a backlog
        REQUIRE(node.spool.ack(delivered, kNow));
    }
    CHECK(delivered > 500);
    CHECK(node.ended == 0);
    CHECK(node.gone.empty());
    CHECK(node.missing(delivered) == 0);
}

TEST_CASE(
    "a session is ended after thirty seconds at the limit, or an eighth above it, and the patience is each one's own") {
    Node node;
    node.fsm.start(node.now);
    node.go_live(0);
    while (node.spool.bytes() < kLimit) run_one(node.spool, static_cast<std::uint8_t>(++node.made % 250));
    CHECK(node.limit.look(true, node.now));
    CHECK(node.limit.reached());
    CHECK(!node.limit.look(true, node.now));
    node.now += 29s;
    CHECK(!node.limit.session_must_end(node.now));
    SUBCASE("time") {
        node.now += 1s;
        CHECK(node.limit.session_must_end(node.now));
        node.limit.look(false, node.now);
        CHECK(!node.limit.session_must_end(node.now));
        node.limit.look(true, node.now);
        CHECK(!node.limit.session_must_end(node.now));
        node.now += 30s;
        CHECK(node.limit.session_must_end(node.now));
    }
    SUBCASE("bytes") {
        while (node.spool.bytes() < kLimit + kLimit / 8)
            run_one(node.spool, static_cast<std::uint8_t>(++node.made % 250));
        CHECK(node.limit.session_must_end(node.now));
    }
    SUBCASE("below the limit again") {
        REQUIRE(node.spool.ack(node.spool.last(), kNow));
        CHECK(node.limit.look(true, node.now));
        node.now += 1min;
        CHECK(!node.limit.session_must_end(node.now));
    }
}

TEST_CASE("a full disk keeps the oldest where they are, and the plan is not held up by it") {
    Node node;
    while (node.spool.bytes() < kLimit) run_one(node.spool, static_cast<std::uint8_t>(++node.made % 250));
    node.disk.fail_append(ENOSPC);
    REQUIRE(node.limit.make_room());
    CHECK(!node.spool.gap());
    REQUIRE(node.limit.make_room());
    CHECK(node.spool.gap());
}
