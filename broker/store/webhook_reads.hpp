// What the store tells of webhooks' deliveries; a part of Store, with its executor and errors.
#pragma once
#include <optional>
#include <vector>

#include "broker/store/webhook_records.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// A delivery as the domain needs it to replay it.
struct FoundDelivery {
    DueDelivery due;
    DeliveryState state = DeliveryState::pending;
};

class WebhookReads {
  public:
    virtual ~WebhookReads() = default;

    /// The endpoint's pending deliveries by the time they are due, at most `limit`.
    virtual Result<DueDeliveries> due(WebhookRow webhook, std::uint32_t limit) = 0;
    /// Its message's id and body; nothing of the endpoint.
    virtual Result<std::optional<Outgoing>> outgoing(DeliveryRow delivery) = 0;
    /// Newest first. Errors: bad_value (a cursor that is not ours).
    virtual Result<Page<DeliveryView>> deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                                  const PageRequest& page) = 0;
    /// Of those that are there, in the order asked.
    virtual Result<std::vector<DeliveryView>> delivery_views(const std::vector<DeliveryRow>& rows) = 0;
    virtual Result<std::optional<DeliveryDetail>> delivery(DeliveryId id) = 0;
    /// How many are pending, of endpoints that are there, at most kMostPendingCounted.
    virtual Result<std::uint64_t> pending_deliveries() = 0;
    virtual Result<std::optional<FoundDelivery>> find_delivery(DeliveryId id) = 0;
    /// How many a ReplayDeliveries would take, at most kMostReplayed.
    virtual Result<std::uint32_t> replayable(WebhookRow webhook, const DeliveryFilter& filter) = 0;
};

}  // namespace edge::broker
