#include "agent/spool/spool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "agent/spool/names.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr Spool::Terms kNoneKept{.segment_bytes = 2048, .keep_bytes = 0};  // a segment of a few results

}  // namespace

TEST_CASE("what is not committed is neither last nor in the file") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    spool.value().accept(1, attempt(1), accepted());
    CHECK(spool.value().finish(result_of(1), {}) == 1);
    CHECK(spool.value().last() == 0);
    CHECK(spool.value().work_last() == 0);
    REQUIRE(spool.value().commit());
    CHECK(spool.value().last() == 1);
    CHECK(spool.value().first() == 1);
    CHECK(spool.value().work_last() == 1);
    CHECK(number_in(spool.value().result(1).value()) == 1);
}

TEST_CASE("a commit is one write and one sync for all that came") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    const int before = disk.changes();
    for (std::uint8_t i = 1; i <= 100; ++i) spool.value().accept(i, attempt(i), accepted());
    REQUIRE(spool.value().commit());
    CHECK(disk.changes() - before == 2);
}

TEST_CASE("a result is sent as it was finished, number and detail") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    const std::string detail = R"({"replies":[]})";
    spool.value().finish(result_of(3, detail.size()), detail);
    REQUIRE(spool.value().commit());
    const auto message = link::decode_message(spool.value().result(1).value());
    REQUIRE(message);
    CHECK(std::get<link::TaskResult>(message.value().at(0).envelope).n == 1);
    CHECK(message.value()[0].detail == detail);
    CHECK(spool.value().result_bytes(1) == spool.value().result(1).value().size());
}

TEST_CASE("an attempt is known from its accept until its result is acknowledged") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk);
    REQUIRE(opened);
    Spool& spool = opened.value();
    CHECK(!spool.knows(attempt(1)));
    spool.accept(1, attempt(1), accepted());
    CHECK(spool.knows(attempt(1)));
    CHECK(!spool.knows({task_id(1), 2}));
    REQUIRE(spool.commit());
    CHECK(spool.open_attempts().size() == 1);
    spool.finish(result_of(1), {});
    CHECK(spool.open_attempts() == std::vector{attempt(1)});  // nothing but a committed result may take its place
    REQUIRE(spool.commit());
    CHECK(spool.open_attempts().empty());
    CHECK(spool.knows(attempt(1)));
    REQUIRE(spool.ack(1, kNow));
    CHECK(!spool.knows(attempt(1)));
}

TEST_CASE("a reopened spool has the same id, results, open attempts and numbers") {
    ForgetfulDisk disk;
    SpoolId id;
    {
        auto spool = Spool::open(disk, kNoneKept);
        REQUIRE(spool);
        id = spool.value().id();
        for (std::uint8_t i = 1; i <= 20; ++i) run_one(spool.value(), i);
        spool.value().accept(21, attempt(21), accepted());
        spool.value().note_work(22);
        REQUIRE(spool.value().commit());
        REQUIRE(spool.value().ack(4, kNow));
        REQUIRE(spool.value().save_ack());
    }
    auto spool = Spool::open(disk, kNoneKept);
    REQUIRE(spool);
    CHECK(spool.value().id() == id);
    CHECK(spool.value().first() == 5);
    CHECK(spool.value().last() == 20);
    CHECK(spool.value().work_last() == 22);
    REQUIRE(spool.value().open_attempts() == std::vector{attempt(21)});
    CHECK(spool.value().accepted(attempt(21)).target == "lab.test");
    CHECK(spool.value().knows(attempt(20)));
    for (std::uint8_t i = 5; i <= 20; ++i) CHECK(number_in(spool.value().result(i).value()) == i);
    CHECK(spool.value().finish(result_of(30), {}) == 21);
    CHECK(spool.value().take_notes().empty());
}

TEST_CASE("acknowledged segments are deleted, the numbers go on") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk, kNoneKept);
    REQUIRE(spool);
    for (std::uint8_t i = 1; i <= 60; ++i) run_one(spool.value(), i);
    const std::size_t many = disk.list().value().size();
    REQUIRE(spool.value().ack(60, kNow));
    const auto names = disk.list().value();
    CHECK(many > 10);
    CHECK(names.size() == 2);  // the one being written, and the acknowledged number
    auto again = Spool::open(disk, kNoneKept);
    REQUIRE(again);
    CHECK(again.value().last() == 60);
    CHECK(again.value().first() == 0);
    CHECK(again.value().work_last() == 60);
    CHECK(again.value().finish(result_of(61), {}) == 61);
}

