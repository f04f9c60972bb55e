#include "broker/store/sqlite_store.hpp"

#include "broker/store/sqlite_reader.hpp"
#include "broker/store/sqlite_writer.hpp"
#include "broker/store/store_file.hpp"

namespace edge::broker {
namespace {

class SqliteStore final : public Store {
  public:
    SqliteStore(FileDescriptor lock, std::unique_ptr<SqliteWriter> writer, std::unique_ptr<SqliteReader> reader)
        : lock_(std::move(lock)), log_(writer->log_path()), writer_(std::move(writer)), reader_(std::move(reader)) {}

    Result<Loaded> load() override { return writer_->load(); }
    Result<> apply(std::span<const Batch> batches) override { return writer_->apply(batches); }
    Result<Forgotten> forget(const ForgetBefore& before, std::uint32_t most_rows) override {
        return writer_->forget(before, most_rows);
    }
    Result<> idle() override { return writer_->idle(); }
    std::uint64_t log_bytes() override { return size_of(log_); }

    Result<std::optional<RunView>> run(RunId id) override { return reader_->run(id); }
    Result<Page<RunView>> runs(const RunFilter& filter, const PageRequest& page) override {
        return reader_->runs(filter, page);
    }
    Result<std::optional<JobView>> job(JobId id) override { return reader_->job(id); }
    Result<Page<JobView>> jobs(const JobFilter& filter, const PageRequest& page) override {
        return reader_->jobs(filter, page);
    }
    Result<Page<TaskView>> tasks(RunId run, const PageRequest& page) override { return reader_->tasks(run, page); }
    Result<Page<ResultView>> results(RunId run, const PageRequest& page) override {
        return reader_->results(run, page);
    }
    Result<std::optional<ResultView>> result(ResultId id) override { return reader_->result(id); }
    Result<std::vector<ResultId>> known_rids(SpoolRow spool, const std::vector<ResultId>& rids) override {
        return reader_->known_rids(spool, rids);
    }
    Result<Page<NodeEvent>> events(NodeId node, const PageRequest& page) override {
        return reader_->events(node, page);
    }
    Result<std::optional<FoundKey>> find_key(const std::string& key) override { return reader_->find_key(key); }
    Result<std::vector<LoadedRun>> runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs) override {
        return reader_->runs_of(tasks, runs);
    }

    Result<DueDeliveries> due(WebhookRow webhook, std::uint32_t limit) override {
        return reader_->webhooks().due(webhook, limit);
    }
    Result<std::optional<Outgoing>> outgoing(DeliveryRow delivery) override {
        return reader_->webhooks().outgoing(delivery);
    }
    Result<Page<DeliveryView>> deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                          const PageRequest& page) override {
        return reader_->webhooks().deliveries(webhook, filter, page);
    }
    Result<std::vector<DeliveryView>> delivery_views(const std::vector<DeliveryRow>& rows) override {
        return reader_->webhooks().delivery_views(rows);
    }
    Result<std::optional<DeliveryDetail>> delivery(DeliveryId id) override { return reader_->webhooks().delivery(id); }
    Result<std::uint64_t> pending_deliveries() override { return reader_->webhooks().pending_deliveries(); }
    Result<std::optional<FoundDelivery>> find_delivery(DeliveryId id) override {
        return reader_->webhooks().find_delivery(id);
    }
    Result<std::uint32_t> replayable(WebhookRow webhook, const DeliveryFilter& filter) override {
        return reader_->webhooks().replayable(webhook, filter);
    }

  private:
    FileDescriptor lock_;  // closed last
    std::string log_;
    std::unique_ptr<SqliteWriter> writer_;
    std::unique_ptr<SqliteReader> reader_;  // closed first
};

template <class T>
Result<T> located(Result<T> result, const std::string& path) {
    if (result) return result;
    Error error = result.error();
    error.where = path;
    if (error.code == Errc::io) error.detail += "; if it is damaged, edge-broker restore FILE makes a backup the store";
    return error;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path, StartCheck& check) {
    EDGE_TRY(auto lock, take_store_lock(path));
    EDGE_TRY(create_private(path));
    EDGE_TRY(auto writer, located(SqliteWriter::open(path, check), path));
    EDGE_TRY(auto reader, located(SqliteReader::open(path), path));
    return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(lock), std::move(writer), std::move(reader)));
}

}  // namespace edge::broker
