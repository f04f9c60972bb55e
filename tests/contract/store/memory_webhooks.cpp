#include "tests/contract/store/memory_webhooks.hpp"

#include <algorithm>

#include "broker/store/cursor.hpp"

namespace edge::broker {
namespace {

Error broken_link(const std::string& what) {
    return Error{Errc::io, {}, "constraint: " + what};
}

template <class Map>
auto row_after(const Map& rows) {
    using Row = typename Map::key_type;
    return Row{rows.empty() ? 1 : static_cast<std::int64_t>(rows.rbegin()->first) + 1};
}

bool takes(const DeliveryFilter& filter, DeliveryState state, WallTime created_at) {
    return (!filter.state || *filter.state == state) && created_at >= filter.since &&
           (!filter.until || created_at < *filter.until);
}

}  // namespace

Result<> MemoryWebhooks::put(const PutWebhook& change) {
    if (!dropped_.contains(change.webhook.row)) webhooks_[change.webhook.row] = change.webhook;
    return ok();
}

Result<> MemoryWebhooks::put(const DropWebhook& change) {
    const auto at = webhooks_.find(change.webhook);
    if (at == webhooks_.end()) return ok();
    at->second.secret = {};
    at->second.old_secret.reset();
    dropped_.insert(change.webhook);
    return ok();
}

Result<> MemoryWebhooks::put(const AddMessage& change) {
    if (!messages_.emplace(change.row, change).second) return broken_link("messages.k");
    for (int i = 0; i < 2 && change.at > kMessagesKept; ++i) {
        const auto oldest = messages_.begin();
        if (oldest->second.at >= change.at - kMessagesKept) break;
        std::erase_if(deliveries_, [&](const auto& one) { return one.second.made.message == oldest->first; });
        messages_.erase(oldest);
    }
    return ok();
}

Result<> MemoryWebhooks::put(const AddDelivery& change) {
    if (!messages_.contains(change.message) || !webhooks_.contains(change.due.webhook))
        return broken_link("deliveries");
    if (!deliveries_.emplace(change.due.row, Delivery{change, DeliveryState::pending, 0, {}, {}}).second)
        return broken_link("deliveries.k");
    return ok();
}

Result<> MemoryWebhooks::put(const AddAttempt& change) {
    const auto at = deliveries_.find(change.delivery);
    if (at == deliveries_.end()) return ok();
    Delivery& delivery = at->second;
    delivery.state = change.state;
    delivery.made.due.due_at = change.due_at;
    delivery.made.due.attempts = change.attempt.n;
    delivery.last_status = change.attempt.status;
    delivery.last_error = change.attempt.error;
    delivery.attempts[change.attempt.n] = change.attempt;
    return ok();
}

Result<> MemoryWebhooks::put(const ReplayDelivery& change) {
    const auto at = deliveries_.find(change.due.row);
    if (at == deliveries_.end() || at->second.state == DeliveryState::pending) return ok();
    at->second.state = DeliveryState::pending;
    at->second.made.due.once = true;
    at->second.made.due.due_at = change.due.due_at;
    return ok();
}

Result<> MemoryWebhooks::put(const ReplayDeliveries& change) {
    for (const DeliveryRow row : replayable(change.webhook, change.filter)) {
        Delivery& delivery = deliveries_.at(row);
        delivery.state = DeliveryState::pending;
        delivery.made.due.once = true;
        delivery.made.due.due_at = change.due_at;
    }
    return ok();
}

std::vector<WebhookRecord> MemoryWebhooks::loaded() const {
    std::vector<WebhookRecord> all;
    for (const auto& [row, webhook] : webhooks_) {
        if (!dropped_.contains(row)) all.push_back(webhook);
    }
    return all;
}

WebhookRow MemoryWebhooks::next_webhook() const {
    return row_after(webhooks_);
}
MessageRow MemoryWebhooks::next_message() const {
    return row_after(messages_);
}
DeliveryRow MemoryWebhooks::next_delivery() const {
    return row_after(deliveries_);
}

DueDeliveries MemoryWebhooks::due(WebhookRow webhook, std::uint32_t limit) const {
    DueDeliveries found;
    for (const auto& [row, delivery] : deliveries_) {
        if (delivery.made.due.webhook == webhook && delivery.state == DeliveryState::pending)
            found.items.push_back(delivery.made.due);
    }
    std::ranges::stable_sort(found.items, {}, &DueDelivery::due_at);
    found.more = found.items.size() > limit;
    if (found.more) found.items.resize(limit);
    return found;
}

std::optional<Outgoing> MemoryWebhooks::outgoing(DeliveryRow row) const {
    const auto at = deliveries_.find(row);
    if (at == deliveries_.end() || at->second.state != DeliveryState::pending) return std::nullopt;
    const AddMessage& message = messages_.at(at->second.made.message);
    return Outgoing{.message = message.id, .url = {}, .secrets = {}, .body = message.body};
}

DeliveryView MemoryWebhooks::view(const Delivery& delivery) const {
    const AddMessage& message = messages_.at(delivery.made.message);
    const DueDelivery& due = delivery.made.due;
    DeliveryView view{.id = delivery.made.id,
                      .webhook = webhooks_.at(due.webhook).view.id,
                      .message = message.id,
                      .kind = message.kind,
                      .subject = message.subject,
                      .state = delivery.state,
                      .attempts = due.attempts,
                      .created_at = due.created_at,
                      .next_attempt_at = {},
                      .last_status = delivery.last_status,
                      .last_error = delivery.last_error};
    if (delivery.state == DeliveryState::pending) view.next_attempt_at = due.due_at;
    return view;
}

Result<Page<DeliveryView>> MemoryWebhooks::deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                                      const PageRequest& request) const {
    EDGE_TRY(const auto before, parse_place('d', request.cursor, Place{UINT64_MAX, 0}));
    std::map<Place, const Delivery*> wanted;
    for (const auto& [row, delivery] : deliveries_) {
        const DueDelivery& due = delivery.made.due;
        const Place place{due.created_at, static_cast<std::int64_t>(row)};
        if (place < before && due.webhook == webhook && takes(filter, delivery.state, due.created_at))
            wanted.emplace(place, &delivery);
    }
    Page<DeliveryView> page;
    Place last;
    for (auto at = wanted.rbegin(); at != wanted.rend(); ++at) {
        if (page.items.size() == request.limit) {
            page.next_cursor = make_cursor('d', last);
            break;
        }
        page.items.push_back(view(*at->second));
        last = at->first;
    }
    return page;
}

