#include "broker/store/sqlite_retention.hpp"

#include <algorithm>

namespace edge::broker {

Result<> SqliteRetention::prepare(sqlite::Connection& db) {
    db_ = db.handle();
    const auto make = [&db](sqlite::Statement& statement, const char* sql) -> Result<> {
        EDGE_TRY(statement, db.prepare(sql));
        return ok();
    };
    EDGE_TRY(make(oldest_,
                  "SELECT k, job, finished_at FROM runs WHERE (failed + timed_out + expired + lost > 0) = ?1"
                  " AND finished_at IS NOT NULL AND finished_at < ?2 ORDER BY finished_at LIMIT 1"));
    EDGE_TRY(make(details_,
                  "DELETE FROM result_details WHERE result IN"
                  " (SELECT k FROM results WHERE run = ?1 ORDER BY k LIMIT ?2)"));
    EDGE_TRY(
        make(results_, "DELETE FROM results WHERE k IN (SELECT k FROM results WHERE run = ?1 ORDER BY k LIMIT ?2)"));
    EDGE_TRY(make(tasks_, "DELETE FROM tasks WHERE k IN (SELECT k FROM tasks WHERE run = ?1 ORDER BY k LIMIT ?2)"));
    EDGE_TRY(make(keys_of_run_, "DELETE FROM idempotency_keys WHERE run = ?1"));
    EDGE_TRY(make(run_, "DELETE FROM runs WHERE k = ?1"));
    // The newest revision of a recurring job is the job.
    EDGE_TRY(make(job_,
                  "DELETE FROM jobs WHERE k = ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE job = ?1)"
                  " AND (state = 'once' OR (state = 'replaced' AND ended_at < ?2))"));
    return make(keys_,
                "DELETE FROM idempotency_keys WHERE (project, key) IN"
                " (SELECT project, key FROM idempotency_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)");
}

/// How many rows it took away.
template <class... Args>
Result<std::uint64_t> SqliteRetention::remove(sqlite::Statement& statement, const Args&... args) {
    EDGE_TRY(statement.run(args...));
    return static_cast<std::uint64_t>(sqlite3_changes(db_));
}

Result<std::optional<SqliteRetention::OldRun>> SqliteRetention::oldest_of(bool failed, WallTime before) {
    if (before == 0) return std::optional<OldRun>();
    oldest_.start(failed, before);
    EDGE_TRY(const bool found, oldest_.next());
    if (!found) return std::optional<OldRun>();
    const OldRun run{RunRow{oldest_.integer(0)}, JobRow{oldest_.integer(1)}, before - oldest_.natural(2)};
    oldest_.stop();
    return std::optional(run);
}

/// The one that may have gone for the longest time.
Result<std::optional<SqliteRetention::OldRun>> SqliteRetention::oldest(const ForgetBefore& before) {
    EDGE_TRY(const auto clean, oldest_of(false, before.runs));
    EDGE_TRY(const auto failed, oldest_of(true, before.failed));
    if (!clean || !failed) return clean ? clean : failed;
    return clean->overdue_us >= failed->overdue_us ? clean : failed;
}

Result<bool> SqliteRetention::forget_run(const OldRun& run, WallTime revisions, std::uint64_t& left, Forgotten& gone) {
    const auto count = [&](std::uint64_t rows) {
        gone.rows += rows;
        left -= std::min(left, rows);
    };
    // Half of what is left, because each result may have its detail; what refers to others goes before them.
    const std::uint64_t some = std::max<std::uint64_t>(left / 2, 1);
    EDGE_TRY(const auto details, remove(details_, run.row, some));
    EDGE_TRY(const auto results, remove(results_, run.row, some));
    count(details + results);
    gone.results += results;
    if (results == some || left == 0) return false;
    const std::uint64_t most = left;
    EDGE_TRY(const auto tasks, remove(tasks_, run.row, most));
    count(tasks);
    if (tasks == most) return false;
    EDGE_TRY(const auto keys, remove(keys_of_run_, run.row));
    EDGE_TRY(const auto runs, remove(run_, run.row));
    EDGE_TRY(const auto jobs, remove(job_, run.job, revisions));
    count(keys + runs + jobs);
    gone.runs += runs;
    return true;
}

Result<Forgotten> SqliteRetention::forget(const ForgetBefore& before, std::uint32_t most_rows) {
    Forgotten gone;
    EDGE_TRY(gone.rows, remove(keys_, before.keys, most_rows));
    std::uint64_t left = most_rows - std::min<std::uint64_t>(most_rows, gone.rows);
    while (true) {
        EDGE_TRY(const auto run, oldest(before));
        gone.overdue_us.reset();
        if (!run) return gone;
        gone.overdue_us = run->overdue_us;
        if (left == 0) return gone;
        EDGE_TRY(const bool whole, forget_run(*run, before.revisions, left, gone));
        if (!whole) return gone;
    }
}

}  // namespace edge::broker
