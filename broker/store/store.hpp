// What the broker keeps: the one seam that another database can come behind. tests/contract/store holds each
// implementation to it.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/store/records.hpp"
#include "broker/store/retention.hpp"
#include "broker/store/webhook_reads.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// A page of results holds less than its limit when it would be more text than this. Units: bytes.
inline constexpr std::size_t kMostPageBytes = 4 * 1024 * 1024;

/// Executor: load() first; then apply() and idle() from one thread, the reads from one other thread at the same time.
/// Reads see what was committed before they began. Pages: runs and jobs newest first, tasks in the order made,
/// results in the order stored.
/// Errors of every call: io (the store is broken: acknowledge nothing more, end the process), unavailable (a later try
/// may work).
class Store : public WebhookReads {
  public:
    virtual Result<Loaded> load() = 0;

    /// All batches, in order, in one transaction that is on the disk when this returns.
    /// Errors: unavailable (no space, or somebody else holds it; nothing was changed and a later try may work), io.
    virtual Result<> apply(std::span<const Batch> batches) = 0;
    Result<> apply(const Batch& batch) { return apply(std::span(&batch, 1)); }

    /// The writer has nothing to do for a moment: upkeep of a few milliseconds.
    virtual Result<> idle() = 0;
    /// How long the log is on the disk in which commits wait to be copied into the store; with apply()'s thread.
    /// Units: bytes.
    virtual std::uint64_t log_bytes() = 0;

    /// Takes away what may go, the oldest first, at most `most_rows` rows in one transaction: a run with its tasks,
    /// results, details and keys, in parts where it is large, and a job with its last run. Errors: as of apply().
    virtual Result<Forgotten> forget(const ForgetBefore& before, std::uint32_t most_rows) = 0;

    virtual Result<std::optional<RunView>> run(RunId id) = 0;
    /// Errors of the paged reads: bad_value (a cursor that is not ours).
    virtual Result<Page<RunView>> runs(const RunFilter& filter, const PageRequest& page) = 0;
    virtual Result<std::optional<JobView>> job(JobId id) = 0;
    virtual Result<Page<JobView>> jobs(const JobFilter& filter, const PageRequest& page) = 0;
    virtual Result<Page<TaskView>> tasks(RunId run, const PageRequest& page) = 0;
    virtual Result<Page<ResultView>> results(RunId run, const PageRequest& page) = 0;
    /// Two spools may have given one id to two results: the first that was stored.
    virtual Result<std::optional<ResultView>> result(ResultId id) = 0;
    /// Those of `rids` that results of this spool have.
    virtual Result<std::vector<ResultId>> known_rids(SpoolRow spool, const std::vector<ResultId>& rids) = 0;
    /// Newest first.
    virtual Result<Page<NodeEvent>> events(NodeId node, const PageRequest& page) = 0;
    virtual Result<std::optional<FoundKey>> find_key(const std::string& key) = 0;
    /// The runs that these tasks belong to, and `runs`, each once and with no other tasks. What does not exist is left
    /// out.
    virtual Result<std::vector<LoadedRun>> runs_of(const std::vector<TaskId>& tasks,
                                                   const std::vector<RunId>& runs) = 0;
};

}  // namespace edge::broker