std::vector<DeliveryView> MemoryWebhooks::delivery_views(const std::vector<DeliveryRow>& rows) const {
    std::vector<DeliveryView> found;
    for (const DeliveryRow row : rows) {
        if (const auto at = deliveries_.find(row); at != deliveries_.end()) found.push_back(view(at->second));
    }
    return found;
}

std::optional<DeliveryDetail> MemoryWebhooks::delivery(DeliveryId id) const {
    for (const auto& [row, delivery] : deliveries_) {
        if (delivery.made.id != id) continue;
        DeliveryDetail detail{view(delivery), messages_.at(delivery.made.message).body, {}};
        for (const auto& [n, attempt] : delivery.attempts) detail.attempts.push_back(attempt);
        return detail;
    }
    return std::nullopt;
}

std::uint64_t MemoryWebhooks::pending_deliveries() const {
    std::uint64_t count = 0;
    for (const auto& [row, delivery] : deliveries_)
        count += delivery.state == DeliveryState::pending && !dropped_.contains(delivery.made.due.webhook) ? 1 : 0;
    return std::min(count, kMostPendingCounted);
}

std::optional<FoundDelivery> MemoryWebhooks::find_delivery(DeliveryId id) const {
    for (const auto& [row, delivery] : deliveries_) {
        if (delivery.made.id == id) return FoundDelivery{delivery.made.due, delivery.state};
    }
    return std::nullopt;
}

std::vector<DeliveryRow> MemoryWebhooks::replayable(WebhookRow webhook, const DeliveryFilter& filter) const {
    std::vector<DeliveryRow> rows;
    for (const auto& [row, delivery] : deliveries_) {
        const DueDelivery& due = delivery.made.due;
        if (due.webhook == webhook && delivery.state != DeliveryState::pending &&
            takes(filter, delivery.state, due.created_at))
            rows.push_back(row);
    }
    std::ranges::stable_sort(rows, {}, [this](DeliveryRow row) { return deliveries_.at(row).made.due.created_at; });
    if (rows.size() > kMostReplayed) rows.resize(kMostReplayed);
    return rows;
}

}  // namespace edge::broker
