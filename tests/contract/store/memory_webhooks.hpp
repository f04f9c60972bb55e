// Webhooks' part of the store in memory.
#pragma once
#include <map>
#include <set>

#include "broker/store/webhook_reads.hpp"

namespace edge::broker {

class MemoryWebhooks {
  public:
    Result<> put(const PutWebhook& change);
    Result<> put(const DropWebhook& change);
    Result<> put(const AddMessage& change);
    Result<> put(const AddDelivery& change);
    Result<> put(const AddAttempt& change);
    Result<> put(const ReplayDelivery& change);
    Result<> put(const ReplayDeliveries& change);

    std::vector<WebhookRecord> loaded() const;
    WebhookRow next_webhook() const;
    MessageRow next_message() const;
    DeliveryRow next_delivery() const;

    DueDeliveries due(WebhookRow webhook, std::uint32_t limit) const;
    std::optional<Outgoing> outgoing(DeliveryRow delivery) const;
    Result<Page<DeliveryView>> deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                          const PageRequest& page) const;
    std::vector<DeliveryView> delivery_views(const std::vector<DeliveryRow>& rows) const;
    std::optional<DeliveryDetail> delivery(DeliveryId id) const;
    std::uint64_t pending_deliveries() const;
    std::optional<FoundDelivery> find_delivery(DeliveryId id) const;
    std::vector<DeliveryRow> replayable(WebhookRow webhook, const DeliveryFilter& filter) const;

  private:
    struct Delivery {
        AddDelivery made;
        DeliveryState state = DeliveryState::pending;
        std::uint32_t last_status = 0;
        std::string last_error;
        std::map<std::uint32_t, AttemptView> attempts;
    };
    DeliveryView view(const Delivery& delivery) const;

    std::map<WebhookRow, WebhookRecord> webhooks_;
    std::set<WebhookRow> dropped_;
    std::map<MessageRow, AddMessage> messages_;
    std::map<DeliveryRow, Delivery> deliveries_;
};

}  // namespace edge::broker
