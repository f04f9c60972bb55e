#include "broker/prometheus/store_series.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr Metric kGeneration{"edge_store_generation_info", Type::gauge,
                             "The store's generation, in labels; a restore begins another."};
constexpr Metric kRestored{"edge_store_restored_timestamp_seconds", Type::gauge,
                           "When the store was restored; absent if it never was."};
constexpr Metric kBehind{"edge_store_behind_joins_total", Type::counter,
                         "Joins refused because the node is ahead of the store: it is an older file than nobody said."};
constexpr Metric kRecovered{"edge_recovered_tasks_total", Type::counter,
                            "Tasks that the restored store did not know, made of results that nodes sent again."};
constexpr Metric kGaps{"edge_results_gap_total", Type::counter,
                       "Results that nodes had given up before the broker had them."};
constexpr Metric kWaits{"edge_results_credit_waits_total", Type::counter,
                        "Times that a node had to wait with its results for [gateway] node_results_per_s."};
constexpr Metric kLocked{"edge_nodes_locked_total", Type::counter, "Nodes locked for two holders of one key."};
constexpr Metric kLog{"edge_store_wal_bytes", Type::gauge,
                      "The store's write-ahead log on the disk; it grows while somebody reads the file for long."};
constexpr Metric kForgotten{"edge_retention_deleted_total", Type::counter,
                            "What [retention] took away: results, runs, rows of all tables."};
constexpr Metric kBatches{"edge_retention_batches_total", Type::counter, "Transactions of retention."};
constexpr Metric kSpent{"edge_retention_seconds_total", Type::counter, "Time that they took."};
constexpr Metric kBatchRows{"edge_retention_batch_rows", Type::gauge, "Rows that the next batch takes at most."};
constexpr Metric kOverdue{"edge_retention_overdue_seconds", Type::gauge,
                          "How long the oldest run that is still there may have gone."};

}  // namespace

void write_store(Exposition& out, const StoreView& store) {
    const auto put = [&out](const Metric& metric, Labels labels, std::uint64_t number) {
        out.add(metric, std::move(labels), static_cast<double>(number));
    };
    put(kGeneration, {{"generation", store.generation.text()}}, 1);
    if (store.restored_at) out.add(kRestored, {}, in_seconds(*store.restored_at));
    put(kBehind, {}, store.behind_joins);
    put(kRecovered, {}, store.recovered_tasks);
    put(kGaps, {}, store.gap_results);
    put(kWaits, {}, store.credit_waits);
    put(kLocked, {}, store.locked_nodes);
    put(kLog, {}, store.log_bytes);
    const RetentionView& gone = store.retention;
    put(kForgotten, {{"what", "results"}}, gone.results);
    put(kForgotten, {{"what", "runs"}}, gone.runs);
    put(kForgotten, {{"what", "rows"}}, gone.rows);
    put(kBatches, {}, gone.batches);
    out.add(kSpent, {}, in_seconds(gone.spent_us));
    put(kBatchRows, {}, gone.batch_rows);
    out.add(kOverdue, {}, in_seconds(gone.overdue_us));
}

}  // namespace edge::broker::prometheus
