// The store's series: what an operator watches after a restore, and how far retention is behind.
#include <doctest/doctest.h>

#include "broker/prometheus/store_series.hpp"

namespace edge::broker::prometheus {

TEST_CASE("the store tells its generation, what a restore brought, and what retention does") {
    StoreView store{.generation = GenerationId{{1}},
                    .restored_at = std::nullopt,
                    .behind_joins = 2,
                    .recovered_tasks = 3,
                    .gap_results = 4,
                    .credit_waits = 6,
                    .locked_nodes = 5,
                    .log_bytes = 4'152'992,
                    .retention = {.results = 60,
                                  .runs = 7,
                                  .rows = 130,
                                  .batches = 8,
                                  .spent_us = 40'000,
                                  .batch_rows = 64,
                                  .overdue_us = 9'500'000}};
    const auto text_of = [&] {
        Exposition out;
        write_store(out, store);
        return out.text();
    };
    const std::string text = text_of();
    for (const std::string& line :
         {"edge_store_generation_info{generation=\"" + store.generation.text() + "\"} 1",
          std::string("edge_store_behind_joins_total 2"), std::string("edge_recovered_tasks_total 3"),
          std::string("edge_results_gap_total 4"), std::string("edge_results_credit_waits_total 6"),
          std::string("edge_nodes_locked_total 5"), std::string("edge_store_wal_bytes 4152992"),
          std::string("edge_retention_deleted_total{what=\"results\"} 60"),
          std::string("edge_retention_deleted_total{what=\"runs\"} 7"),
          std::string("edge_retention_deleted_total{what=\"rows\"} 130"), std::string("edge_retention_batches_total 8"),
          std::string("edge_retention_seconds_total 0.04"), std::string("edge_retention_batch_rows 64"),
          std::string("edge_retention_overdue_seconds 9.5")}) {
        CAPTURE(line);
        CHECK(text.find(line + "\n") != std::string::npos);
    }
    CHECK(text.find("edge_store_restored_timestamp_seconds ") == std::string::npos);
    store.restored_at = 1'764'400'000'000'000;
    CHECK(text_of().find("edge_store_restored_timestamp_seconds 1764400000\n") != std::string::npos);
}

}  // namespace edge::broker::prometheus
