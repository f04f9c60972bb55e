#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "agent/spool/segment.hpp"
#include "agent/spool/spool.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr Spool::Terms kKeeping{.segment_bytes = 2048, .keep_bytes = 1'000'000, .keep_us = 1'000};

/// All results from `first` on are there to be sent, each with its number.
void check_results(Spool& spool, std::uint64_t first, std::uint64_t last) {
    REQUIRE(spool.first() == first);
    REQUIRE(spool.last() == last);
    for (std::uint64_t n = first; n <= last; ++n) {
        CHECK(number_in(spool.result(n).value()) == n);
        CHECK(spool.knows(attempt(static_cast<std::uint8_t>(n))));
    }
}

std::size_t segments(ForgetfulDisk& disk) {
    const auto names = disk.list();
    return static_cast<std::size_t>(
        std::ranges::count_if(names.value(), [](const std::string& name) { return name.starts_with("seg-"); }));
}

}  // namespace

TEST_CASE("acknowledged results are kept, count as nothing, and can be taken back") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kKeeping);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 60; ++i) run_one(spool, i);
    REQUIRE(spool.ack(60, kNow));
    CHECK(spool.first() == 0);
    CHECK(spool.first_kept() == 1);
    CHECK(spool.bytes() == 0);
    CHECK(!spool.knows(attempt(60)));
    CHECK(segments(disk) > 10);

    spool.rewind(17);
    CHECK(spool.acked() == 17);
    check_results(spool, 18, 60);
    CHECK(spool.bytes() > 0);
    CHECK(spool.take_notes() == std::vector<std::string>{"spool_rewound to=17 asked=17 results=43"});
    run_one(spool, 61);
    CHECK(spool.last() == 61);
    REQUIRE(spool.ack(61, kNow));
    CHECK(spool.bytes() == 0);
    spool.rewind(0);
    check_results(spool, 1, 61);
    REQUIRE(spool.drop_old(kNow + kKeeping.keep_us));  // what is needed again is not old
    check_results(spool, 1, 61);
}

TEST_CASE("what is kept outlives the process, and is not read for it") {
    ForgetfulDisk disk;
    {
        auto spool = Spool::open(disk, kKeeping);
        REQUIRE(spool);
        for (std::uint8_t i = 1; i <= 60; ++i) run_one(spool.value(), i);
        REQUIRE(spool.value().ack(60, kNow));
        REQUIRE(spool.value().save_ack());
    }
    auto opened = Spool::open(disk, kKeeping);
    REQUIRE(opened);
    Spool& spool = opened.value();
    CHECK(spool.first() == 0);
    CHECK(spool.first_kept() == 1);
    CHECK(spool.last() == 60);
    CHECK(spool.bytes() == 0);
    CHECK(spool.take_notes().empty());
    spool.rewind(0);
    check_results(spool, 1, 60);
    SUBCASE("a rewind that was not acknowledged yet is asked for again by the next session") {
        auto again = Spool::open(disk, kKeeping);
        REQUIRE(again);
        CHECK(again.value().acked() == 60);
        again.value().rewind(0);
        check_results(again.value(), 1, 60);
    }
}

TEST_CASE("kept segments go when they are old, and when they are too many, the oldest first") {
    ForgetfulDisk disk;
    Spool::Terms terms = kKeeping;
    SUBCASE("old") {}
    SUBCASE("too many") {
        terms.keep_bytes = 5'000;
    }
    auto opened = Spool::open(disk, terms);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 30; ++i) run_one(spool, i);
    REQUIRE(spool.ack(30, kNow));
    for (std::uint8_t i = 31; i <= 60; ++i) run_one(spool, i);
    REQUIRE(spool.ack(60, kNow + 500));
    if (terms.keep_bytes > 5'000) {
        CHECK(spool.first_kept() == 1);
        REQUIRE(spool.drop_old(kNow + 1'000));
        CHECK(spool.first_kept() > 25);
        CHECK(spool.first_kept() <= 31);
        REQUIRE(spool.drop_old(kNow - 1));  // a clock that was set back drops nothing
        CHECK(spool.first_kept() <= 31);
    } else {
        CHECK(spool.first_kept() > 40);
        CHECK(segments(disk) <= 4);
    }
    const std::uint64_t first = spool.first_kept();
    spool.rewind(0);
    CHECK(spool.acked() == first - 1);
    check_results(spool, first, 60);
    auto again = Spool::open(disk, terms);
    REQUIRE(again);
    CHECK(again.value().first_kept() == first);
    CHECK(again.value().take_notes().empty());
}

TEST_CASE("on a full disk kept segments are given up for what is new") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kKeeping);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 30; ++i) run_one(spool, i);
    REQUIRE(spool.ack(30, kNow));
    const std::size_t before = segments(disk);
    spool.finish(result_of(31), {});
    disk.fail_append(ENOSPC);
    REQUIRE(spool.commit());
    CHECK(segments(disk) == before - 1);
    CHECK(spool.last() == 31);
    CHECK(spool.first_kept() > 1);
}

TEST_CASE("damage among what is kept ends how far back it goes, and harms nothing else") {
    ForgetfulDisk whole;
    {
        auto spool = Spool::open(whole, kKeeping);
        REQUIRE(spool);
        for (std::uint8_t i = 1; i <= 30; ++i) run_one(spool.value(), i);
        REQUIRE(spool.value().ack(30, kNow));
        run_one(spool.value(), 31);
        REQUIRE(spool.value().save_ack());
    }
    const std::string victim = "seg-0000000000000003";
    int cut_short = 0;
    const std::size_t size = whole.copy().bytes(victim).size();
    for (std::size_t at = spool::kHeaderBytes; at < size; at += 11) {
        CAPTURE(at);
        ForgetfulDisk disk = whole.copy();
        disk.bytes(victim)[at] = static_cast<char>(disk.bytes(victim)[at] ^ 0x80);
        auto opened = Spool::open(disk, kKeeping);
        REQUIRE(opened);
        Spool& spool = opened.value();
        CHECK(spool.first() == 31);
        spool.rewind(0);
        if (spool.acked() > 0) {  // else it was an accept that nobody needs any more
            ++cut_short;
            CHECK(spool.acked() > 4);
            CHECK(spool.acked() < 15);
        }
        check_results(spool, spool.acked() + 1, 31);
        CHECK(spool.first_kept() == spool.first());
    }
    CHECK(cut_short > 20);
}

TEST_CASE("a renewed spool keeps nothing of the one before") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kKeeping);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 30; ++i) run_one(spool, i);
    REQUIRE(spool.ack(29, kNow));
    REQUIRE(spool.renew("test"));
    CHECK(spool.first_kept() == 1);
    CHECK(segments(disk) == 1);
    spool.rewind(0);
    CHECK(number_in(spool.result(1).value()) == 30);
    CHECK(spool.last() == 1);
}
