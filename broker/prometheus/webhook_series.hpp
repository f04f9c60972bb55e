// Deliveries to webhooks, as the series that Prometheus scrapes. Of all endpoints together: who made how many is for
// the API to say. Pure.
#pragma once
#include "broker/domain/domain.hpp"
#include "broker/prometheus/text_format.hpp"
#include "broker/webhooks/counters.hpp"

namespace edge::broker::prometheus {

void write_webhooks(Exposition& out, const webhooks::Counters& counters, const WebhookTotals& totals);

}  // namespace edge::broker::prometheus
