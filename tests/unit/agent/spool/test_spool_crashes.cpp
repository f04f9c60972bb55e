// The power goes at every change the spool makes to the disk, and leaves what a power cut may leave.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "agent/spool/spool.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr Spool::Terms kFewKept{.segment_bytes = 1500, .keep_bytes = 6'000, .keep_us = 7};  // some are kept, some go

/// What the spool promised: only what a successful commit() covered.
struct Ledger {
    SpoolId id;
    std::map<std::uint64_t, std::string> results;  // by number, committed
    std::set<link::AttemptRef> accepted;           // committed
    std::set<link::AttemptRef> finishing;          // handed to finish(), committed or not
    std::uint64_t acked = 0;
    std::uint64_t work_last = 0;
};

/// A day of a spool: accepts and results in groups of all sizes, acknowledgements, a renewal. Ends when the power goes.
void live(Disk& disk, Ledger& ledger, bool renew) {
    auto opened = Spool::open(disk, kFewKept);
    if (!opened) return;
    Spool& spool = opened.value();
    ledger.id = spool.id();
    std::vector<std::uint8_t> running;
    std::uint8_t next = 1;
    for (int turn = 0; turn < 24; ++turn) {
        std::vector<link::AttemptRef> accepted;
        for (int i = 0; i <= turn % 4; ++i) {
            spool.accept(next, attempt(next), {RunId{}, line_name("telecom"), Service::ping, "192.0.2.1", 1});
            accepted.push_back(attempt(next));
            running.push_back(next++);
        }
        std::vector<std::uint64_t> finished;
        while (running.size() > 3) {
            ledger.finishing.insert(attempt(running.front()));
            finished.push_back(spool.finish(result_of(running.front()), {}));
            running.erase(running.begin());
        }
        if (!spool.commit()) return;
        for (const auto& one : accepted) ledger.accepted.insert(one);
        for (const std::uint64_t n : finished) {
            auto body = spool.result(n);
            if (!body) return;
            ledger.results[n] = body.value();
        }
        ledger.work_last = spool.work_last();
        if (turn % 5 == 4) {
            const std::uint64_t upto = spool.last() - 1;
            ledger.acked = upto;  // the broker has them, whatever becomes of our note of it
            if (!spool.ack(upto, static_cast<std::uint64_t>(turn))) return;
        }
        if (renew && turn == 13) {
            if (!spool.renew("test")) return;
            ledger.id = spool.id();
            std::map<std::uint64_t, std::string> renumbered;
            for (const auto& [n, body] : ledger.results) {
                if (n > ledger.acked) renumbered[n - ledger.acked] = spool.result(n - ledger.acked).value();
            }
            ledger.results = renumbered;
            ledger.acked = 0;
        }
    }
}

void check_kept(Disk& disk, const Ledger& ledger, bool renewing) {
    auto opened = Spool::open(disk, kFewKept);
    REQUIRE(opened);
    Spool& spool = opened.value();
    for (const std::string& note : spool.take_notes()) CHECK_MESSAGE(note.starts_with("spool_torn_tail"), note);
    if (renewing && spool.id() != ledger.id) return;  // the power went between the renewal and the ledger's note of it
    if (!ledger.id.is_nil()) CHECK(spool.id() == ledger.id);
    CHECK(spool.last() >= (ledger.results.empty() ? 0 : ledger.results.rbegin()->first));
    for (const auto& [n, body] : ledger.results) {
        if (n <= std::max(ledger.acked, spool.acked())) continue;
        CHECK(spool.result(n).value() == body);
    }
    CHECK(spool.acked() <= ledger.acked);
    CHECK(spool.work_last() >= ledger.work_last);
    const auto open = spool.open_attempts();
    const std::set<link::AttemptRef> still_open(open.begin(), open.end());
    for (const auto& one : ledger.accepted) CHECK((still_open.contains(one) || ledger.finishing.contains(one)));
    for (const auto& one : still_open) {
        for (const auto& [n, body] : ledger.results) {
            const auto message = link::decode_message(body);
            const auto& result = std::get<link::TaskResult>(message.value().at(0).envelope);
            CHECK(link::AttemptRef{result.task_id, result.attempt} !=
                  one);  // a committed result is not answered for again
        }
    }
    // What is kept of acknowledged results is what was acknowledged.
    spool.rewind(0);
    for (std::uint64_t n = spool.acked() + 1; n <= spool.last(); ++n) {
        const auto at = ledger.results.find(n);
        if (at != ledger.results.end()) CHECK(spool.result(n).value() == at->second);
    }
    const std::uint64_t next = spool.finish(result_of(250), {});
    CHECK(next == spool.last() + 1);
    REQUIRE(spool.commit());
}

}  // namespace

TEST_CASE("whatever the moment of a power cut and what it leaves, all that was promised is there") {
    const char* full = std::getenv("EDGE_FULL");
    const bool every_kind = full != nullptr && *full != 0;
    for (const bool renew : {false, true}) {
        int changes = 0;
        {
            ForgetfulDisk disk;
            Ledger ledger;
            live(disk, ledger, renew);
            changes = disk.changes();
            REQUIRE(ledger.results.size() > 5);
        }
        REQUIRE(changes > 60);
        std::mt19937 random(11);
        for (int step = 1; step <= changes; ++step) {
            // All that a cut may leave at each step takes minutes under a sanitizer: a kind a step, in turn.
            for (std::size_t kind = 0; kind < std::size(ForgetfulDisk::kLeaves); ++kind) {
                if (!every_kind && kind != static_cast<std::size_t>(step) % std::size(ForgetfulDisk::kLeaves)) continue;
                const auto leaves = ForgetfulDisk::kLeaves[kind];
                CAPTURE(renew);
                CAPTURE(step);
                CAPTURE(static_cast<int>(leaves));
                ForgetfulDisk disk;
                disk.cut_at(step);
                Ledger ledger;
                live(disk, ledger, renew);
                REQUIRE(disk.is_cut());
                disk.restart(leaves, random);
                check_kept(disk, ledger, renew);
            }
        }
    }
}

TEST_CASE("a power cut during recovery does no more harm than the one before") {
    std::mt19937 random(5);
    for (int step = 20; step < 60; step += 3) {
        for (int second = 1; second < 6; ++second) {
            CAPTURE(step);
            CAPTURE(second);
            ForgetfulDisk disk;
            disk.cut_at(step);
            Ledger ledger;
            live(disk, ledger, false);
            disk.restart(ForgetfulDisk::Leaves::some_sectors, random);
            disk.cut_at(second);
            (void)Spool::open(disk, kFewKept);
            disk.restart(ForgetfulDisk::Leaves::a_prefix, random);
            check_kept(disk, ledger, false);
        }
    }
}
