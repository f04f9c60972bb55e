// The writing half of the SQLite store: the only connection that writes and the only one that checkpoints.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "broker/store/checkpoint_pace.hpp"
#include "broker/store/records.hpp"
#include "broker/store/sqlite.hpp"
#include "broker/store/sqlite_retention.hpp"
#include "broker/store/sqlite_store.hpp"
#include "broker/store/sqlite_webhook_writer.hpp"

namespace edge::broker {

/// Executor: one thread at a time. Owns: the connection and its statements.
class SqliteWriter {
  public:
    /// Errors: io, unsupported.
    static Result<std::unique_ptr<SqliteWriter>> open(const std::string& path, StartCheck& at_start);

    Result<Loaded> load();
    Result<> apply(std::span<const Batch> batches);
    Result<Forgotten> forget(const ForgetBefore& before, std::uint32_t most_rows);
    /// Copies the log into the file when it has grown, so that a commit seldom has to.
    Result<> idle();
    /// Where the log is, beside the file that the store's name leads to.
    std::string log_path() const;

  private:
    struct Statements {
        sqlite::Statement begin, commit, rollback;
        sqlite::Statement put_node, put_spool, add_join_token, use_join_token, revoke_join_token, add_api_token;
        sqlite::Statement put_job, set_made, add_job_key;
        sqlite::Statement add_job, add_run, grow_run, add_task, add_key, set_task, set_run, add_result, add_detail,
            add_audit;
        sqlite::Statement add_event, drop_events;
    };
    explicit SqliteWriter(sqlite::Connection db) : db_(std::move(db)) {}
    Result<> prepare();
    Result<> checkpoint_if_grown();
    Result<> checkpoint();
    Result<> write(std::span<const Batch> batches);
    Result<> write(const PutNode& change);
    Result<> write(const PutSpool& change);
    Result<> write(const AddJoinToken& change);
    Result<> write(const UseJoinToken& change);
    Result<> write(const RevokeJoinToken& change);
    Result<> write(const AddApiToken& change);
    Result<> write(const AddRun& change);
    Result<> write(const AddTask& change);
    Result<> add(const TaskRecord& task);
    Result<> write(const AddKey& change);
    Result<> write(const PutJob& change);
    Result<> write(const AddJobKey& change);
    Result<> write(const AddPlannedRun& change);
    Result<> write(const SetMade& change);
    Result<> add(const RunRecord& run, const std::vector<TaskRecord>& tasks, JobOrigin origin);
    Result<> write(const SetTask& change);
    Result<> write(const SetRun& change);
    Result<> write(const AddResult& change);
    Result<> write(const AddAudit& change);
    Result<> write(const AddEvent& change);
    template <class OfWebhooks>
    Result<> write(const OfWebhooks& change) {
        return webhooks_.write(change);
    }

    sqlite::Connection db_;
    Statements s_;
    SqliteWebhookWriter webhooks_;
    SqliteRetention retention_;
    CheckpointPace pace_;
    std::unique_ptr<int> wal_pages_ = std::make_unique<int>(0);  // set by sqlite3_wal_hook, which keeps its address
};

}  // namespace edge::broker
