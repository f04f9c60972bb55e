#include "broker/store/sqlite_reader.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "broker/store/cursor.hpp"
#include "broker/store/row_text.hpp"
#include "broker/store/sqlite_page.hpp"
#include "broker/store/sqlite_rows.hpp"

namespace edge::broker {
namespace {

constexpr std::int64_t kNewest = std::numeric_limits<std::int64_t>::max();

Result<RunView> run_view(sqlite::Statement& row) {
    EDGE_TRY(const auto loaded, rows::run_and_job(row));
    return rows::view_of(loaded.run, loaded.job);
}

/// Empty: any.
template <class E>
std::string_view text_of(const std::optional<E>& value) {
    return value ? enum_text(*value) : std::string_view();
}

}  // namespace

sqlite::Statement& SqliteReader::ByOrigin::of(const JobFilter& filter) {
    if (filter.origin == JobOrigin::prometheus) return scraped;
    return filter.origin || filter.without == JobOrigin::prometheus ? unscraped : any;
}

Result<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::string& path) {
    EDGE_TRY(auto db, sqlite::Connection::open(path, sqlite::Connection::Mode::read_only));
    // SQLite before 3.51.3 can lose a reset log when two connections checkpoint: only the writer's may.
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    EDGE_TRY(
        db.execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;"
                   "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024; PRAGMA mmap_size = 0"));
    std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(db)));
    EDGE_TRY(reader->prepare());
    return reader;
}

Result<> SqliteReader::prepare() {
    const auto make = [this](sqlite::Statement& statement, const std::string& sql) -> Result<> {
        EDGE_TRY(statement, db_.prepare(sql));
        return ok();
    };
    const std::string runs = "SELECT " + std::string(rows::kRunAndJob) + " FROM runs r JOIN jobs j ON j.k = r.job ";
    const std::string jobs = "SELECT " + std::string(rows::kJobView) + " FROM jobs j ";
    const std::string results = "SELECT " + std::string(rows::kResultView) +
                                " FROM results x JOIN tasks t ON t.k = x.task JOIN nodes n ON n.k = t.node"
                                " LEFT JOIN result_details d ON d.result = x.k ";
    EDGE_TRY(make(s_.begin, "BEGIN"));
    EDGE_TRY(make(s_.commit, "COMMIT"));
    EDGE_TRY(make(s_.run, runs + "WHERE r.id = ?1"));
    EDGE_TRY(make(s_.run_by_key, runs + "WHERE r.k = ?1"));
    const std::string of_job =
        " AND (?3 = '' OR j.service = ?3) AND substr(j.target, 1, length(?4)) = ?4 AND (?5 = '' OR j.origin = ?5)"
        " AND (?6 = '' OR j.origin <> ?6) ";
    const std::string wanted_runs = of_job + "AND (?7 = '' OR r.state = ?7) ORDER BY r.k DESC LIMIT ?2";
    const std::string wanted_jobs = of_job +
                                    "AND j.state <> 'replaced' AND (?7 = '' OR j.state = ?7)"
                                    " AND instr(?8, ',' || j.state || ',') = 0 ORDER BY j.k DESC LIMIT ?2";
    EDGE_TRY(make(s_.runs.any, runs + "WHERE r.k < ?1" + wanted_runs));
    EDGE_TRY(make(s_.runs.scraped, runs + "WHERE r.origin = 'prometheus' AND r.k < ?1" + wanted_runs));
    EDGE_TRY(make(s_.runs.unscraped, runs + "WHERE r.origin <> 'prometheus' AND r.k < ?1" + wanted_runs));
    EDGE_TRY(
        make(s_.runs_of_job,
             runs + "WHERE r.job IN (SELECT k FROM jobs WHERE id = ?8 OR series = ?8) AND r.k < ?1" + wanted_runs));
    EDGE_TRY(make(s_.job, jobs + "WHERE j.k = coalesce((SELECT k FROM jobs WHERE series = ?1 ORDER BY revision DESC"
                                 " LIMIT 1), (SELECT k FROM jobs WHERE id = ?1))"));
    EDGE_TRY(make(s_.jobs.any, jobs + "WHERE j.k < ?1" + wanted_jobs));
    EDGE_TRY(make(s_.jobs.scraped, jobs + "WHERE j.origin = 'prometheus' AND j.k < ?1" + wanted_jobs));
    EDGE_TRY(make(s_.jobs.unscraped, jobs + "WHERE j.origin <> 'prometheus' AND j.k < ?1" + wanted_jobs));
    EDGE_TRY(make(s_.recurring,
                  jobs + "WHERE j.k IN (SELECT k FROM jobs WHERE series IS NOT NULL) AND j.k < ?1" + wanted_jobs));
    EDGE_TRY(make(s_.find_job_key, "SELECT fingerprint, job, created_at FROM job_keys WHERE project = 1 AND key = ?1"));
    EDGE_TRY(
        make(s_.tasks, "SELECT " + std::string(rows::kTaskView) +
                           " FROM tasks t JOIN nodes n ON n.k = t.node"
                           " WHERE t.run = (SELECT k FROM runs WHERE id = ?1) AND t.k > ?2 ORDER BY t.k LIMIT ?3"));
    EDGE_TRY(make(s_.results,
                  results + "WHERE x.run = (SELECT k FROM runs WHERE id = ?1) AND x.k > ?2 ORDER BY x.k LIMIT ?3"));
    EDGE_TRY(make(s_.result, results + "WHERE x.rid = ?1 ORDER BY x.k LIMIT 1"));
    EDGE_TRY(make(s_.known_rid, "SELECT 1 FROM results WHERE rid = ?1 AND spool = ?2 LIMIT 1"));
    EDGE_TRY(
        make(s_.find_key, "SELECT fingerprint, run, created_at FROM idempotency_keys WHERE project = 1 AND key = ?1"));
    EDGE_TRY(make(s_.events, "SELECT " + std::string(rows::kEvent) +
                                 " FROM node_events WHERE node = (SELECT k FROM nodes WHERE id = ?1) AND n < ?2"
                                 " ORDER BY n DESC LIMIT ?3"));
    EDGE_TRY(make(s_.task, "SELECT " + std::string(rows::kTask) + " FROM tasks WHERE id = ?1"));
    return webhooks_.prepare(db_);
}

