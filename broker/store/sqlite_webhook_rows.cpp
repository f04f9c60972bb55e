#include "broker/store/sqlite_webhook_rows.hpp"

#include "broker/store/row_text.hpp"

namespace edge::broker::rows {

Result<WebhookRecord> webhook(sqlite::Statement& row) {
    WebhookRecord w;
    w.row = WebhookRow{row.integer(0)};
    w.view.id = WebhookId{row.bytes<16>(1)};
    w.view.url = row.text(2);
    w.view.description = row.text(3);
    EDGE_TRY(w.view.events, from_column<std::vector<EventKind>>(row.text(4)));
    w.view.selector = row.text(5);
    w.view.enabled = row.integer(6) != 0;
    w.view.disabled_reason = row.text(7);
    w.secret = row.bytes<32>(8);
    if (!row.is_null(9)) w.old_secret = row.bytes<32>(9);
    w.view.old_secret_until = row.maybe_natural(10);
    w.view.created_at = row.natural(11);
    w.view.failing_since = row.maybe_natural(12);
    w.view.expires_at = row.maybe_natural(13);
    return w;
}

DueDelivery due(sqlite::Statement& row) {
    return DueDelivery{.row = DeliveryRow{row.integer(0)},
                       .webhook = WebhookRow{row.integer(1)},
                       .due_at = row.natural(2),
                       .created_at = row.natural(3),
                       .attempts = row.natural32(4),
                       .once = row.integer(5) != 0};
}

Result<FoundDelivery> found_delivery(sqlite::Statement& row) {
    FoundDelivery found{.due = due(row)};
    EDGE_TRY(found.state, enum_column<DeliveryState>(row.text(6)));
    return found;
}

Result<DeliveryView> delivery(sqlite::Statement& row) {
    DeliveryView d;
    d.id = DeliveryId{row.bytes<16>(1)};
    d.webhook = WebhookId{row.bytes<16>(2)};
    d.message = MessageId{row.bytes<16>(3)};
    EDGE_TRY(d.kind, enum_column<EventKind>(row.text(4)));
    d.subject = row.text(5);
    EDGE_TRY(d.state, enum_column<DeliveryState>(row.text(6)));
    d.attempts = row.natural32(7);
    d.created_at = row.natural(8);
    if (d.state == DeliveryState::pending) d.next_attempt_at = row.natural(9);
    d.last_status = row.natural32(10);
    d.last_error = row.text(11);
    return d;
}

Place delivery_place(sqlite::Statement& row) {
    return {row.natural(8), row.integer(0)};
}

Result<AttemptView> attempt(sqlite::Statement& row) {
    AttemptView a;
    a.n = row.natural32(0);
    a.at = row.natural(1);
    a.url = row.text(2);
    a.peer = row.text(3);
    EDGE_TRY(a.request_headers, from_column<std::vector<HeaderField>>(row.text(4)));
    a.status = row.natural32(5);
    a.response_head = row.text(6);
    a.response_body = row.text(7);
    a.error = row.text(8);
    EDGE_TRY(a.times, from_column<AttemptTimes>(row.text(9)));
    return a;
}

}  // namespace edge::broker::rows
