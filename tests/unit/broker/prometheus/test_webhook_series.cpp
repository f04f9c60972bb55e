// What the sender counts, as series: attempts add up, and no endpoint is named.
#include <doctest/doctest.h>

#include "broker/prometheus/webhook_series.hpp"

namespace edge::broker::prometheus {

TEST_CASE("each attempt is delivered, failed or retried, and each failure has a reason") {
    webhooks::Counters counters{
        .delivered = 10, .failed = 7, .refused = 1, .timed_out = 2, .gave_up = 3, .in_flight = 5};
    for (const std::uint64_t us : {1'000, 10'000, 10'001, 700'000, 20'000'001}) counters.durations.add(us);
    Exposition out;
    write_webhooks(out, counters, {.working = 5, .failing = 4, .disabled = 6, .pending = 8});
    const std::string text = out.text();
    for (const char* line :
         {"edge_webhook_deliveries_total{outcome=\"delivered\"} 10",
          "edge_webhook_deliveries_total{outcome=\"failed\"} 3", "edge_webhook_deliveries_total{outcome=\"retried\"} 4",
          "edge_webhook_attempt_failures_total{reason=\"refused\"} 1",
          "edge_webhook_attempt_failures_total{reason=\"timed_out\"} 2",
          "edge_webhook_attempt_failures_total{reason=\"other\"} 4",
          "edge_webhook_attempt_duration_seconds_bucket{le=\"0.01\"} 2",
          "edge_webhook_attempt_duration_seconds_bucket{le=\"0.025\"} 3",
          "edge_webhook_attempt_duration_seconds_bucket{le=\"1\"} 4",
          "edge_webhook_attempt_duration_seconds_bucket{le=\"20\"} 4",
          "edge_webhook_attempt_duration_seconds_bucket{le=\"+Inf\"} 5",
          "edge_webhook_attempt_duration_seconds_sum 20.721002", "edge_webhook_attempt_duration_seconds_count 5",
          "edge_webhook_pending_deliveries 8", "edge_webhook_attempts_in_flight 5",
          "edge_webhook_endpoints{state=\"working\"} 5", "edge_webhook_endpoints{state=\"failing\"} 4",
          "edge_webhook_endpoints{state=\"disabled\"} 6"}) {
        CAPTURE(line);
        CHECK(text.find(std::string(line) + "\n") != std::string::npos);
    }
}

}  // namespace edge::broker::prometheus
