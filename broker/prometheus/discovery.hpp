// What Prometheus may scrape, as it discovers it over HTTP. Pure.
// Source: prometheus.io/docs/prometheus/latest/http_sd.
#pragma once
#include <string>
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/prometheus/result_series.hpp"

namespace edge::broker::prometheus {

/// Each is the whole list, `[]` when there is none, its labels `__meta_edge_…`.
std::string nodes_discovered(const std::vector<NodeView>& nodes);
/// One of each line, `NODE/LINE`.
std::string lines_discovered(const std::vector<NodeView>& nodes);
/// One of each target of a job, from each line that has told of it lately.
std::string targets_discovered(const std::vector<ResultSeries::Seen>& seen);

/// `city` as a label's name allows it: what is no letter or digit becomes `_`.
std::string label_name(std::string_view text);

}  // namespace edge::broker::prometheus
