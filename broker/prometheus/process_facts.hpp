// This process, as every program that Prometheus scrapes tells it.
#pragma once
#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {

/// From /proc/self; what cannot be read is left out. Source: proc(5), prometheus.io's list of process metrics.
void write_process(Exposition& out);

}  // namespace edge::broker::prometheus