TEST_CASE("a segment with an open accept stays, and so does what came after it") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk, kNoneKept);
    REQUIRE(spool);
    spool.value().accept(200, attempt(200), accepted());
    REQUIRE(spool.value().commit());
    for (std::uint8_t i = 1; i <= 40; ++i) run_one(spool.value(), i);
    const std::size_t many = disk.list().value().size();
    REQUIRE(spool.value().ack(40, kNow));
    CHECK(disk.list().value().size() == many);
    spool.value().finish(result_of(200), {});
    REQUIRE(spool.value().commit());
    REQUIRE(spool.value().ack(41, kNow));
    CHECK(disk.list().value().size() <= 3);
}

TEST_CASE("without space nothing is promised and nothing is lost") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    run_one(spool.value(), 1);
    spool.value().finish(result_of(2), {});
    disk.fail_append(ENOSPC);
    const auto full = spool.value().commit();
    REQUIRE(!full);
    CHECK(full.error().code == Errc::unavailable);
    CHECK(spool.value().last() == 1);
    REQUIRE(spool.value().commit());
    CHECK(spool.value().last() == 2);
    auto again = Spool::open(disk);
    REQUIRE(again);
    CHECK(again.value().last() == 2);
    CHECK(again.value().take_notes().empty());
}

TEST_CASE("without space for a renewed copy the spool is as it was, and can be renewed later") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 5; ++i) run_one(spool, i);
    const SpoolId id = spool.id();
    disk.fail_append(ENOSPC);
    const auto full = spool.renew("test");
    REQUIRE(!full);
    CHECK(full.error().code == Errc::unavailable);
    CHECK(!disk.has(spool::kRenewing));  // it would take the space that commit() needs
    CHECK(spool.id() == id);
    run_one(spool, 6);
    CHECK(spool.last() == 6);
    REQUIRE(spool.renew("test"));
    CHECK(spool.id() != id);
    CHECK(spool.last() == 6);
}

TEST_CASE("on a full disk acknowledged segments are removed all the same: that makes the space") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kNoneKept);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 20; ++i) run_one(spool, i);
    const auto files = disk.list().value().size();
    disk.fail_append(ENOSPC);  // the note of what was acknowledged
    REQUIRE(spool.ack(20, kNow));
    CHECK(disk.list().value().size() < files);
    auto again = Spool::open(disk, kNoneKept);
    REQUIRE(again);
    CHECK(again.value().last() == 20);
    CHECK(again.value().take_notes().empty());
}

TEST_CASE("its size is that of its segments, and nothing when nothing is waiting") {
    ForgetfulDisk disk;
    const auto on_disk = [&] {
        std::uint64_t bytes = 0;
        const auto names = disk.list();
        for (const auto& name : names.value())
            if (name.starts_with("seg-")) bytes += disk.bytes(name).size();
        return bytes;
    };
    {
        auto opened = Spool::open(disk, kNoneKept);
        REQUIRE(opened);
        Spool& spool = opened.value();
        CHECK(spool.bytes() == 0);
        for (std::uint8_t i = 1; i <= 20; ++i) run_one(spool, i);
        CHECK(spool.bytes() == on_disk());
        REQUIRE(spool.ack(17, kNow));
        CHECK(spool.bytes() == on_disk());
    }
    auto again = Spool::open(disk, kNoneKept);
    REQUIRE(again);
    CHECK(again.value().bytes() == on_disk());
    REQUIRE(again.value().renew("test"));
    CHECK(again.value().bytes() == on_disk());
    REQUIRE(again.value().ack(again.value().last(), kNow));
    CHECK(again.value().bytes() == 0);
    again.value().accept(21, attempt(21), accepted());
    REQUIRE(again.value().commit());
    CHECK(again.value().bytes() == on_disk());
}

TEST_CASE("a sync that failed is an end, not a retry") {
    ForgetfulDisk disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    spool.value().finish(result_of(1), {});
    disk.fail_sync(EIO);
    const auto failed = spool.value().commit();
    REQUIRE(!failed);
    CHECK(failed.error().code == Errc::io);
    CHECK(spool.value().last() == 0);
}

TEST_CASE("what a process wrote and was killed before syncing is synced before another tells of it") {
    std::mt19937 random(1);
    ForgetfulDisk disk;
    {
        auto spool = Spool::open(disk);
        REQUIRE(spool);
        spool.value().finish(result_of(1), {});
        disk.fail_sync(EIO);  // it ends there: what it wrote stays in the page cache
        REQUIRE(!spool.value().commit());
    }
    {
        auto next = Spool::open(disk);
        REQUIRE(next);
        CHECK(next.value().last() == 1);
    }
    disk.restart(ForgetfulDisk::Leaves::nothing, random);
    auto after = Spool::open(disk);
    REQUIRE(after);
    CHECK(after.value().last() == 1);
}