Result<std::optional<RunView>> SqliteReader::run(RunId id) {
    s_.run.start(id);
    return first_row<RunView>(s_.run, run_view);
}

Result<Page<RunView>> SqliteReader::runs(const RunFilter& filter, const PageRequest& page) {
    EDGE_TRY(const auto before, parse_cursor('r', page.cursor, kNewest));
    const auto start = [&](sqlite::Statement& statement, const auto&... more) {
        statement.start(before, page.limit + 1, text_of(filter.job.service), std::string_view(filter.job.target),
                        text_of(filter.job.origin), text_of(filter.job.without), text_of(filter.state), more...);
    };
    auto& statement = filter.of_job ? s_.runs_of_job : s_.runs.of(filter.job);
    if (filter.of_job)
        start(statement, *filter.of_job);
    else
        start(statement);
    return read_page<RunView>(statement, page.limit, 'r', run_view);
}

Result<std::optional<JobView>> SqliteReader::job(JobId id) {
    s_.job.start(id);
    return first_row<JobView>(s_.job, rows::job_view);
}

Result<Page<JobView>> SqliteReader::jobs(const JobFilter& filter, const PageRequest& page) {
    EDGE_TRY(const auto before, parse_cursor('j', page.cursor, kNewest));
    auto& statement = is_of_recurring(filter) ? s_.recurring : s_.jobs.of(filter);
    std::string not_in = ",";
    for (const JobState state : filter.not_in) not_in.append(enum_text(state)).append(",");
    statement.start(before, page.limit + 1, text_of(filter.service), std::string_view(filter.target),
                    text_of(filter.origin), text_of(filter.without), text_of(filter.state), std::string_view(not_in));
    return read_page<JobView>(statement, page.limit, 'j', rows::job_view);
}

