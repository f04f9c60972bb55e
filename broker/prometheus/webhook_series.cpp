#include "broker/prometheus/webhook_series.hpp"

#include <algorithm>
#include <array>

namespace edge::broker::prometheus {
namespace {

constexpr Metric kDeliveries{"edge_webhook_deliveries_total", Type::counter,
                             "Attempts by what became of the delivery: delivered, failed for good, to be retried."};
constexpr Metric kFailures{"edge_webhook_attempt_failures_total", Type::counter,
                           "Attempts that failed: refused by [webhooks], timed out, or other."};
constexpr Metric kDuration{"edge_webhook_attempt_duration_seconds", Type::histogram,
                           "From the resolving of the name to the end of the answer, or of the attempt."};
constexpr Metric kPending{
    "edge_webhook_pending_deliveries", Type::gauge,
    "Deliveries that wait for their first attempt or their next one; 100000 stand for that many at least."};
constexpr Metric kInFlight{"edge_webhook_attempts_in_flight", Type::gauge, "Attempts that go on."};
constexpr Metric kEndpoints{"edge_webhook_endpoints", Type::gauge,
                            "Webhooks: working, failing (no attempt has succeeded since one failed), disabled."};

}  // namespace

void write_webhooks(Exposition& out, const webhooks::Counters& counters, const WebhookTotals& totals) {
    const auto put = [&out](const Metric& metric, const char* label, const char* value, std::uint64_t number) {
        out.add(metric, {{label, value}}, static_cast<double>(number));
    };
    put(kDeliveries, "outcome", "delivered", counters.delivered);
    put(kDeliveries, "outcome", "failed", counters.gave_up);
    put(kDeliveries, "outcome", "retried", counters.failed - counters.gave_up);
    put(kFailures, "reason", "refused", counters.refused);
    put(kFailures, "reason", "timed_out", counters.timed_out);
    put(kFailures, "reason", "other", counters.failed - counters.refused - counters.timed_out);
    std::array<double, webhooks::Durations::kBounds.size()> bounds{};
    std::ranges::transform(webhooks::Durations::kBounds, bounds.begin(), in_seconds);
    out.add(kDuration, {}, Buckets{bounds, counters.durations.each(), in_seconds(counters.durations.sum())});
    out.add(kPending, {}, static_cast<double>(totals.pending));
    out.add(kInFlight, {}, static_cast<double>(counters.in_flight));
    put(kEndpoints, "state", "working", totals.working);
    put(kEndpoints, "state", "failing", totals.failing);
    put(kEndpoints, "state", "disabled", totals.disabled);
}

}  // namespace edge::broker::prometheus
