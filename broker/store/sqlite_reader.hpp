// The reading half of the SQLite store: a read-only connection that never checkpoints.
#pragma once
#include <memory>
#include <string>

#include "broker/store/sqlite.hpp"
#include "broker/store/sqlite_webhook_reader.hpp"
#include "broker/store/store.hpp"

namespace edge::broker {

/// Executor: one thread at a time. Owns: the connection and its statements.
class SqliteReader {
  public:
    static Result<std::unique_ptr<SqliteReader>> open(const std::string& path);

    Result<std::optional<RunView>> run(RunId id);
    Result<Page<RunView>> runs(const RunFilter& filter, const PageRequest& page);
    Result<std::optional<JobView>> job(JobId id);
    Result<Page<JobView>> jobs(const JobFilter& filter, const PageRequest& page);
    Result<Page<TaskView>> tasks(RunId run, const PageRequest& page);
    Result<Page<ResultView>> results(RunId run, const PageRequest& page);
    Result<std::optional<ResultView>> result(ResultId id);
    Result<std::vector<ResultId>> known_rids(SpoolRow spool, const std::vector<ResultId>& rids);
    Result<Page<NodeEvent>> events(NodeId node, const PageRequest& page);
    Result<std::optional<FoundKey>> find_key(const std::string& key);
    Result<std::vector<LoadedRun>> runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs);
    SqliteWebhookReader& webhooks() { return webhooks_; }

  private:
    /// One list: what scrapes of /probe made and what others asked for have an index each, which is used where the
    /// query says so in the same words.
    struct ByOrigin {
        sqlite::Statement any, scraped, unscraped;
        sqlite::Statement& of(const JobFilter& filter);
    };
    struct Statements {
        sqlite::Statement begin, commit;
        ByOrigin runs, jobs;
        sqlite::Statement recurring;
        sqlite::Statement run, run_by_key, runs_of_job, job, find_job_key, tasks, results, result;
        sqlite::Statement known_rid, find_key, task, events;
    };
    explicit SqliteReader(sqlite::Connection db) : db_(std::move(db)) {}
    Result<> prepare();
    Result<std::optional<FoundKey>> find_job_key(const std::string& key);
    Result<std::vector<LoadedRun>> read_runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs);

    sqlite::Connection db_;
    Statements s_;
    SqliteWebhookReader webhooks_;
};

}  // namespace edge::broker