TEST_CASE("a segment whose name a killed process had not synced is there after a power cut, with what is in it") {
    std::mt19937 random(1);
    ForgetfulDisk disk;
    disk.fail_sync_names(EIO);
    REQUIRE(!Spool::open(disk));
    {
        auto next = Spool::open(disk);
        REQUIRE(next);
        next.value().finish(result_of(1), {});
        REQUIRE(next.value().commit());
    }
    disk.restart(ForgetfulDisk::Leaves::nothing, random);
    auto after = Spool::open(disk);
    REQUIRE(after);
    CHECK(after.value().last() == 1);
}

TEST_CASE("a newer format is refused and left as it is") {
    ForgetfulDisk disk;
    REQUIRE(Spool::open(disk));
    spool::Header header;
    header.format = 2;
    header.number = 9;
    disk.append("seg-0000000000000009", spool::encode_header(header) + "what we cannot know").value();
    const int before = disk.changes();
    const auto spool = Spool::open(disk);
    REQUIRE(!spool);
    CHECK(spool.error().code == Errc::unsupported);
    CHECK(disk.changes() == before);
}

TEST_CASE("damage is kept aside; what can be read goes on under a new id, in order and without gaps") {
    ForgetfulDisk whole;
    SpoolId id;
    {
        auto spool = Spool::open(whole, kNoneKept);
        REQUIRE(spool);
        id = spool.value().id();
        for (std::uint8_t i = 1; i <= 12; ++i) run_one(spool.value(), i);
        spool.value().accept(50, attempt(50), accepted());
        REQUIRE(spool.value().commit());
    }
    const std::string victim = "seg-0000000000000002";
    const std::size_t size = whole.copy().bytes(victim).size();
    for (std::size_t at = 0; at < size; at += 7) {
        CAPTURE(at);
        ForgetfulDisk disk = whole.copy();
        disk.bytes(victim)[at] = static_cast<char>(disk.bytes(victim)[at] ^ 0x80);
        auto spool = Spool::open(disk, kNoneKept);
        REQUIRE(spool);
        CHECK(spool.value().id() != id);
        CHECK(disk.has("damaged-" + victim));
        CHECK(spool.value().take_notes().size() >= 2);
        REQUIRE(spool.value().first() == 1);
        std::uint8_t before = 0;
        for (std::uint64_t n = 1; n <= spool.value().last(); ++n) {
            const auto message = link::decode_message(spool.value().result(n).value());
            REQUIRE(message);
            const auto& result = std::get<link::TaskResult>(message.value().at(0).envelope);
            CHECK(result.n == n);
            CHECK(result.task_id.bytes[15] > before);
            before = result.task_id.bytes[15];
        }
        CHECK(spool.value().last() >= 8);
        CHECK(spool.value().knows(attempt(50)));
        auto again = Spool::open(disk, kNoneKept);
        REQUIRE(again);
        CHECK(again.value().id() == spool.value().id());
        CHECK(again.value().last() == spool.value().last());
        CHECK(again.value().take_notes().empty());
    }
}

TEST_CASE("a spool that is renewed while it runs keeps all it holds and goes on") {
    ForgetfulDisk disk;
    auto opened = Spool::open(disk, kNoneKept);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (std::uint8_t i = 1; i <= 9; ++i) run_one(spool, i);
    REQUIRE(spool.ack(4, kNow));
    spool.accept(10, attempt(10), accepted());
    REQUIRE(spool.renew("test"));
    CHECK(spool.first() == 1);
    CHECK(spool.last() == 5);
    CHECK(number_in(spool.result(1).value()) == 5);
    CHECK(spool.work_last() == 10);
    CHECK(spool.open_attempts() == std::vector{attempt(10)});
    CHECK(spool.finish(result_of(10), {}) == 6);
    REQUIRE(spool.commit());
    auto again = Spool::open(disk, kNoneKept);
    REQUIRE(again);
    CHECK(again.value().last() == 6);
    CHECK(again.value().open_attempts().empty());
    CHECK(again.value().work_last() == 10);
}

TEST_CASE("a lost acknowledged number is made good by what the first segment says") {
    ForgetfulDisk disk;
    {
        auto spool = Spool::open(disk, kNoneKept);
        REQUIRE(spool);
        for (std::uint8_t i = 1; i <= 30; ++i) run_one(spool.value(), i);
        REQUIRE(spool.value().ack(28, kNow));
    }
    REQUIRE(disk.remove(spool::kAckFile));
    auto spool = Spool::open(disk, kNoneKept);
    REQUIRE(spool);
    CHECK(spool.value().last() == 30);
    CHECK(spool.value().first() > 20);
    CHECK(spool.value().take_notes().empty());
}
