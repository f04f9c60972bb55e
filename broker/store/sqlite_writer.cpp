#include "broker/store/sqlite_writer.hpp"

#include <future>
#include <thread>

#include "broker/store/row_text.hpp"
#include "broker/store/schema.hpp"

namespace edge::broker {
namespace {

// Of a log that is copied when nothing else is to do, so that a commit seldom pays for it.
constexpr int kIdleWalPages = CheckpointPace::kStep;
using std::chrono::steady_clock;

int on_wal(void* pages, sqlite3*, const char*, int count) {
    *static_cast<int*>(pages) = count;
    return SQLITE_OK;
}

/// A row's own id: the first revision has the public one.
JobId row_id(const JobRecord& job) {
    if (job.revision == 1) return job.id;
    std::string text(job.id.bytes.begin(), job.id.bytes.end());
    text += std::to_string(job.revision);
    return JobId{make_uuid8(sha256(as_bytes(text)))};
}

// Of SQLite's virtual machine: some milliseconds.
constexpr int kStepsBetween = 200'000;

/// While it lives, whoever waits for the start hears that it goes on.
class GoesOn {
  public:
    GoesOn(sqlite::Connection& db, StartCheck& check) : db_(db) {
        if (!check.goes_on) return;
        check.goes_on();
        const auto tell = [](void* told) {
            (*static_cast<std::function<void()>*>(told))();
            return 0;
        };
        sqlite3_progress_handler(db_.handle(), kStepsBetween, tell, &check.goes_on);
    }
    ~GoesOn() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }
    GoesOn(const GoesOn&) = delete;

  private:
    sqlite::Connection& db_;
};

/// As far as the time goes: it reads the whole file. SQLite looks at its progress handler too seldom in it.
Result<> check(sqlite::Connection& db, StartCheck& check) {
    const auto began = steady_clock::now();
    std::promise<void> checked;
    bool cut = false;
    std::thread watch([&, done = checked.get_future()] {
        cut = done.wait_for(check.limit) == std::future_status::timeout;
        if (cut) sqlite3_interrupt(db.handle());
    });
    const auto verdict = db.ask("PRAGMA quick_check(1)");
    checked.set_value();
    watch.join();
    check.took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
    check.is_whole = !cut;
    if (cut) return ok();  // what it says of the rest is nothing
    if (!verdict) return verdict.error();
    if (verdict.value() != "ok") return Error{Errc::io, {}, "the file is damaged (" + verdict.value() + ")"};
    return ok();
}

}  // namespace

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::open(const std::string& path, StartCheck& at_start) {
    EDGE_TRY(auto db, sqlite::Connection::open(path, sqlite::Connection::Mode::read_write));
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    EDGE_TRY(
        db.execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF;"
                   "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA mmap_size = 0"));
    EDGE_TRY(const auto mode, db.ask("PRAGMA journal_mode = WAL"));
    if (mode != "wal")
        return Error{Errc::io, {}, "the file system cannot hold a WAL; put [store] path on a local disk"};
    // FULL: NORMAL loses acknowledged rows at a power cut.
    EDGE_TRY(
        db.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 33554432"));
    {
        const GoesOn told(db, at_start);
        EDGE_TRY(check(db, at_start));
        EDGE_TRY(migrate(db));
    }
    EDGE_TRY(db.execute("PRAGMA foreign_keys = ON"));  // a step may make a table anew that others refer to
    std::unique_ptr<SqliteWriter> writer(new SqliteWriter(std::move(db)));
    EDGE_TRY(writer->prepare());
    sqlite3_wal_hook(writer->db_.handle(), on_wal, writer->wal_pages_.get());
    return writer;
}

