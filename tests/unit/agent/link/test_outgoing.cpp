#include "agent/link/outgoing.hpp"

#include <doctest/doctest.h>

#include "protocol/crypto/keys.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/results.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

/// A session with a spool that holds what an earlier one left.
struct Session {
    ForgetfulDisk disk;
    Spool spool = std::move(Spool::open(disk, {}).value());
    LinkFsm fsm{LinkSettings{}};
    Outgoing outgoing;
    std::uint8_t made = 0;

    void make(int results, std::size_t detail = 0) {
        for (int i = 0; i < results; ++i) {
            const link::Task task = ping_task(++made);
            const link::AttemptRef attempt{task.task_id, task.attempt};
            spool.accept(task.n, attempt, accepted());
            spool.finish(result_of(made, detail),
                         detail == 0 ? std::string() : '"' + std::string(detail - 2, 'x') + '"');
        }
        REQUIRE(spool.commit());
    }
    void go_live(std::uint64_t upto_n, std::vector<std::string> features) {
        const Moment now{};
        const SpoolNumbers numbers{spool.first(), spool.last(), 0};
        link::Challenge challenge;
        challenge.proto = {1};
        challenge.nonce = to_base64(Digest{});
        challenge.features = std::move(features);
        link::Welcome welcome;
        welcome.join_counter = 1;
        welcome.credit = {upto_n, 1'000'000};
        fsm.start(now.steady);
        fsm.opened(now.steady);
        fsm.received(challenge, numbers, now);
        fsm.received(welcome, numbers, now);
        fsm.counter_stored(now.steady);
        REQUIRE(fsm.live());
    }
    /// Of the next message: numbers of the results in it, an early copy's with a minus.
    std::vector<int> next() {
        std::vector<int> numbers;
        const std::string text = outgoing.take(fsm, spool).value();
        if (text.empty()) return numbers;
        const auto message = link::decode_message(text);
        REQUIRE(message);
        for (const auto& one : message.value()) {
            const auto& result = std::get<link::TaskResult>(one.envelope);
            numbers.push_back(result.early.value_or(false) ? -static_cast<int>(result.n) : static_cast<int>(result.n));
            CHECK(one.detail.size() == result.detail_bytes);
        }
        return numbers;
    }
};

}  // namespace

TEST_CASE("what is new goes before what waits, as a copy, and once more in its turn") {
    Session it;
    it.make(3);
    it.go_live(2, {link::kEarlyResults});
    CHECK(it.next() == std::vector{1, 2});
    it.make(2);
    CHECK(it.next() == std::vector{-4, -5});  // no credit for 3
    CHECK(it.next().empty());
    it.fsm.received(link::Credit{100, 1'000'000}, {}, {});
    CHECK(it.next() == std::vector{3, 4, 5});
    it.make(1);
    CHECK(it.next() == std::vector{6});
}

TEST_CASE("a broker that takes none out of sequence gets all in sequence") {
    Session it;
    it.make(3);
    it.go_live(2, {});
    CHECK(it.next() == std::vector{1, 2});
    it.make(2);
    CHECK(it.next().empty());
}

TEST_CASE("copies are a quarter of a message at most, and a large one waits for its turn") {
    Session it;
    it.make(1);
    it.go_live(0, {link::kEarlyResults});
    it.make(1, 20'000);
    it.make(3, 6'000);
    CHECK(it.next() == std::vector{-3, -4});
    CHECK(it.next() == std::vector{-5});
    CHECK(it.next().empty());
}
