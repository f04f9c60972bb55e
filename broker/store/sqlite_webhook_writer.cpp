#include "broker/store/sqlite_webhook_writer.hpp"

#include "broker/store/row_text.hpp"
#include "broker/store/sqlite_webhook_rows.hpp"

namespace edge::broker {
Result<> SqliteWebhookWriter::prepare(sqlite::Connection& db) {
    const auto make = [&db](sqlite::Statement& statement, std::string_view sql) -> Result<> {
        EDGE_TRY(statement, db.prepare(sql));
        return ok();
    };
    EDGE_TRY(make(put_webhook_,
                  "INSERT INTO webhooks (k, id, url, description, events, selector, enabled, disabled_reason, secret,"
                  " old_secret, old_secret_until, created_at, failing_since, expires_at)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                  " ON CONFLICT (k) DO UPDATE SET url = ?3, description = ?4, events = ?5, selector = ?6, enabled = ?7,"
                  " disabled_reason = ?8, secret = ?9, old_secret = ?10, old_secret_until = ?11, failing_since = ?13,"
                  " expires_at = ?14 WHERE dropped_at IS NULL"));
    EDGE_TRY(make(drop_webhook_,
                  "UPDATE webhooks SET dropped_at = ?2, url = '', secret = x'', old_secret = NULL WHERE k = ?1"));
    EDGE_TRY(
        make(add_message_, "INSERT INTO messages (k, id, kind, at, subject, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    // Two for one: however many there are, they go faster than others come.
    EDGE_TRY(make(drop_messages_,
                  "DELETE FROM messages WHERE k IN (SELECT k FROM messages ORDER BY k LIMIT 2) AND at < ?1"));
    EDGE_TRY(make(add_delivery_,
                  "INSERT INTO deliveries (k, id, message, webhook, state, once, created_at, due_at)"
                  " VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7)"));
    EDGE_TRY(make(add_attempt_,
                  "INSERT OR REPLACE INTO attempts (delivery, n, at, url, peer, request_headers, status, response_head,"
                  " response_body, error, times) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
                  " WHERE EXISTS (SELECT 1 FROM deliveries WHERE k = ?1)"));
    EDGE_TRY(make(set_delivery_,
                  "UPDATE deliveries SET state = ?2, due_at = ?3, attempts = ?4, last_status = ?5, last_error = ?6"
                  " WHERE k = ?1"));
    EDGE_TRY(make(
        replay_, "UPDATE deliveries SET state = 'pending', once = 1, due_at = ?2 WHERE k = ?1 AND state <> 'pending'"));
    const std::string replay =
        "UPDATE deliveries SET state = 'pending', once = 1, due_at = ?5 WHERE k IN (SELECT k FROM deliveries"
        " WHERE webhook = ?1 ";
    const std::string oldest = "AND created_at >= ?3 AND created_at < ?4 ORDER BY created_at, k LIMIT ?6)";
    EDGE_TRY(make(replay_all_, replay + "AND state <> 'pending' AND ?2 = '' " + oldest));
    EDGE_TRY(make(replay_in_state_, replay + "AND state <> 'pending' AND state = ?2 " + oldest));
    return ok();
}

Result<> SqliteWebhookWriter::write(const PutWebhook& change) {
    const auto& w = change.webhook;
    return put_webhook_.run(w.row, w.view.id, w.view.url, w.view.description, to_column(w.view.events), w.view.selector,
                            w.view.enabled, w.view.disabled_reason, w.secret, w.old_secret, w.view.old_secret_until,
                            w.view.created_at, w.view.failing_since, w.view.expires_at);
}

Result<> SqliteWebhookWriter::write(const DropWebhook& change) {
    return drop_webhook_.run(change.webhook, change.at);
}

Result<> SqliteWebhookWriter::write(const AddMessage& change) {
    EDGE_TRY(add_message_.run(change.row, change.id, enum_text(change.kind), change.at, change.subject, change.body));
    if (change.at <= kMessagesKept) return ok();
    return drop_messages_.run(change.at - kMessagesKept);
}

Result<> SqliteWebhookWriter::write(const AddDelivery& change) {
    const auto& d = change.due;
    return add_delivery_.run(d.row, change.id, change.message, d.webhook, d.once, d.created_at, d.due_at);
}

Result<> SqliteWebhookWriter::write(const AddAttempt& change) {
    const auto& a = change.attempt;
    EDGE_TRY(add_attempt_.run(change.delivery, a.n, a.at, a.url, a.peer, to_column(a.request_headers), a.status,
                              as_bytes(a.response_head), as_bytes(a.response_body), a.error, to_column(a.times)));
    return set_delivery_.run(change.delivery, enum_text(change.state), change.due_at, a.n, a.status, a.error);
}

Result<> SqliteWebhookWriter::write(const ReplayDelivery& change) {
    return replay_.run(change.due.row, change.due.due_at);
}

Result<> SqliteWebhookWriter::write(const ReplayDeliveries& change) {
    const auto& f = change.filter;
    sqlite::Statement& statement = f.state ? replay_in_state_ : replay_all_;
    return statement.run(change.webhook, f.state ? enum_text(*f.state) : std::string_view(), f.since,
                         f.until.value_or(rows::kNever), change.due_at, kMostReplayed);
}

}  // namespace edge::broker
