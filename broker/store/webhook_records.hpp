// Rows of webhooks as values, and their changes. A message is what is told, a delivery its way to one endpoint.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/webhook_views.hpp"

namespace edge::broker {

using WebhookSecret = std::array<std::uint8_t, 32>;

struct WebhookRecord {
    WebhookRow row{};
    WebhookView view;
    WebhookSecret secret{};
    std::optional<WebhookSecret> old_secret;
};

/// A message and all of its deliveries go this long after it was made. Units: microseconds.
inline constexpr WallTime kMessagesKept = WallTime{14} * 24 * 3'600 * 1'000'000;
/// Deliveries that one ReplayDeliveries takes at most.
inline constexpr std::uint32_t kMostReplayed = 10'000;
/// Pending deliveries are counted up to this many: counting more takes the reads' time.
inline constexpr std::uint64_t kMostPendingCounted = 100'000;

struct PutWebhook {  // inserts or replaces; of one that was dropped: nothing
    WebhookRecord webhook;
};
/// It is not loaded any more and its secrets are gone; its deliveries go with their messages.
struct DropWebhook {
    WebhookRow webhook{};
    WallTime at = 0;
};
struct AddMessage {
    MessageRow row{};
    MessageId id;
    EventKind kind = EventKind::test;
    WallTime at = 0;
    std::string subject;
    std::string body;
};
struct AddDelivery {
    DeliveryId id;
    MessageRow message{};
    DueDelivery due;
};
/// Of a delivery that has gone meanwhile: nothing.
struct AddAttempt {
    DeliveryRow delivery{};
    AttemptView attempt;
    DeliveryState state = DeliveryState::pending;  // from now on
    WallTime due_at = 0;
};
/// One more attempt, now; of one that is pending: nothing.
struct ReplayDelivery {
    DueDelivery due;
};
/// The oldest kMostReplayed of an endpoint's deliveries that are not pending and that the filter takes.
struct ReplayDeliveries {
    WebhookRow webhook{};
    DeliveryFilter filter;
    WallTime due_at = 0;
};

}  // namespace edge::broker