Result<Page<TaskView>> SqliteReader::tasks(RunId run, const PageRequest& page) {
    EDGE_TRY(const auto after, parse_cursor('t', page.cursor, 0));
    s_.tasks.start(run, after, page.limit + 1);
    return read_page<TaskView>(s_.tasks, page.limit, 't', rows::task_view);
}

Result<Page<ResultView>> SqliteReader::results(RunId run, const PageRequest& page) {
    EDGE_TRY(const auto after, parse_cursor('x', page.cursor, 0));
    s_.results.start(run, after, page.limit + 1);
    return read_page<ResultView>(s_.results, page.limit, 'x', rows::result_view, rows::result_size);
}

Result<std::optional<ResultView>> SqliteReader::result(ResultId id) {
    s_.result.start(id);
    return first_row<ResultView>(s_.result, rows::result_view);
}

Result<std::vector<ResultId>> SqliteReader::known_rids(SpoolRow spool, const std::vector<ResultId>& rids) {
    std::vector<ResultId> known;
    for (const auto& rid : rids) {
        s_.known_rid.start(rid, spool);
        EDGE_TRY(const auto found,
                 first_row<bool>(s_.known_rid, [](sqlite::Statement&) -> Result<bool> { return true; }));
        if (found) known.push_back(rid);
    }
    return known;
}

Result<Page<NodeEvent>> SqliteReader::events(NodeId node, const PageRequest& page) {
    EDGE_TRY(const auto before, parse_cursor('e', page.cursor, kNewest));
    s_.events.start(node, before, page.limit + 1);
    return read_page<NodeEvent>(s_.events, page.limit, 'e', rows::event);
}

Result<std::optional<FoundKey>> SqliteReader::find_key(const std::string& key) {
    FoundKey found;
    s_.find_key.start(key);
    EDGE_TRY(const auto run, first_row<RunRow>(s_.find_key, [&](sqlite::Statement& row) -> Result<RunRow> {
                 found.fingerprint = row.bytes<32>(0);
                 found.created_at = row.natural(2);
                 return RunRow{row.integer(1)};
             }));
    if (!run) return find_job_key(key);
    s_.run_by_key.start(*run);
    EDGE_TRY(auto view, first_row<RunView>(s_.run_by_key, run_view));
    if (!view) return std::optional<FoundKey>();
    found.run = std::move(*view);
    return std::optional(std::move(found));
}

Result<std::optional<FoundKey>> SqliteReader::find_job_key(const std::string& key) {
    s_.find_job_key.start(key);
    return first_row<FoundKey>(s_.find_job_key, [](sqlite::Statement& row) -> Result<FoundKey> {
        return FoundKey{row.bytes<32>(0), row.natural(2), {}, JobId{row.bytes<16>(1)}};
    });
}

Result<std::vector<LoadedRun>> SqliteReader::runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs) {
    EDGE_TRY(s_.begin.run());
    auto loaded = read_runs_of(tasks, runs);
    EDGE_TRY(s_.commit.run());
    return loaded;
}

Result<std::vector<LoadedRun>> SqliteReader::read_runs_of(const std::vector<TaskId>& tasks,
                                                          const std::vector<RunId>& runs) {
    std::map<RunRow, std::vector<TaskRecord>> wanted;
    for (const auto& id : std::set<TaskId>(tasks.begin(), tasks.end())) {
        s_.task.start(id);
        EDGE_TRY(auto task, first_row<TaskRecord>(s_.task, rows::task));
        if (task) wanted[task->run].push_back(std::move(*task));
    }
    std::vector<LoadedRun> all;
    for (const auto& id : std::set<RunId>(runs.begin(), runs.end())) {
        s_.run.start(id);
        EDGE_TRY(auto loaded, first_row<LoadedRun>(s_.run, rows::run_and_job));
        if (loaded && !wanted.contains(loaded->run.row)) all.push_back(std::move(*loaded));
    }
    for (auto& [key, found] : wanted) {
        s_.run_by_key.start(key);
        EDGE_TRY(auto loaded, first_row<LoadedRun>(s_.run_by_key, rows::run_and_job));
        if (!loaded) continue;
        loaded->tasks = std::move(found);
        all.push_back(std::move(*loaded));
    }
    return all;
}

}  // namespace edge::broker
