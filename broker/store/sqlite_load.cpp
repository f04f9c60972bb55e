#include "broker/store/row_text.hpp"
#include "broker/store/sqlite_rows.hpp"
#include "broker/store/sqlite_webhook_rows.hpp"
#include "broker/store/sqlite_writer.hpp"

namespace edge::broker {
namespace {

/// Every row of `sql`, through `read`.
template <class T, class Read>
Result<> load_all(sqlite::Connection& db, const std::string& sql, std::vector<T>& out, Read read) {
    EDGE_TRY(auto rows, db.prepare(sql));
    while (true) {
        EDGE_TRY(const bool more, rows.next());
        if (!more) return ok();
        EDGE_TRY(auto one, read(rows));
        out.push_back(std::move(one));
    }
}

Result<SpoolRecord> spool(sqlite::Statement& row) {
    return SpoolRecord{.row = SpoolRow{row.integer(0)},
                       .node = NodeRow{row.integer(1)},
                       .id = SpoolId{row.bytes<16>(2)},
                       .committed = row.natural(3),
                       .newest_rid = ResultId{row.bytes<16>(4)},
                       .recover_upto = row.natural(5),
                       .recover_more = row.natural(6)};
}

Result<GenerationRecord> newest_generation(sqlite::Connection& db) {
    EDGE_TRY(auto row, db.prepare("SELECT k, id, restored_at FROM generations ORDER BY k DESC LIMIT 1"));
    EDGE_TRY(const bool found, row.next());
    if (!found) return Error{Errc::io, {}, "the store has no generation"};
    return GenerationRecord{GenerationRow{row.integer(0)}, GenerationId{row.bytes<16>(1)}, row.maybe_natural(2)};
}

Result<JoinTokenRecord> join_token(sqlite::Statement& row) {
    JoinTokenRecord t;
    t.id = TokenId{row.bytes<16>(0)};
    t.hash = row.bytes<32>(1);
    if (!row.is_null(2)) {
        auto name = NodeName::parse(row.text(2));
        if (!name) return Error{Errc::io, {}, "a stored name is damaged"};
        t.terms.node = std::move(name.value());
    }
    t.terms.uses = row.natural32(3);
    EDGE_TRY(const auto cidrs, from_column<std::vector<std::string>>(row.text(4)));
    for (const auto& text : cidrs) {
        auto prefix = IpPrefix::parse(text);
        if (!prefix) return Error{Errc::io, {}, "a stored prefix is damaged"};
        t.terms.cidrs.push_back(prefix.value());
    }
    EDGE_TRY(t.terms.labels, from_column<Labels>(row.text(5)));
    t.terms.approve = row.integer(6) != 0;
    EDGE_TRY(t.terms.nodes, from_column<std::vector<NamedNode>>(row.text(7)));
    t.created_at = row.natural(8);
    t.expires_at = row.natural(9);
    t.used = row.natural32(10);
    t.used_at = row.maybe_natural(11);
    t.revoked_at = row.maybe_natural(12);
    return t;
}

Result<ApiTokenRecord> api_token(sqlite::Statement& row) {
    return ApiTokenRecord{.id = TokenId{row.bytes<16>(0)},
                          .lookup = std::string(row.text(1)),
                          .hash = row.bytes<32>(2),
                          .admin = row.integer(3) != 0,
                          .created_at = row.natural(4)};
}

Result<std::map<NodeRow, std::uint64_t>> last_events(sqlite::Connection& db) {
    std::map<NodeRow, std::uint64_t> all;
    EDGE_TRY(auto rows, db.prepare("SELECT node, max(n) FROM node_events GROUP BY node"));
    while (true) {
        EDGE_TRY(const bool more, rows.next());
        if (!more) return all;
        all[NodeRow{rows.integer(0)}] = rows.natural(1);
    }
}

Result<> load_planned(sqlite::Connection& db, Loaded& all) {
    EDGE_TRY(load_all(db,
                      "SELECT " + std::string(rows::kPlannedJob) +
                          " FROM jobs j WHERE j.series IS NOT NULL AND (j.state IN ('active', 'paused')"
                          " OR j.ended_at > (strftime('%s', 'now') - 8 * 86400) * 1000000) ORDER BY j.k",
                      all.planned, rows::planned_job));
    EDGE_TRY(auto ticks, db.prepare("SELECT tick FROM runs WHERE job = ?1 AND tick > ?2 ORDER BY tick"));
    for (const auto& job : all.planned) {
        ticks.start(job.row, std::max<WallTime>(job.made_until, 1));
        while (true) {
            EDGE_TRY(const bool more, ticks.next());
            if (!more) break;
            all.made_early[job.row].push_back(ticks.natural(0));
        }
    }
    return ok();
}

template <class Row>
Result<Row> next_key(sqlite::Connection& db, const std::string& table) {
    EDGE_TRY(auto row, db.prepare("SELECT coalesce(max(k), 0) + 1 FROM " + table));
    EDGE_TRY(const bool found, row.next());
    return Row{found ? row.integer(0) : 1};
}

}  // namespace

Result<Loaded> SqliteWriter::load() {
    Loaded all;
    EDGE_TRY(all.generation, newest_generation(db_));
    EDGE_TRY(load_all(db_, "SELECT " + std::string(rows::kNode) + " FROM nodes ORDER BY k", all.nodes, rows::node));
    EDGE_TRY(load_all(db_,
                      "SELECT k, node, id, committed, newest_rid, recover_upto, recover_more FROM spools ORDER BY k",
                      all.spools, spool));
    EDGE_TRY(load_all(db_,
                      "SELECT id, hash, node, uses, cidrs, labels, approve, nodes, created_at, expires_at, used,"
                      " used_at, revoked_at FROM join_tokens ORDER BY k",
                      all.join_tokens, join_token));
    EDGE_TRY(load_all(db_, "SELECT id, lookup, hash, admin, created_at FROM api_tokens ORDER BY k", all.api_tokens,
                      api_token));
    EDGE_TRY(load_all(db_,
                      "SELECT " + std::string(rows::kRunAndJob) +
                          " FROM runs r JOIN jobs j ON j.k = r.job WHERE r.state = 'running' ORDER BY r.k",
                      all.unfinished, rows::run_and_job));
    for (auto& run : all.unfinished) {
        const std::string where = std::to_string(static_cast<std::int64_t>(run.run.row));
        EDGE_TRY(load_all(db_,
                          "SELECT " + std::string(rows::kTask) + " FROM tasks WHERE run = " + where + " ORDER BY k",
                          run.tasks, rows::task));
    }
    EDGE_TRY(load_planned(db_, all));
    EDGE_TRY(all.last_events, last_events(db_));
    EDGE_TRY(load_all(db_,
                      "SELECT " + std::string(rows::kWebhook) + " FROM webhooks WHERE dropped_at IS NULL ORDER BY k",
                      all.webhooks, rows::webhook));
    EDGE_TRY(all.next_node, next_key<NodeRow>(db_, "nodes"));
    EDGE_TRY(all.next_spool, next_key<SpoolRow>(db_, "spools"));
    EDGE_TRY(all.next_job, next_key<JobRow>(db_, "jobs"));
    EDGE_TRY(all.next_run, next_key<RunRow>(db_, "runs"));
    EDGE_TRY(all.next_task, next_key<TaskRow>(db_, "tasks"));
    EDGE_TRY(all.next_result, next_key<ResultRow>(db_, "results"));
    EDGE_TRY(all.next_webhook, next_key<WebhookRow>(db_, "webhooks"));
    EDGE_TRY(all.next_message, next_key<MessageRow>(db_, "messages"));
    EDGE_TRY(all.next_delivery, next_key<DeliveryRow>(db_, "deliveries"));
    return all;
}

}  // namespace edge::broker
