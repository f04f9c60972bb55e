// Webhooks as the API and the sender use them: endpoints, their deliveries, and the queue of what is due.
// Executor: as Domain's calls.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/webhook_views.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

template <class T>
using Reply = std::function<void(Result<T>)>;

inline constexpr std::size_t kMostWebhooks = 1'000;

struct WebhookRequest {
    std::string url;
    std::string description;
    std::vector<EventKind> events;
    std::string selector;
    std::optional<std::uint64_t> ttl_ms;
};
/// What is not named stays.
struct WebhookChange {
    std::optional<std::string> url;
    std::optional<std::string> description;
    std::optional<std::vector<EventKind>> events;
    std::optional<std::string> selector;
    std::optional<bool> enabled;
};
struct NewWebhook {
    WebhookView webhook;
    std::string secret;  // `whsec_…`, shown this once
};

/// How an attempt ended, as it matters to the queue.
enum class AttemptOutcome {
    delivered,
    retry,    // at `due_at`
    failed,   // and it was to be tried once only
    used_up,  // the last of the schedule
    gone,     // the receiver says that it is no more (410)
};
struct Attempted {
    DueDelivery delivery;
    AttemptView attempt;
    AttemptOutcome outcome = AttemptOutcome::failed;
    WallTime due_at = 0;
};

/// Who sends. On the domain thread, which waits for each call. Owners: who made it and the domain.
class DeliverySink {
  public:
    virtual ~DeliverySink() = default;
    /// The endpoint is on, or off or gone. Said of each at first, and again when deliveries of it became due of which
    /// nothing else is said.
    virtual void endpoint(WebhookRow webhook, bool is_enabled) = 0;
    /// These are in the store and due.
    virtual void queued(const std::vector<DueDelivery>& deliveries) = 0;
};

/// Somebody who watches what becomes of an endpoint's deliveries. On the domain thread, which waits for each call.
/// Owners: who made it and the domain.
class DeliveryWatcher {
  public:
    virtual ~DeliveryWatcher() = default;
    /// Made or tried, and in the store.
    virtual void changed(const std::vector<DeliveryRow>& deliveries) = 0;
    /// The endpoint is gone; nothing more comes.
    virtual void end() = 0;
};

class WebhookCalls {
  public:
    virtual ~WebhookCalls() = default;

    // ── API ──
    /// Errors: bad_value (/selector), too_large (kMostWebhooks are there).
    virtual void create(WebhookRequest request, Reply<NewWebhook> reply) = 0;
    virtual void list(Reply<std::vector<WebhookView>> reply) = 0;
    /// Errors, of it and all that name one: not_found.
    virtual void get(WebhookId id, Reply<WebhookView> reply) = 0;
    /// Errors: bad_value (/selector).
    virtual void change(WebhookId id, WebhookChange change, Reply<WebhookView> reply) = 0;
    virtual void remove(WebhookId id, Reply<bool> reply) = 0;
    /// The secret before stays good for a day.
    virtual void rotate(WebhookId id, Reply<NewWebhook> reply) = 0;
    /// A test message, tried once. Errors: conflict (it is disabled).
    virtual void test(WebhookId id, Reply<DeliveryView> reply) = 0;
    virtual void deliveries(WebhookId id, DeliveryFilter filter, PageRequest page, Reply<Page<DeliveryView>> reply) = 0;
    virtual void delivery(DeliveryId id, Reply<DeliveryDetail> reply) = 0;
    /// One more attempt. Errors: conflict (its endpoint is disabled or gone, or it is still being tried).
    virtual void replay(DeliveryId id, Reply<DeliveryView> reply) = 0;
    /// How many are tried once more; those that are still being tried are not. Errors: conflict (it is disabled).
    virtual void replay_all(WebhookId id, DeliveryFilter filter, Reply<std::uint32_t> reply) = 0;

    virtual void totals(Reply<WebhookTotals> reply) = 0;

    // ── the live stream ──
    /// Until end() or unwatch(). What a replay_all() asks for is told as it is tried. Errors: not_found.
    virtual void watch(WebhookId id, std::shared_ptr<DeliveryWatcher> watcher, Reply<bool> reply) = 0;
    virtual void unwatch(std::shared_ptr<DeliveryWatcher> watcher) = 0;
    /// Of those that are there.
    virtual void delivery_views(std::vector<DeliveryRow> rows, Reply<std::vector<DeliveryView>> reply) = 0;

    // ── the sender ──
    virtual void serve(std::shared_ptr<DeliverySink> sink) = 0;
    virtual void due(WebhookRow webhook, std::uint32_t limit, Reply<DueDeliveries> reply) = 0;
    /// Errors: not_found (its endpoint or itself has gone, or is disabled).
    virtual void outgoing(DueDelivery delivery, Reply<Outgoing> reply) = 0;
    /// Replied to when it is in the store.
    virtual void record(Attempted attempted, Reply<bool> reply) = 0;
};

}  // namespace edge::broker
