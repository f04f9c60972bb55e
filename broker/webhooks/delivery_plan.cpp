#include "broker/webhooks/delivery_plan.hpp"

#include <algorithm>

namespace edge::broker::webhooks {
namespace {

constexpr WallTime kOneSecond = 1'000'000;
constexpr std::uint64_t kLongestRetryAfterS = 3'600;
constexpr WallTime kStoreAgain = 5 * kOneSecond;  // the store could not be read

bool succeeded(const AttemptView& attempt) {
    return attempt.error.empty() && attempt.status >= 200 && attempt.status < 300;
}

}  // namespace

void DeliveryPlan::endpoint(WebhookRow webhook, bool is_enabled, WallTime now, PlanActions& out) {
    Endpoint& endpoint = endpoints_[webhook];
    if (!is_enabled) {
        if (endpoint.busy == 0) {
            endpoints_.erase(webhook);
        } else {
            endpoint.is_enabled = false;
            endpoint.window.clear();
        }
        return;
    }
    if (!endpoint.is_enabled) endpoint.breaker = {};
    endpoint.is_enabled = true;
    endpoint.more = true;
    endpoint.missed = true;
    endpoint.window.clear();
    fetch_if_low(webhook, endpoint, out);
    choose(now, out);
}

void DeliveryPlan::queued(const std::vector<DueDelivery>& deliveries, WallTime now, PlanActions& out) {
    for (const DueDelivery& delivery : deliveries) {
        const auto at = endpoints_.find(delivery.webhook);
        if (at == endpoints_.end() || !at->second.is_enabled) continue;
        offer(at->second, delivery);
    }
    choose(now, out);
}

/// The window stays the beginning of the queue: what belongs behind it is left to the store. Two replays of one
/// delivery may both be told: it is sent once.
void DeliveryPlan::offer(Endpoint& endpoint, const DueDelivery& delivery) {
    if (busy_.contains(delivery.row)) return;
    if (endpoint.more && endpoint.window.ends_before(delivery)) {
        endpoint.missed = true;
        return;
    }
    endpoint.window.add(delivery);
    trim(endpoint);
}

void DeliveryPlan::trim(Endpoint& endpoint) const {
    while (endpoint.window.size() > limits_.window) {
        endpoint.window.drop_last();
        endpoint.more = true;
        endpoint.missed = true;
    }
}

void DeliveryPlan::fetch_if_low(WebhookRow webhook, Endpoint& endpoint, PlanActions& out) const {
    if (!endpoint.is_enabled || !endpoint.more || endpoint.fetching || endpoint.window.size() > limits_.window / 4)
        return;
    endpoint.fetching = true;
    endpoint.missed = false;
    endpoint.outdated.clear();
    out.fetches.push_back({webhook, limits_.window + endpoint.busy});
}

void DeliveryPlan::fetched(WebhookRow webhook, const DueDeliveries& found, WallTime now, PlanActions& out) {
    const auto at = endpoints_.find(webhook);
    if (at == endpoints_.end()) return;
    Endpoint& endpoint = at->second;
    endpoint.fetching = false;
    if (!endpoint.is_enabled) return;
    endpoint.more = found.more || endpoint.missed;
    for (const DueDelivery& delivery : found.items) {
        if (busy_.contains(delivery.row) || endpoint.outdated.contains(delivery.row)) continue;
        endpoint.window.add(delivery);
    }
    endpoint.outdated.clear();
    trim(endpoint);
    choose(now, out);
}

void DeliveryPlan::not_fetched(WebhookRow webhook, WallTime now) {
    const auto at = endpoints_.find(webhook);
    if (at == endpoints_.end()) return;
    at->second.fetching = false;
    at->second.more = true;
    at->second.wait_until = std::max(at->second.wait_until, now + kStoreAgain);
}

/// When one of it may be sent, as far as the endpoint itself is concerned.
std::optional<WallTime> DeliveryPlan::ready_at(const Endpoint& endpoint) const {
    if (!endpoint.is_enabled) return std::nullopt;
    if (endpoint.window.empty()) {
        if (!endpoint.more || endpoint.fetching) return std::nullopt;
        return endpoint.wait_until;  // to be fetched
    }
    const bool is_open = endpoint.breaker.is_open();
    if (endpoint.in_flight >= (is_open ? 1 : limits_.per_endpoint)) return std::nullopt;
    WallTime at = std::max(endpoint.window.first().due_at, endpoint.wait_until);
    if (is_open) at = std::max(at, endpoint.breaker.until());
    return at;
}

std::optional<WallTime> DeliveryPlan::next_deadline() const {
    if (in_flight_ >= limits_.in_all || busy_.size() >= limits_.unstored) return std::nullopt;
    std::optional<WallTime> next;
    for (const auto& [row, endpoint] : endpoints_) {
        const auto at = ready_at(endpoint);
        if (at && (!next || *at < *next)) next = at;
    }
    return next;
}

/// In turn: one of each endpoint, then another of each, so that none of them takes all places.
void DeliveryPlan::choose(WallTime now, PlanActions& out) {
    bool any = true;
    while (any) {
        any = false;
        auto at = endpoints_.upper_bound(last_served_);
        for (std::size_t i = 0; i < endpoints_.size(); ++i, ++at) {
            if (in_flight_ >= limits_.in_all || busy_.size() >= limits_.unstored) return;
            if (at == endpoints_.end()) at = endpoints_.begin();
            auto& [row, endpoint] = *at;
            const auto ready = ready_at(endpoint);
            if (!ready || *ready > now) continue;
            if (!endpoint.window.empty()) {
                send(endpoint, out);
                last_served_ = row;
                any = true;
            }
            fetch_if_low(row, endpoint, out);
        }
    }
}

void DeliveryPlan::send(Endpoint& endpoint, PlanActions& out) {
    const DueDelivery delivery = endpoint.window.take_first();
    busy_.emplace(delivery.row, Busy{delivery, true, {}});
    ++endpoint.in_flight;
    ++endpoint.busy;
    ++in_flight_;
    out.sends.push_back(delivery);
}

void DeliveryPlan::answered(DeliveryRow row, Answer answer, WallTime now, PlanActions& out) {
    const auto at = busy_.find(row);
    if (at == busy_.end() || !at->second.is_sent) return;
    Busy& busy = at->second;
    Endpoint& endpoint = endpoints_.at(busy.delivery.webhook);
    busy.is_sent = false;
    --endpoint.in_flight;
    --in_flight_;
    Attempted attempted = judge(endpoint, busy.delivery, std::move(answer), now);
    if (attempted.outcome == AttemptOutcome::retry) {
        busy.next = busy.delivery;
        busy.next->due_at = attempted.due_at;
        ++busy.next->attempts;
    }
    out.records.push_back(std::move(attempted));
    choose(now, out);
}

Attempted DeliveryPlan::judge(Endpoint& endpoint, const DueDelivery& delivery, Answer answer, WallTime now) {
    const std::uint32_t n = delivery.attempts + 1;
    answer.attempt.n = n;
    const bool is_good = succeeded(answer.attempt);
    if (!is_good && answer.attempt.error.empty())
        answer.attempt.error = "the receiver answered " + std::to_string(answer.attempt.status);
    const std::uint32_t status = answer.attempt.status;
    counters_.durations.add(answer.attempt.times.total_us);
    Attempted attempted{delivery, std::move(answer.attempt), AttemptOutcome::delivered, now};
    if (is_good) {
        ++counters_.delivered;
        endpoint.breaker.succeeded();
        return attempted;
    }
    ++counters_.failed;
    counters_.refused += answer.is_refused ? 1 : 0;
    counters_.timed_out += answer.is_timeout ? 1 : 0;
    WallTime not_before = now;
    if (answer.retry_after_s && (status == 429 || status == 503)) {
        // It answers, and says when: the breaker need not guess.
        not_before = now + std::min(*answer.retry_after_s, kLongestRetryAfterS) * kOneSecond;
        endpoint.wait_until = std::max(endpoint.wait_until, not_before);
    } else {
        endpoint.breaker.failed(now, random_());
    }
    const auto next = next_attempt(n, delivery.created_at, now, random_());
    if (status == 410)
        attempted.outcome = AttemptOutcome::gone;
    else if (delivery.once)
        attempted.outcome = AttemptOutcome::failed;
    else
        attempted.outcome = next ? AttemptOutcome::retry : AttemptOutcome::used_up;
    if (attempted.outcome == AttemptOutcome::retry)
        attempted.due_at = std::max(*next, not_before);
    else
        ++counters_.gave_up;
    return attempted;
}

/// Out of the table; what a fetch under way says of it is old.
void DeliveryPlan::release(Busy& busy) {
    Endpoint& endpoint = endpoints_.at(busy.delivery.webhook);
    --endpoint.busy;
    if (busy.is_sent) {
        --endpoint.in_flight;
        --in_flight_;
    }
    if (endpoint.fetching) endpoint.outdated.insert(busy.delivery.row);
    if (!endpoint.is_enabled && endpoint.busy == 0) endpoints_.erase(busy.delivery.webhook);
}

void DeliveryPlan::dropped(DeliveryRow row, bool later, WallTime now, PlanActions& out) {
    auto taken = busy_.extract(row);
    if (!taken) return;
    const WebhookRow webhook = taken.mapped().delivery.webhook;
    release(taken.mapped());
    if (const auto at = endpoints_.find(webhook); later && at != endpoints_.end()) {
        at->second.more = at->second.missed = true;
        at->second.wait_until = std::max(at->second.wait_until, now + kStoreAgain);
    }
    choose(now, out);
}

void DeliveryPlan::stored(DeliveryRow row, WallTime now, PlanActions& out) {
    auto taken = busy_.extract(row);
    if (!taken) return;
    Busy& busy = taken.mapped();
    release(busy);
    const auto at = endpoints_.find(busy.delivery.webhook);
    if (busy.next && at != endpoints_.end() && at->second.is_enabled) offer(at->second, *busy.next);
    choose(now, out);
}

Counters DeliveryPlan::counters() const {
    Counters all = counters_;
    all.in_flight = in_flight_;
    return all;
}

}  // namespace edge::broker::webhooks
