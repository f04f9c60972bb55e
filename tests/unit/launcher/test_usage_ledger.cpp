#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "agent/launcher/usage_ledger.hpp"

using namespace edge::launcher;

namespace {

constexpr std::uint64_t kDay = 86'400;
constexpr std::uint64_t kSlot = 300;
constexpr std::uint64_t kNovember = 20'758 * kDay;  // 2026-11-01T00:00:00Z, a month of 30 days: 8,640 slots
constexpr std::uint64_t kShare = 432;               // 5 % of them

/// So many slots with so many bytes in each, and the first second of the next.
void spend(UsageLedger& ledger, std::uint64_t slots, std::uint64_t bytes, std::uint64_t& now) {
    for (std::uint64_t i = 0; i < slots; ++i) {
        ledger.add(bytes / 2, 0, now);
        ledger.add(bytes - bytes / 2, 0, now + kSlot - 1);
        now += kSlot;
    }
    ledger.add(0, 0, now);
}

}  // namespace

TEST_CASE("over the day's bytes the line is closed, and open again at midnight UTC") {
    UsageLedger ledger({.bytes_per_day = 1'000});
    const std::uint64_t noon = kNovember + kDay / 2;
    ledger.add(400, 599, noon);
    CHECK(ledger.allowance() == Allowance::all);
    ledger.add(1, 0, noon + 1);
    CHECK(ledger.allowance() == Allowance::none);
    CHECK(ledger.day_bytes() == 1'000);
    ledger.add(0, 0, kNovember + kDay - 1);
    CHECK(ledger.allowance() == Allowance::none);
    ledger.add(0, 0, kNovember + kDay);
    CHECK(ledger.allowance() == Allowance::all);
    CHECK(ledger.day_bytes() == 0);
}

TEST_CASE("5 % of the month's slots may be above the rate; then the line is held to it until the month ends") {
    UsageLedger ledger({.p95_bytes_per_s = 10});
    std::uint64_t now = kNovember;
    spend(ledger, 1'000, 10 * kSlot, now);  // at the rate, not above it
    spend(ledger, kShare - 1, 10 * kSlot + 1, now);
    CHECK(ledger.allowance() == Allowance::all);
    spend(ledger, 1, 1'000'000, now);
    CHECK(ledger.allowance() == Allowance::p95);
    spend(ledger, 500, 10 * kSlot, now);
    CHECK(ledger.allowance() == Allowance::p95);
    now = kNovember + 30 * kDay - 1;
    ledger.add(0, 0, now);
    CHECK(ledger.allowance() == Allowance::p95);
    ledger.add(0, 0, now + 1);  // December
    CHECK(ledger.allowance() == Allowance::all);
}

TEST_CASE("the 95th percentile of a month spent by a line that always wants more is the rate") {
    constexpr std::uint64_t kRate = 1'000;
    UsageLedger ledger({.p95_bytes_per_s = kRate});
    std::vector<std::uint64_t> slots;
    std::uint64_t now = kNovember;
    for (int i = 0; i < 8'640; ++i) {
        ledger.add(0, 0, now);
        // Held to 299/300 of the rate, and a second's worth may leave at once: what Lines gives to the guard.
        const std::uint64_t held = kRate / 300 * 299;
        const std::uint64_t bytes = ledger.allowance() == Allowance::p95 ? held * (kSlot + 1) : 50 * kRate * kSlot;
        ledger.add(bytes, 0, now + kSlot - 1);
        slots.push_back(bytes);
        now += kSlot;
    }
    std::sort(slots.begin(), slots.end());
    CHECK(slots[slots.size() * 95 / 100 - 1] <= kRate * kSlot);
    CHECK(slots[slots.size() * 95 / 100] > kRate * kSlot);  // the whole share was used
}

TEST_CASE("what was counted survives a restart to the byte") {
    UsageLedger ledger({.bytes_per_day = 1'000, .p95_bytes_per_s = 10});
    std::uint64_t now = kNovember;
    spend(ledger, kShare, 10 * kSlot + 1, now);
    now = kNovember + 5 * kDay;
    ledger.add(900, 99, now);
    UsageLedger again({.bytes_per_day = 1'000, .p95_bytes_per_s = 10});
    REQUIRE(again.restore(ledger.text()).has_value());
    CHECK(again.text() == ledger.text());
    CHECK(again.allowance() == Allowance::p95);
    again.add(1, 0, now + 10);
    CHECK(again.allowance() == Allowance::none);
}

TEST_CASE("a clock that is set back by hours opens nothing; one that was a month ahead locks nobody out") {
    UsageLedger ledger({.bytes_per_day = 1'000});
    ledger.add(1'000, 0, kNovember + 3 * kDay + 10);
    ledger.add(0, 0, kNovember + 3 * kDay - 3'600);
    CHECK(ledger.allowance() == Allowance::none);
    ledger.add(1'000, 0, kNovember + 40 * kDay);
    ledger.add(0, 0, kNovember + 4 * kDay);
    CHECK(ledger.allowance() == Allowance::all);
}

TEST_CASE("what edge-launcher does not write is no ledger") {
    UsageLedger ledger({});
    for (const char* text : {"", "1", "1 2 3 4 5 6", "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 x", "a 2 3 4 5 6 7",
                             "1  2 3 4 5 6 7", "1 2 3 4 5 6 7 ", "1 2 3 4 5 6 99999999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(ledger.restore(text));
    }
    CHECK(ledger.restore("1 2 3 4 5 6 7").has_value());
}

TEST_CASE(
    "while the month's share is spent a line has just less than the rate it is billed by, or its own if that is less") {
    constexpr std::uint64_t kBilled = 30'000, kHeld = 29'900;
    CHECK(allowed_rate(Allowance::all, 1'000'000, kBilled) == 1'000'000);
    CHECK(allowed_rate(Allowance::all, 0, kBilled) == 0);
    CHECK(allowed_rate(Allowance::none, 1'000'000, kBilled) == 1'000'000);  // closed otherwise: by having no device
    CHECK(allowed_rate(Allowance::p95, 1'000'000, kBilled) == kHeld);
    CHECK(allowed_rate(Allowance::p95, 0, kBilled) == kHeld);
    CHECK(allowed_rate(Allowance::p95, 20'000, kBilled) == 20'000);
    CHECK(allowed_rate(Allowance::p95, 0, 299) == 1);  // 0 would be no limit
}
