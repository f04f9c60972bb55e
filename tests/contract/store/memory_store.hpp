// A Store in memory: what the contract is held against beside SQLite, and what the domain's tests run on. A test can
// take its space away or break it.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "broker/store/store.hpp"
#include "tests/contract/store/memory_webhooks.hpp"

namespace edge::broker {

class MemoryStore final : public Store {
  public:
    Result<Loaded> load() override;
    using Store::apply;
    Result<> apply(std::span<const Batch> batches) override;
    Result<> idle() override { return ok(); }
    std::uint64_t log_bytes() override { return log_bytes_; }
    Result<Forgotten> forget(const ForgetBefore& before, std::uint32_t most_rows) override;
    Result<std::optional<RunView>> run(RunId id) override;
    Result<Page<RunView>> runs(const RunFilter& filter, const PageRequest& page) override;
    Result<std::optional<JobView>> job(JobId id) override;
    Result<Page<JobView>> jobs(const JobFilter& filter, const PageRequest& page) override;
    Result<Page<TaskView>> tasks(RunId run, const PageRequest& page) override;
    Result<Page<ResultView>> results(RunId run, const PageRequest& page) override;
    Result<std::optional<ResultView>> result(ResultId id) override;
    Result<std::vector<ResultId>> known_rids(SpoolRow spool, const std::vector<ResultId>& rids) override;
    Result<Page<NodeEvent>> events(NodeId node, const PageRequest& page) override;
    Result<std::optional<FoundKey>> find_key(const std::string& key) override;
    Result<std::vector<LoadedRun>> runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs) override;

    Result<DueDeliveries> due(WebhookRow webhook, std::uint32_t limit) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.due(webhook, limit);
    }
    Result<std::optional<Outgoing>> outgoing(DeliveryRow delivery) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.outgoing(delivery);
    }
    Result<Page<DeliveryView>> deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                          const PageRequest& page) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.deliveries(webhook, filter, page);
    }
    Result<std::vector<DeliveryView>> delivery_views(const std::vector<DeliveryRow>& rows) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.delivery_views(rows);
    }
    Result<std::optional<DeliveryDetail>> delivery(DeliveryId id) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.delivery(id);
    }
    Result<std::uint64_t> pending_deliveries() override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.pending_deliveries();
    }
    Result<std::optional<FoundDelivery>> find_delivery(DeliveryId id) override {
        const std::lock_guard lock(mutex_);
        return tables_.webhooks.find_delivery(id);
    }
    Result<std::uint32_t> replayable(WebhookRow webhook, const DeliveryFilter& filter) override {
        const std::lock_guard lock(mutex_);
        return static_cast<std::uint32_t>(tables_.webhooks.replayable(webhook, filter).size());
    }

    void set_log_bytes(std::uint64_t bytes) { log_bytes_ = bytes; }
    void set_space(bool there) {
        const std::lock_guard lock(mutex_);
        has_space_ = there;
    }
    /// What is in it now, to come back to.
    std::shared_ptr<const void> backup() const;
    /// It is as it was, under a new generation.
    void restore(const std::shared_ptr<const void>& backup, GenerationId generation, WallTime at);
    /// … without anybody's having said so.
    void undo_generation();
    std::size_t transactions() const { return transactions_; }

    struct StoredResult {
        ResultRow row{};
        SpoolRow spool{};
        RunRow run{};
        TaskRow task{};
        std::shared_ptr<const ResultView> view;
    };
    std::vector<StoredResult> all_results() const;
    std::vector<AuditRecord> all_audit() const;

  private:
    struct Tables {
        GenerationRecord generation{GenerationRow{1}, GenerationId{{1}}, std::nullopt};
        std::map<NodeRow, NodeRecord> nodes;
        std::map<SpoolRow, SpoolRecord> spools;
        std::vector<JoinTokenRecord> join_tokens;
        std::vector<ApiTokenRecord> api_tokens;
        std::map<JobRow, JobRecord> jobs;
        std::map<RunRow, RunRecord> runs;
        std::map<TaskRow, TaskRecord> tasks;
        std::map<RunId, RunRow> run_rows;  // indexes of these
        std::map<TaskId, TaskRow> task_rows;
        std::set<std::pair<JobRow, WallTime>> ticks;
        std::map<ResultRow, StoredResult> results;
        std::set<std::pair<TaskRow, std::uint32_t>> attempts;
        std::set<std::pair<SpoolRow, ResultId>> rids;  // an index of results, as attempts is
        std::map<std::string, KeyRecord> keys;
        std::map<std::string, AddJobKey> job_keys;
        std::vector<AuditRecord> audit;
        std::map<std::pair<NodeRow, std::uint64_t>, NodeEvent> events;
        MemoryWebhooks webhooks;

        Result<> put(const PutNode& change);
        Result<> put(const PutSpool& change);
        Result<> put(const AddJoinToken& change);
        Result<> put(const UseJoinToken& change);
        Result<> put(const RevokeJoinToken& change);
        JoinTokenRecord* join_token(TokenId id);
        Result<> put(const AddApiToken& change);
        Result<> put(const AddRun& change);
        Result<> put(const AddTask& change);
        Result<> put(const AddKey& change);
        Result<> put(const PutJob& change);
        Result<> put(const AddJobKey& change);
        Result<> put(const AddPlannedRun& change);
        Result<> put(const SetMade& change);
        Result<> add(const RunRecord& run, const std::vector<TaskRecord>& added);
        Result<> add(const TaskRecord& task);
        Result<> put(const SetTask& change);
        Result<> put(const SetRun& change);
        Result<> put(const AddResult& change);
        Result<> put(const AddAudit& change);
        Result<> put(const AddEvent& change);
        std::optional<std::pair<RunRow, std::uint64_t>> oldest(const ForgetBefore& before) const;
        bool forget_run(RunRow row, WallTime revisions, std::uint64_t& left, Forgotten& gone);
        template <class OfWebhooks>
        Result<> put(const OfWebhooks& change) {
            return webhooks.put(change);
        }
    };
    const RunRecord* find_run(RunId id) const;

    mutable std::mutex mutex_;
    Tables tables_;
    bool has_space_ = true;
    std::atomic<std::uint64_t> log_bytes_ = 0;
    std::size_t transactions_ = 0;
};

}  // namespace edge::broker
