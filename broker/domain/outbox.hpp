// What is told outside: a message, and a delivery for each endpoint that wants it, put into the batch that writes what
// it tells. So it is there exactly when that is there.
#pragma once
#include <span>

#include "broker/domain/domain_state.hpp"

namespace edge::broker::outbox {

/// Of a result that counts.
void tell_result(DomainState& state, const Node& node, const std::shared_ptr<const ResultView>& result, Now now,
                 Batch& batch);
/// Of a run whose last end is in the batch.
void tell_finished(DomainState& state, const Run& run, Now now, Batch& batch);
/// Of the node's AddEvents in the batch.
void tell_events(DomainState& state, const Node& node, Now now, Batch& batch);
/// `node` need not be in the fleet yet.
void tell_enrolled(DomainState& state, const NodeRecord& node, Now now, Batch& batch);
/// To all who want it but the endpoint itself.
void tell_disabled(DomainState& state, const WebhookView& webhook, Now now, Batch& batch);
/// To one endpoint, whatever it wants.
DeliveryId tell_test(DomainState& state, const WebhookRecord& webhook, Now now, Batch& batch);

}  // namespace edge::broker::outbox
