#include "broker/store/sqlite_webhook_reader.hpp"

#include <algorithm>

#include "broker/store/row_text.hpp"
#include "broker/store/sqlite_page.hpp"
#include "broker/store/sqlite_webhook_rows.hpp"

namespace edge::broker {
Result<> SqliteWebhookReader::prepare(sqlite::Connection& db) {
    const auto make = [&db](sqlite::Statement& statement, const std::string& sql) -> Result<> {
        EDGE_TRY(statement, db.prepare(sql));
        return ok();
    };
    EDGE_TRY(make(begin_, "BEGIN"));
    EDGE_TRY(make(commit_, "COMMIT"));
    const std::string dues = "SELECT " + std::string(rows::kDue) + " FROM deliveries d ";
    const std::string views =
        "SELECT " + std::string(rows::kDelivery) +
        " FROM deliveries d JOIN messages m ON m.k = d.message JOIN webhooks w ON w.k = d.webhook ";
    EDGE_TRY(make(due_, dues + "WHERE d.webhook = ?1 AND d.state = 'pending' ORDER BY d.due_at, d.k LIMIT ?2"));
    EDGE_TRY(make(find_, dues + "WHERE d.id = ?1"));
    EDGE_TRY(make(outgoing_,
                  "SELECT m.id, m.body FROM deliveries d JOIN messages m ON m.k = d.message"
                  " WHERE d.k = ?1 AND d.state = 'pending'"));
    const std::string page =
        "AND d.created_at >= ?3 AND (d.created_at, d.k) < (?4, ?5) ORDER BY d.created_at DESC, d.k DESC LIMIT ?6";
    EDGE_TRY(make(deliveries_, views + "WHERE d.webhook = ?1 AND ?2 = '' " + page));
    EDGE_TRY(make(in_state_, views + "WHERE d.webhook = ?1 AND d.state = ?2 " + page));
    EDGE_TRY(make(view_, views + "WHERE d.k = ?1"));
    EDGE_TRY(make(delivery_, views + "WHERE d.id = ?1"));
    EDGE_TRY(make(body_, "SELECT m.body FROM deliveries d JOIN messages m ON m.k = d.message WHERE d.id = ?1"));
    EDGE_TRY(
        make(attempts_, "SELECT " + std::string(rows::kAttempt) +
                            " FROM attempts WHERE delivery = (SELECT k FROM deliveries WHERE id = ?1) ORDER BY n"));
    EDGE_TRY(make(pending_,
                  "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'pending'"
                  " AND webhook IN (SELECT k FROM webhooks WHERE dropped_at IS NULL) LIMIT ?1)"));
    const std::string count = "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE webhook = ?1 ";
    const std::string made = "AND created_at >= ?3 AND created_at < ?4 LIMIT ?5)";
    EDGE_TRY(make(replayable_, count + "AND state <> 'pending' AND ?2 = '' " + made));
    EDGE_TRY(make(replayable_in_state_, count + "AND state <> 'pending' AND state = ?2 " + made));
    return ok();
}

Result<DueDeliveries> SqliteWebhookReader::due(WebhookRow webhook, std::uint32_t limit) {
    due_.start(webhook, limit + 1);
    DueDeliveries found;
    while (true) {
        EDGE_TRY(const bool more, due_.next());
        if (!more) return found;
        if (found.items.size() == limit) {
            due_.stop();
            found.more = true;
            return found;
        }
        found.items.push_back(rows::due(due_));
    }
}

Result<std::optional<Outgoing>> SqliteWebhookReader::outgoing(DeliveryRow delivery) {
    outgoing_.start(delivery);
    return first_row<Outgoing>(outgoing_, [](sqlite::Statement& row) -> Result<Outgoing> {
        Outgoing one;
        one.message = MessageId{row.bytes<16>(0)};
        one.body = row.text(1);
        return one;
    });
}

Result<Page<DeliveryView>> SqliteWebhookReader::deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                                           const PageRequest& page) {
    // What was made at `until` is behind the place whose key is below all.
    Place before{filter.until.value_or(rows::kNever), 0};
    EDGE_TRY(const auto after, parse_place('d', page.cursor, before));
    before = std::min(before, after);
    const std::string_view state = filter.state ? enum_text(*filter.state) : std::string_view();
    sqlite::Statement& statement = filter.state ? in_state_ : deliveries_;
    statement.start(webhook, state, filter.since, before.time, before.key, page.limit + 1);
    return read_page<DeliveryView>(statement, page.limit, 'd', rows::delivery, of_no_weight, rows::delivery_place);
}

Result<std::vector<DeliveryView>> SqliteWebhookReader::delivery_views(const std::vector<DeliveryRow>& rows) {
    std::vector<DeliveryView> found;
    for (const DeliveryRow row : rows) {
        view_.start(row);
        EDGE_TRY(auto view, first_row<DeliveryView>(view_, rows::delivery));
        if (view) found.push_back(std::move(*view));
    }
    return found;
}

Result<std::optional<DeliveryDetail>> SqliteWebhookReader::delivery(DeliveryId id) {
    EDGE_TRY(begin_.run());  // an attempt that is written meanwhile is in none of its parts
    auto detail = read_delivery(id);
    EDGE_TRY(commit_.run());
    return detail;
}

Result<std::optional<DeliveryDetail>> SqliteWebhookReader::read_delivery(DeliveryId id) {
    delivery_.start(id);
    EDGE_TRY(auto view, first_row<DeliveryView>(delivery_, rows::delivery));
    if (!view) return std::optional<DeliveryDetail>();
    DeliveryDetail detail{.delivery = std::move(*view), .body = {}, .attempts = {}};
    body_.start(id);
    EDGE_TRY(auto body, first_row<std::string>(body_, [](sqlite::Statement& row) -> Result<std::string> {
                 return std::string(row.text(0));
             }));
    if (body) detail.body = std::move(*body);
    attempts_.start(id);
    while (true) {
        EDGE_TRY(const bool more, attempts_.next());
        if (!more) return std::optional(std::move(detail));
        EDGE_TRY(auto attempt, rows::attempt(attempts_));
        detail.attempts.push_back(std::move(attempt));
    }
}

Result<std::uint64_t> SqliteWebhookReader::pending_deliveries() {
    pending_.start(kMostPendingCounted);
    EDGE_TRY(const auto count, first_row<std::uint64_t>(pending_, [](sqlite::Statement& row) -> Result<std::uint64_t> {
                 return row.natural(0);
             }));
    return count.value_or(0);
}

Result<std::optional<FoundDelivery>> SqliteWebhookReader::find_delivery(DeliveryId id) {
    find_.start(id);
    return first_row<FoundDelivery>(find_, rows::found_delivery);
}

Result<std::uint32_t> SqliteWebhookReader::replayable(WebhookRow webhook, const DeliveryFilter& filter) {
    const std::string_view state = filter.state ? enum_text(*filter.state) : std::string_view();
    sqlite::Statement& statement = filter.state ? replayable_in_state_ : replayable_;
    statement.start(webhook, state, filter.since, filter.until.value_or(rows::kNever), kMostReplayed);
    EDGE_TRY(const auto count, first_row<std::uint32_t>(statement, [](sqlite::Statement& row) -> Result<std::uint32_t> {
                 return row.natural32(0);
             }));
    return count.value_or(0);
}

}  // namespace edge::broker
