// Nodes, lines and what they use, as the series that Prometheus scrapes. Pure.
#pragma once
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {

void write_nodes(Exposition& out, const std::vector<NodeView>& nodes);
/// What nodes told last of themselves, once a minute; of nodes that are away it is left out.
void write_usages(Exposition& out, const std::vector<NodeView>& nodes, const std::vector<UsageView>& usages);

}  // namespace edge::broker::prometheus
