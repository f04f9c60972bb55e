// What is sent next, and what becomes of it. Events and `now` in, actions out. Pure.
//
// The store is the queue. Of each endpoint the plan holds a window: the first deliveries of it by the time they are
// due, and whether there are more behind. What it does not hold is fetched when the window runs low; so memory is
// bounded whatever waits.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/domain/webhook_calls.hpp"
#include "broker/webhooks/breaker.hpp"
#include "broker/webhooks/counters.hpp"
#include "broker/webhooks/window.hpp"

namespace edge::broker::webhooks {

struct PlanLimits {
    std::uint32_t per_endpoint = 4;
    std::uint32_t in_all = 256;
    std::uint32_t window = 256;
    std::uint32_t unstored = 2'048;  // attempts that were made and are not in the store yet
};

/// What came of an attempt, as far as it is known; `attempt.n` is the plan's to say.
struct Answer {
    AttemptView attempt;
    std::optional<std::uint64_t> retry_after_s;
    bool is_refused = false;
    bool is_timeout = false;
};

struct Fetch {
    WebhookRow webhook{};
    std::uint32_t limit = 0;
};
struct PlanActions {
    std::vector<DueDelivery> sends;  // each to be answered with answered() or dropped()
    std::vector<Fetch> fetches;      // each to be answered with fetched() or not_fetched()
    std::vector<Attempted> records;  // each to be answered with stored()
};

class DeliveryPlan {
  public:
    using Random = std::function<std::uint64_t()>;
    DeliveryPlan(PlanLimits limits, Random random) : limits_(limits), random_(std::move(random)) {}

    /// On (said again: look at its deliveries anew), or off or gone.
    void endpoint(WebhookRow webhook, bool is_enabled, WallTime now, PlanActions& out);
    void queued(const std::vector<DueDelivery>& deliveries, WallTime now, PlanActions& out);
    void fetched(WebhookRow webhook, const DueDeliveries& found, WallTime now, PlanActions& out);
    void not_fetched(WebhookRow webhook, WallTime now);
    void answered(DeliveryRow delivery, Answer answer, WallTime now, PlanActions& out);
    /// It is not there to be sent: another has it, or `later`: it could not be read now.
    void dropped(DeliveryRow delivery, bool later, WallTime now, PlanActions& out);
    void stored(DeliveryRow delivery, WallTime now, PlanActions& out);
    void tick(WallTime now, PlanActions& out) { choose(now, out); }

    std::optional<WallTime> next_deadline() const;
    Counters counters() const;
    std::size_t busy() const { return busy_.size(); }

  private:
    struct Endpoint {
        bool is_enabled = false;
        Window window;      // nothing of it is busy
        bool more = false;  // behind the window
        bool fetching = false;
        bool missed = false;             // something came behind the window while it was fetched
        std::set<DeliveryRow> outdated;  // what the fetch under way tells of them is not so any more
        std::uint32_t in_flight = 0;
        std::uint32_t busy = 0;  // in flight, or made and not stored
        Breaker breaker;
        WallTime wait_until = 0;  // as it asked
    };
    /// In flight, or made and not in the store yet; `next`: it is pending again then.
    struct Busy {
        DueDelivery delivery;
        bool is_sent = false;
        std::optional<DueDelivery> next;
    };

    void offer(Endpoint& endpoint, const DueDelivery& delivery);
    void trim(Endpoint& endpoint) const;
    void fetch_if_low(WebhookRow webhook, Endpoint& endpoint, PlanActions& out) const;
    std::optional<WallTime> ready_at(const Endpoint& endpoint) const;
    void choose(WallTime now, PlanActions& out);
    void send(Endpoint& endpoint, PlanActions& out);
    Attempted judge(Endpoint& endpoint, const DueDelivery& delivery, Answer answer, WallTime now);
    void release(Busy& busy);

    PlanLimits limits_;
    Random random_;
    std::map<WebhookRow, Endpoint> endpoints_;
    std::map<DeliveryRow, Busy> busy_;
    std::uint32_t in_flight_ = 0;
    WebhookRow last_served_{};
    Counters counters_;
};

}  // namespace edge::broker::webhooks
