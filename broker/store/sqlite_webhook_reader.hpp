// What the reading connection tells of webhooks' deliveries.
#pragma once
#include "broker/store/sqlite.hpp"
#include "broker/store/webhook_reads.hpp"

namespace edge::broker {

/// Executor: the reader's. Owns: its statements, of the reader's connection.
class SqliteWebhookReader final : public WebhookReads {
  public:
    Result<> prepare(sqlite::Connection& db);

    Result<DueDeliveries> due(WebhookRow webhook, std::uint32_t limit) override;
    Result<std::optional<Outgoing>> outgoing(DeliveryRow delivery) override;
    Result<Page<DeliveryView>> deliveries(WebhookRow webhook, const DeliveryFilter& filter,
                                          const PageRequest& page) override;
    Result<std::vector<DeliveryView>> delivery_views(const std::vector<DeliveryRow>& rows) override;
    Result<std::optional<DeliveryDetail>> delivery(DeliveryId id) override;
    Result<std::uint64_t> pending_deliveries() override;
    Result<std::optional<FoundDelivery>> find_delivery(DeliveryId id) override;
    Result<std::uint32_t> replayable(WebhookRow webhook, const DeliveryFilter& filter) override;

  private:
    Result<std::optional<DeliveryDetail>> read_delivery(DeliveryId id);

    sqlite::Statement begin_, commit_, due_, outgoing_, deliveries_, in_state_, view_, delivery_, body_, attempts_,
        pending_, find_, replayable_, replayable_in_state_;
};

}  // namespace edge::broker
