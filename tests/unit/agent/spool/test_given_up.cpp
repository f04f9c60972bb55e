// A spool that may not grow gives up its oldest results, and says which.
#include <doctest/doctest.h>

#include <cerrno>

#include "agent/spool/names.hpp"
#include "agent/spool/spool.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

/// With 60 results, in many segments.
struct Full {
    ForgetfulDisk disk;
    Spool spool = Spool::open(disk, kSmallSegments).value();
    Full() {
        for (std::uint8_t i = 1; i <= 60; ++i) run_one(spool, i);
    }
};

/// What it has, and what it says is missing before, is all that it ever had.
void check_whole(Spool& spool, std::uint64_t last) {
    REQUIRE(spool.gap());
    CHECK(spool.gap()->first == 1);
    CHECK(spool.first() == spool.gap()->last + 1);
    CHECK(spool.first_kept() == spool.first());
    CHECK(spool.acked() == spool.gap()->last);
    REQUIRE(spool.last() == last);
    for (std::uint64_t n = spool.first(); n <= last; ++n) CHECK(number_in(spool.result(n).value()) == n);
}

}  // namespace

TEST_CASE("the oldest results are given up, a segment of them, and named before and after a restart") {
    Full full;
    auto& [disk, spool] = full;
    CHECK(!spool.gap());
    const std::uint64_t before = spool.bytes();
    REQUIRE(spool.give_up_oldest());
    check_whole(spool, 60);
    const std::uint64_t first = spool.first();
    CHECK(first > 1);
    CHECK(spool.bytes() < before);
    CHECK(!spool.knows(attempt(1)));
    CHECK(spool.gap()->from_us == result_of(1).started_us);
    CHECK(spool.take_notes() == std::vector<std::string>{"results_given_up from=1 to=" + std::to_string(first - 1)});
    REQUIRE(spool.give_up_oldest());
    check_whole(spool, 60);
    CHECK(spool.first() > first);  // it is one gap, and a longer one

    const std::uint64_t now_first = spool.first();
    auto again = Spool::open(disk, kSmallSegments);
    REQUIRE(again);
    check_whole(again.value(), 60);
    CHECK(again.value().first() == now_first);
    CHECK(again.value().gap()->to_us == spool.gap()->to_us);
    run_one(again.value(), 61);
    CHECK(again.value().last() == 61);
}

TEST_CASE("a gap is forgotten when a result behind it is acknowledged, and not before") {
    Full full;
    auto& [disk, spool] = full;
    REQUIRE(spool.give_up_oldest());
    const std::uint64_t last = spool.gap()->last;
    REQUIRE(spool.ack(last, kNow));  // a welcome: whether the broker wrote the gap down is not known
    CHECK(spool.gap());
    REQUIRE(spool.ack(last + 1, kNow));
    CHECK(!spool.gap());
    auto again = Spool::open(disk, kSmallSegments);
    REQUIRE(again);
    CHECK(!again.value().gap());
}

