// Rows of webhooks' SELECTs as records and views. Each column list stands beside the function that reads it.
#pragma once
#include <limits>
#include <string_view>

#include "broker/store/cursor.hpp"
#include "broker/store/sqlite.hpp"
#include "broker/store/webhook_reads.hpp"

namespace edge::broker::rows {

inline constexpr std::string_view kWebhook =
    "k, id, url, description, events, selector, enabled, disabled_reason, secret, old_secret, old_secret_until,"
    " created_at, failing_since, expires_at";
Result<WebhookRecord> webhook(sqlite::Statement& row);

/// A time that nothing is later than.
inline constexpr WallTime kNever = std::numeric_limits<std::int64_t>::max();

/// From `deliveries d`.
inline constexpr std::string_view kDue = "d.k, d.webhook, d.due_at, d.created_at, d.attempts, d.once, d.state";
DueDelivery due(sqlite::Statement& row);
Result<FoundDelivery> found_delivery(sqlite::Statement& row);

/// From `deliveries d JOIN messages m … JOIN webhooks w …`.
inline constexpr std::string_view kDelivery =
    "d.k, d.id, w.id, m.id, m.kind, m.subject, d.state, d.attempts, d.created_at, d.due_at, d.last_status,"
    " d.last_error";
Result<DeliveryView> delivery(sqlite::Statement& row);
/// By when it was made.
Place delivery_place(sqlite::Statement& row);

inline constexpr std::string_view kAttempt =
    "n, at, url, peer, request_headers, status, response_head, response_body, error, times";
Result<AttemptView> attempt(sqlite::Statement& row);

}  // namespace edge::broker::rows