Result<> SqliteWriter::prepare() {
    const auto make = [this](sqlite::Statement& statement, std::string_view sql) -> Result<> {
        EDGE_TRY(statement, db_.prepare(sql));
        return ok();
    };
    EDGE_TRY(make(s_.begin, "BEGIN IMMEDIATE"));
    EDGE_TRY(make(s_.commit, "COMMIT"));
    EDGE_TRY(make(s_.rollback, "ROLLBACK"));
    EDGE_TRY(
        make(s_.put_node,
             "INSERT INTO nodes (k, id, name, key, state, labels, agent_version, policy_hash, lines, enrolled_at,"
             " connected_at, last_seen_at, epoch, join_counter, join_confirmed, policy, is_there, joined_in, reason,"
             " token, preset, next_key, next_key_at, rotate, uplink)"
             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,"
             " ?22, ?23, ?24, ?25)"
             " ON CONFLICT (k) DO UPDATE SET name = ?3, key = ?4, state = ?5, labels = ?6, agent_version = ?7,"
             " policy_hash = ?8, lines = ?9, enrolled_at = ?10, connected_at = ?11, last_seen_at = ?12, epoch = ?13,"
             " join_counter = ?14, join_confirmed = ?15, policy = ?16, is_there = ?17, joined_in = ?18, reason = ?19,"
             " token = ?20, preset = ?21, next_key = ?22, next_key_at = ?23, rotate = ?24,"
             " uplink = ?25"));
    EDGE_TRY(make(s_.put_spool,
                  "INSERT INTO spools (k, node, id, committed, newest_rid, recover_upto, recover_more)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                  " ON CONFLICT (k) DO UPDATE SET committed = max(committed, ?4), newest_rid = max(newest_rid, ?5),"
                  " recover_upto = ?6, recover_more = ?7"));
    EDGE_TRY(
        make(s_.add_join_token,
             "INSERT INTO join_tokens (id, hash, node, uses, cidrs, labels, approve, nodes, created_at, expires_at,"
             " used, used_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"));
    EDGE_TRY(make(s_.use_join_token, "UPDATE join_tokens SET used = used + 1, used_at = ?2 WHERE id = ?1"));
    EDGE_TRY(make(s_.revoke_join_token, "UPDATE join_tokens SET revoked_at = ?2 WHERE id = ?1"));
    EDGE_TRY(make(s_.add_api_token,
                  "INSERT INTO api_tokens (id, lookup, hash, admin, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"));
    EDGE_TRY(make(s_.add_job,
                  "INSERT INTO jobs (k, id, service, params, target, selector, start_within_ms, repeat, require_level,"
                  " labels, created_at, origin, recovered, align, run_within_ms, when_unknown)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"));
    EDGE_TRY(make(s_.put_job,
                  "INSERT INTO jobs (k, id, service, params, target, selector, start_within_ms, repeat, require_level,"
                  " labels, created_at, align, series, schedule, state, revision, revised_at, ended_at, made_until,"
                  " fingerprint, run_within_ms, when_unknown) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                  " ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) ON CONFLICT (k) DO UPDATE SET state = ?15,"
                  " revised_at = ?17, ended_at = ?18, made_until = ?19"));
    EDGE_TRY(make(s_.set_made, "UPDATE jobs SET made_until = ?2 WHERE k = ?1"));
    EDGE_TRY(make(s_.add_job_key,
                  "INSERT OR REPLACE INTO job_keys (key, fingerprint, job, created_at) VALUES (?1, ?2, ?3, ?4)"));
    EDGE_TRY(make(s_.add_run,
                  "INSERT INTO runs (k, id, job, state, created_at, start_within_ms, run_within_ms, total, origin,"
                  " recovered, tick) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
                  " WHERE EXISTS (SELECT 1 FROM jobs WHERE k = ?3)"));
    EDGE_TRY(make(s_.grow_run, "UPDATE runs SET total = total + 1 WHERE k = ?1"));
    EDGE_TRY(make(s_.add_task,
                  "INSERT INTO tasks (k, id, run, node, line, carrier, state, attempt, recorded, offered)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
    EDGE_TRY(
        make(s_.add_key,
             "INSERT OR REPLACE INTO idempotency_keys (key, fingerprint, run, created_at) VALUES (?1, ?2, ?3, ?4)"));
    EDGE_TRY(make(s_.set_task, "UPDATE tasks SET state = ?2, attempt = ?3, recorded = ?4, offered = ?5 WHERE k = ?1"));
    EDGE_TRY(
        make(s_.set_run,
             "UPDATE runs SET state = ?2, finished_at = ?3, succeeded = ?4, failed = ?5, timed_out = ?6, canceled = ?7,"
             " expired = ?8, lost = ?9 WHERE k = ?1"));
    EDGE_TRY(
        make(s_.add_result,
             "INSERT INTO results (k, rid, spool, n, run, task, attempt, superseded, status, started_us, duration_us,"
             " envelope, clock_offset_us) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
             " WHERE EXISTS (SELECT 1 FROM tasks WHERE k = ?6)"  // retention may have been faster
             " ON CONFLICT (task, attempt) DO NOTHING"));
    EDGE_TRY(make(s_.add_detail, "INSERT INTO result_details (result, detail) VALUES (?1, ?2)"));
    EDGE_TRY(make(s_.add_audit, "INSERT INTO audit (at, actor, action, object) VALUES (?1, ?2, ?3, ?4)"));
    EDGE_TRY(make(s_.add_event,
                  "INSERT OR REPLACE INTO node_events (node, n, at, kind, line, was, became, reason)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    EDGE_TRY(make(s_.drop_events, "DELETE FROM node_events WHERE node = ?1 AND n <= ?2"));
    EDGE_TRY(retention_.prepare(db_));
    return webhooks_.prepare(db_);
}

Result<> SqliteWriter::apply(std::span<const Batch> batches) {
    EDGE_TRY(s_.begin.run());
    auto result = write(batches);
    if (result) result = s_.commit.run();
    if (!result && db_.in_transaction()) (void)s_.rollback.run();
    if (!result) return result;
    return checkpoint_if_grown();
}

Result<Forgotten> SqliteWriter::forget(const ForgetBefore& before, std::uint32_t most_rows) {
    EDGE_TRY(s_.begin.run());
    const auto began = steady_clock::now();
    auto result = retention_.forget(before, most_rows);
    if (result) {
        const auto worked = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
        result.value().worked_us = static_cast<std::uint64_t>(worked.count());
        if (auto committed = s_.commit.run(); !committed) result = committed.error();
    }
    if (!result && db_.in_transaction()) (void)s_.rollback.run();
    if (!result) return result;
    EDGE_TRY(checkpoint_if_grown());
    return result;
}

Result<> SqliteWriter::write(std::span<const Batch> batches) {
    for (const auto& batch : batches) {
        for (const auto& change : batch) {
            EDGE_TRY(std::visit([this](const auto& one) { return write(one); }, change));
        }
    }
    return ok();
}

std::string SqliteWriter::log_path() const {
    return sqlite3_filename_wal(sqlite3_db_filename(db_.handle(), "main"));
}

Result<> SqliteWriter::idle() {
    return *wal_pages_ < kIdleWalPages ? ok() : checkpoint();
}

Result<> SqliteWriter::checkpoint_if_grown() {
    return pace_.is_due(*wal_pages_) ? checkpoint() : ok();
}

Result<> SqliteWriter::checkpoint() {
    int left = 0;
    int copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &left, &copied);
    const bool is_copied = code == SQLITE_OK && left == copied;
    pace_.tried(is_copied ? copied : *wal_pages_, copied);
    if (is_copied) *wal_pages_ = 0;  // the next commit starts the log again
    if (code == SQLITE_OK || code == SQLITE_BUSY) return ok();
    Error error = sqlite::error_of(db_.handle(), code);
    if (error.code == Errc::unavailable) return ok();  // the commit stands; space may come back
    return error;
}

Result<> SqliteWriter::write(const PutNode& change) {
    const auto& n = change.node;
    return s_.put_node.run(n.row, n.id, n.name.text(), n.key, enum_text(n.state), to_column(n.labels), n.agent_version,
                           n.policy_hash, to_column(n.lines), n.enrolled_at, n.connected_at, n.last_seen_at, n.epoch,
                           n.join_counter, n.join_confirmed, n.policy ? to_column(*n.policy) : std::string(),
                           n.is_there, n.joined_in, n.reason, n.token, to_column(n.preset), n.next_key, n.next_key_at,
                           n.rotate, n.uplink ? to_column(*n.uplink) : std::string());
}

Result<> SqliteWriter::write(const PutSpool& change) {
    const auto& s = change.spool;
    return s_.put_spool.run(s.row, s.node, s.id, s.committed, s.newest_rid, s.recover_upto, s.recover_more);
}

Result<> SqliteWriter::write(const AddJoinToken& change) {
    const auto& t = change.token;
    std::vector<std::string> cidrs;
    for (const auto& prefix : t.terms.cidrs) cidrs.push_back(prefix.text());
    return s_.add_join_token.run(t.id, t.hash, t.terms.node, t.terms.uses, to_column(cidrs), to_column(t.terms.labels),
                                 t.terms.approve, to_column(t.terms.nodes), t.created_at, t.expires_at, t.used,
                                 t.used_at, t.revoked_at);
}

Result<> SqliteWriter::write(const UseJoinToken& change) {
    return s_.use_join_token.run(change.token, change.at);
}

Result<> SqliteWriter::write(const RevokeJoinToken& change) {
    return s_.revoke_join_token.run(change.token, change.at);
}

Result<> SqliteWriter::write(const AddApiToken& change) {
    const auto& t = change.token;
    return s_.add_api_token.run(t.id, t.lookup, t.hash, t.admin, t.created_at);
}

Result<> SqliteWriter::write(const AddRun& change) {
    const auto& j = change.job;
    EDGE_TRY(s_.add_job.run(j.row, j.id, enum_text(j.service), j.params, j.target, j.selector, j.terms.start_within_ms,
                            j.terms.repeat, enum_text(j.terms.require_level), to_column(j.labels), j.created_at,
                            enum_text(j.origin), j.recovered, j.terms.align, j.terms.run_within_ms,
                            enum_text(j.terms.when_unknown)));
    return add(change.run, change.tasks, j.origin);
}

Result<> SqliteWriter::write(const AddPlannedRun& change) {
    return add(change.run, change.tasks, JobOrigin::api);
}

Result<> SqliteWriter::add(const RunRecord& r, const std::vector<TaskRecord>& tasks, JobOrigin origin) {
    EDGE_TRY(s_.add_run.run(r.row, r.id, r.job, enum_text(r.state), r.created_at, r.start_within_ms, r.run_within_ms,
                            r.total, enum_text(origin), r.recovered, r.tick));
    if (sqlite3_changes(db_.handle()) == 0) return ok();
    for (const auto& t : tasks) {
        EDGE_TRY(add(t));
    }
    return ok();
}

Result<> SqliteWriter::add(const TaskRecord& t) {
    return s_.add_task.run(t.row, t.id, t.run, t.node, t.line.name.text(), t.line.carrier, enum_text(t.state),
                           t.attempt, t.recorded, t.offered);
}

Result<> SqliteWriter::write(const AddTask& change) {
    EDGE_TRY(s_.grow_run.run(change.task.run));
    if (sqlite3_changes(db_.handle()) == 0) return ok();
    return add(change.task);
}

Result<> SqliteWriter::write(const PutJob& change) {
    const auto& j = change.job;
    return s_.put_job.run(j.row, row_id(j), enum_text(j.service), j.params, j.target, j.selector,
                          j.terms.start_within_ms, j.terms.repeat, enum_text(j.terms.require_level),
                          to_column(j.labels), j.created_at, j.terms.align, j.id, to_column(*j.schedule),
                          enum_text(j.state), j.revision, j.revised_at, j.ended_at, j.made_until, j.fingerprint,
                          j.terms.run_within_ms, enum_text(j.terms.when_unknown));
}

Result<> SqliteWriter::write(const SetMade& change) {
    return s_.set_made.run(change.job, change.until);
}

Result<> SqliteWriter::write(const AddJobKey& change) {
    return s_.add_job_key.run(change.key, change.fingerprint, change.job, change.created_at);
}

Result<> SqliteWriter::write(const AddKey& change) {
    const auto& k = change.key;
    return s_.add_key.run(k.key, k.fingerprint, k.run, k.created_at);
}

Result<> SqliteWriter::write(const SetTask& c) {
    return s_.set_task.run(c.task, enum_text(c.state), c.attempt, c.recorded, c.offered);
}

Result<> SqliteWriter::write(const SetRun& c) {
    const auto& o = c.outcomes;
    return s_.set_run.run(c.run, enum_text(c.state), c.finished_at, o.succeeded, o.failed, o.timed_out, o.canceled,
                          o.expired, o.lost);
}

Result<> SqliteWriter::write(const AddResult& c) {
    const auto& r = c.view->result;
    EDGE_TRY(s_.add_result.run(c.row, r.rid, c.spool, r.n, c.run, c.task, r.attempt, c.view->superseded,
                               enum_text(r.status), r.started_us, r.summary.duration_us, to_column(r),
                               c.view->clock_offset_us));
    if (sqlite3_changes(db_.handle()) == 0 || c.view->detail.empty()) return ok();
    return s_.add_detail.run(c.row, c.view->detail);
}

Result<> SqliteWriter::write(const AddAudit& change) {
    const auto& a = change.audit;
    return s_.add_audit.run(a.at, a.actor, a.action, a.object);
}

Result<> SqliteWriter::write(const AddEvent& change) {
    const auto& e = change.event;
    EDGE_TRY(s_.add_event.run(change.node, e.n, e.at, enum_text(e.kind), e.line, e.was, e.became, e.reason));
    if (e.n <= kEventsKept) return ok();
    return s_.drop_events.run(change.node, e.n - kEventsKept);
}

}  // namespace edge::broker
