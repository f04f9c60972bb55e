// The plan beside a queue in memory that plays the store, on a clock of the test's own.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "broker/webhooks/delivery_plan.hpp"

using namespace edge::broker;
using namespace edge::broker::webhooks;

namespace {

constexpr WallTime kSecond = 1'000'000;
constexpr WallTime kHour = 3'600 * kSecond;
constexpr WebhookRow kHook{1};

struct Bench {
    static constexpr std::uint64_t kSpentUs = 1'500;  // by an attempt
    explicit Bench(PlanLimits limits = {})
        : plan(limits, [this] { return random = random * 6'364'136'223'846'793'005ULL + 1; }) {}

    void add(std::int64_t row, WebhookRow webhook = kHook, bool once = false) {
        const DueDelivery due{
            .row = DeliveryRow{row}, .webhook = webhook, .due_at = now, .created_at = now, .attempts = 0, .once = once};
        store[due.row] = due;
        plan.queued({due}, now, out);
    }
    /// Carries out all that is asked but the sends.
    void settle() {
        while (!out.fetches.empty() || !out.records.empty()) {
            const PlanActions actions = std::exchange(out, {});
            out.sends = actions.sends;
            for (const auto& fetch : actions.fetches) plan.fetched(fetch.webhook, due(fetch), now, out);
            for (const auto& attempted : actions.records) take(attempted);
        }
    }
    DueDeliveries due(const Fetch& fetch) const {
        std::map<std::pair<WallTime, DeliveryRow>, DueDelivery> sorted;
        for (const auto& [row, one] : store) {
            if (one.webhook == fetch.webhook) sorted[{one.due_at, row}] = one;
        }
        DueDeliveries found;
        for (const auto& [place, one] : sorted) {
            found.more = found.items.size() == fetch.limit;
            if (found.more) break;
            found.items.push_back(one);
        }
        return found;
    }
    void take(const Attempted& attempted) {
        const DeliveryRow row = attempted.delivery.row;
        outcomes[row].push_back(attempted);
        store.erase(row);
        if (attempted.outcome == AttemptOutcome::retry) {
            store[row] = attempted.delivery;
            store[row].due_at = attempted.due_at;
            ++store[row].attempts;
        }
        plan.stored(row, now, out);
    }
    std::vector<DueDelivery> sends() {
        settle();
        return std::exchange(out.sends, {});
    }
    void answer(DeliveryRow row, std::uint32_t status, std::optional<std::uint64_t> retry_after = {}) {
        Answer answer;
        answer.attempt.status = status;
        answer.attempt.times.total_us = kSpentUs;
        answer.retry_after_s = retry_after;
        plan.answered(row, answer, now, out);
        settle();
    }
    void pass(WallTime span) {
        now += span;
        plan.tick(now, out);
    }

    WallTime now = 1'000 * kHour;
    std::uint64_t random = 1;
    PlanActions out;
    DeliveryPlan plan;
    std::map<DeliveryRow, DueDelivery> store;
    std::map<DeliveryRow, std::vector<Attempted>> outcomes;
};

}  // namespace

TEST_CASE("what waited in the store when the sender began is sent, and nothing twice") {
    Bench it;
    for (std::int64_t row = 1; row <= 3; ++row) it.add(row);  // nobody knows the endpoint yet
    CHECK(it.sends().empty());
    it.plan.endpoint(kHook, true, it.now, it.out);
    const auto sends = it.sends();
    CHECK(sends.size() == 3);
    it.plan.endpoint(kHook, true, it.now, it.out);  // looked at anew while they are under way
    CHECK(it.sends().empty());
    for (const auto& one : sends) it.answer(one.row, 204);
    CHECK(it.sends().empty());
    CHECK(it.store.empty());
    CHECK(it.plan.busy() == 0);
    CHECK(it.plan.counters().delivered == 3);
    CHECK(it.plan.counters().durations.sum() == 3 * Bench::kSpentUs);
}