TEST_CASE("a note of what was given up is believed where it is one of this spool's") {
    Full full;
    auto& [disk, spool] = full;
    REQUIRE(spool.ack(20, kNow));
    const auto note = [](SpoolId id, std::uint64_t first, std::uint64_t last) {
        return spool::encode_given_up({id, {.first = first, .last = last, .from_us = 7, .to_us = 8}});
    };
    const auto gap_read_from = [&](const std::string& text) {
        REQUIRE(disk.replace(spool::kGapFile, text));
        auto again = Spool::open(disk, kSmallSegments);
        REQUIRE(again);
        return again.value().gap();
    };
    const auto read = gap_read_from(note(spool.id(), 2, 5));
    REQUIRE(read);
    CHECK(read->first == 2);
    CHECK(read->last == 5);
    CHECK(read->from_us == 7);
    CHECK(read->to_us == 8);
    CHECK(gap_read_from(note(spool.id(), 2, 1'000))->last == 20);  // what came after the note is there
    for (const std::string& text :
         {std::string(), std::string("no JSON"), std::string(R"({"spool_id":7})"), note(SpoolId{}, 2, 5),
          note(spool.id(), 21, 30), note(spool.id(), 0, 5), note(spool.id(), 5, 2)}) {
        CAPTURE(text);
        CHECK(!gap_read_from(text));
    }
    // The last of them: results that were never there would come first in the new numbers, all 2^64 - 2 of them.
    auto again = Spool::open(disk, kSmallSegments);
    REQUIRE(again);
    REQUIRE(again.value().renew("test"));
    CHECK(again.value().first() == 1);
    CHECK(again.value().last() == 40);
}

TEST_CASE("acknowledged results go first, and are no gap") {
    Full full;
    auto& [disk, spool] = full;
    REQUIRE(spool.ack(30, kNow));
    CHECK(spool.first_kept() == 1);
    REQUIRE(spool.give_up_oldest());
    REQUIRE(spool.gap());
    CHECK(spool.gap()->first == 31);
    CHECK(spool.first_kept() == spool.gap()->last + 1);
}

TEST_CASE("what is unfinished outlives the segment that it was accepted in") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kSmallSegments);
    REQUIRE(opened);
    Spool& spool = opened.value();
    spool.accept(1, attempt(100), accepted());
    for (std::uint8_t i = 1; i <= 60; ++i) run_one(spool, i);
    const std::uint64_t work_last = spool.work_last();
    REQUIRE(spool.give_up_oldest());
    auto again = Spool::open(disk, kSmallSegments);
    REQUIRE(again);
    CHECK(again.value().open_attempts() == std::vector<link::AttemptRef>{attempt(100)});
    CHECK(again.value().accepted(attempt(100)).target == accepted().target);
    CHECK(again.value().work_last() == work_last);
}

TEST_CASE("what is being written is never given up") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kSmallSegments);
    REQUIRE(opened);
    Spool& spool = opened.value();
    run_one(spool, 1);
    REQUIRE(spool.give_up_oldest());
    CHECK(!spool.gap());
    CHECK(spool.first() == 1);
}

TEST_CASE("a full disk keeps the note from being written, and then nothing is given up") {
    Full full;
    auto& [disk, spool] = full;
    disk.fail_append(ENOSPC);
    CHECK(spool.give_up_oldest().error().code == Errc::unavailable);
    CHECK(!spool.gap());
    CHECK(spool.first() == 1);
    REQUIRE(spool.give_up_oldest());
    check_whole(spool, 60);
}

TEST_CASE("a spool that begins anew begins behind what it gave up") {
    Full full;
    auto& [disk, spool] = full;
    REQUIRE(spool.ack(20, kNow));
    REQUIRE(spool.give_up_oldest());
    const std::uint64_t missing = spool.gap()->last - spool.gap()->first + 1;
    const std::uint64_t left = spool.last() - spool.acked();
    REQUIRE(spool.renew("test"));
    const auto check = [&](Spool& one) {
        REQUIRE(one.gap());
        CHECK(one.gap()->first == 1);
        CHECK(one.gap()->last == missing);
        CHECK(one.first() == missing + 1);
        CHECK(one.last() == missing + left);
        CHECK(number_in(one.result(one.last()).value()) == 60);
    };
    check(spool);
    auto again = Spool::open(disk, kSmallSegments);
    REQUIRE(again);
    check(again.value());
}

TEST_CASE("whatever the moment of a power cut, each result is there or named as given up") {
    for (const auto leaves : ForgetfulDisk::kLeaves) {
        int change = 1;
        for (bool cut = true; cut; ++change) {
            ForgetfulDisk disk;
            auto opened = Spool::open(disk, kSmallSegments);
            REQUIRE(opened);
            opened.value().accept(1, attempt(100), accepted());
            for (std::uint8_t i = 1; i <= 60; ++i) run_one(opened.value(), i);
            disk.cut_at(change);
            for (int i = 0; i < 3 && opened.value().give_up_oldest(); ++i) {
            }
            cut = disk.is_cut();
            std::mt19937 leavings(static_cast<unsigned>(change));
            disk.restart(leaves, leavings);
            auto again = Spool::open(disk, kSmallSegments);
            REQUIRE(again);
            CAPTURE(change);
            if (again.value().first() > 1)
                check_whole(again.value(), 60);
            else
                CHECK(!again.value().gap());
            CHECK(again.value().open_attempts() == std::vector<link::AttemptRef>{attempt(100)});
        }
        CHECK(change > 6);
    }
}
