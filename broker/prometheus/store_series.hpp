// The store's own series: restores, what they cost, retention. Pure.
#pragma once
#include "broker/domain/domain.hpp"
#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {

void write_store(Exposition& out, const StoreView& store);

}  // namespace edge::broker::prometheus