TEST_CASE("four at a time of one endpoint, and all that waits goes, however much more than the window it is") {
    Bench it({.per_endpoint = 4, .in_all = 8, .window = 16});
    it.plan.endpoint(kHook, true, it.now, it.out);
    std::set<DeliveryRow> sent;
    for (std::int64_t row = 1; row <= 500; ++row) it.add(row);
    for (auto sends = it.sends(); !sends.empty(); sends = it.sends()) {
        CHECK(sends.size() <= 4);
        for (const auto& one : sends) {
            CHECK(sent.insert(one.row).second);
            it.answer(one.row, 200);
        }
        if (sent.size() % 7 == 0 && sent.size() < 400) it.add(1'000 + static_cast<std::int64_t>(sent.size()));
    }
    CHECK(it.store.empty());
    CHECK(sent.size() >= 500);
}

TEST_CASE("a receiver that is down for 74 hours has every message when it is back") {
    Bench it;
    it.plan.endpoint(kHook, true, it.now, it.out);
    const WallTime up_at = it.now + 74 * kHour;
    for (std::int64_t row = 1; row <= 200; ++row) it.add(row);
    std::size_t attempts = 0;
    while (!it.store.empty()) {
        for (const auto& one : it.sends()) {
            ++attempts;
            it.answer(one.row, it.now >= up_at ? 200 : 503);
        }
        it.settle();
        if (!it.out.sends.empty()) continue;
        const auto next = it.plan.next_deadline();
        if (!next) break;
        it.pass(*next > it.now ? *next - it.now : 0);
    }
    CHECK(it.store.empty());
    std::size_t delivered = 0;
    for (const auto& [row, made] : it.outcomes) {
        delivered += made.back().outcome == AttemptOutcome::delivered ? 1 : 0;
        CHECK(made.size() <= kMostAttempts);
    }
    CHECK(delivered == 200);
    MESSAGE(delivered << " delivered in " << attempts << " attempts");
}

TEST_CASE("one that never answers is given up at the tenth attempt, after 75 hours and 35 minutes") {
    Bench it;
    it.plan.endpoint(kHook, true, it.now, it.out);
    const WallTime begun = it.now;
    it.add(1);
    while (!it.store.empty()) {
        for (const auto& one : it.sends()) it.answer(one.row, 500);
        const auto next = it.plan.next_deadline();
        if (next && *next > it.now) it.pass(*next - it.now);
    }
    const auto& made = it.outcomes.at(DeliveryRow{1});
    REQUIRE(made.size() == 10);
    CHECK(made.back().outcome == AttemptOutcome::used_up);
    CHECK(made.back().attempt.n == 10);
    CHECK(it.now - begun >= kScheduleSpan);
}

TEST_CASE("a stuck endpoint holds its own places only") {
    Bench it({.per_endpoint = 4, .in_all = 16, .window = 64});
    for (std::int64_t hook = 1; hook <= 3; ++hook) it.plan.endpoint(WebhookRow{hook}, true, it.now, it.out);
    for (std::int64_t row = 1; row <= 30; ++row) it.add(row, WebhookRow{row % 3 + 1});
    std::size_t others = 0;
    for (auto sends = it.sends(); !sends.empty(); sends = it.sends()) {
        for (const auto& one : sends) {
            if (one.webhook == WebhookRow{1}) continue;  // never answers
            ++others;
            it.answer(one.row, 200);
        }
    }
    CHECK(others == 20);
    CHECK(it.plan.counters().in_flight == 4);
}

TEST_CASE("410 ends it, a test is tried once, Retry-After is waited for but an hour at most") {
    Bench it;
    it.plan.endpoint(kHook, true, it.now, it.out);
    it.add(1);
    it.add(2, kHook, true);
    it.add(3);
    REQUIRE(it.sends().size() == 3);
    it.answer(DeliveryRow{1}, 410);
    CHECK(it.outcomes.at(DeliveryRow{1}).back().outcome == AttemptOutcome::gone);
    it.answer(DeliveryRow{2}, 500);
    CHECK(it.outcomes.at(DeliveryRow{2}).back().outcome == AttemptOutcome::failed);
    it.answer(DeliveryRow{3}, 429, 86'400);
    const Attempted& waited = it.outcomes.at(DeliveryRow{3}).back();
    CHECK(waited.outcome == AttemptOutcome::retry);
    CHECK(waited.due_at == it.now + kHour);
    it.add(4);
    CHECK(it.sends().empty());  // the endpoint waits, not the delivery alone
    it.pass(kHour);
    CHECK(it.sends().size() == 2);
}

TEST_CASE("only 2xx is success") {
    Bench it;
    it.plan.endpoint(kHook, true, it.now, it.out);
    std::int64_t row = 0;
    for (const std::uint32_t status : {200U, 204U, 299U, 0U, 199U, 301U, 302U, 307U, 400U, 500U}) {
        it.plan.endpoint(kHook, false, it.now, it.out);  // a new breaker
        it.plan.endpoint(kHook, true, it.now, it.out);
        it.add(++row);
        REQUIRE(it.sends().size() == 1);
        it.answer(DeliveryRow{row}, status);
        const bool delivered = it.outcomes.at(DeliveryRow{row}).back().outcome == AttemptOutcome::delivered;
        CHECK(delivered == (status >= 200 && status < 300));
        it.store.erase(DeliveryRow{row});
    }
}

TEST_CASE("a store that cannot be read now is asked again") {
    Bench it;
    it.plan.endpoint(kHook, true, it.now, it.out);
    REQUIRE(it.out.fetches.size() == 1);
    it.out = {};
    it.plan.not_fetched(kHook, it.now);
    it.add(1);
    CHECK(it.sends().empty());
    REQUIRE(it.plan.next_deadline());
    it.pass(*it.plan.next_deadline() - it.now);
    const auto sends = it.sends();
    REQUIRE(sends.size() == 1);
    it.plan.dropped(sends[0].row, true, it.now, it.out);
    CHECK(it.sends().empty());
    it.pass(10 * kSecond);
    CHECK(it.sends().size() == 1);
}

TEST_CASE("one that is told twice is sent once, whether it waits or is under way, and holds one place") {
    Bench it({.per_endpoint = 1, .in_all = 8, .window = 16});
    it.plan.endpoint(kHook, true, it.now, it.out);
    it.settle();
    it.add(1);
    it.add(2);
    it.now += kSecond;
    it.add(1);  // under way
    it.add(2);  // waits
    std::size_t sent = 0;
    for (auto sends = it.sends(); !sends.empty(); sends = it.sends()) {
        for (const auto& one : sends) it.answer(one.row, 200);
        sent += sends.size();
    }
    CHECK(sent == 2);
    CHECK(it.outcomes.size() == 2);
    CHECK(it.plan.busy() == 0);
    CHECK(it.plan.counters().in_flight == 0);
}
