// Webhooks' calls as messages to the domain thread, or as questions to the store's reading thread.
#pragma once
#include <map>
#include <memory>
#include <unordered_map>

#include "broker/domain/domain_fsm.hpp"
#include "broker/domain/mailbox.hpp"
#include "broker/domain/webhook_calls.hpp"
#include "broker/store/read_queue.hpp"

namespace edge::broker {

/// A part of LocalDomain, which owns what it refers to and calls carry_out on the domain thread.
class LocalWebhooks final : public WebhookCalls {
  public:
    LocalWebhooks(DomainFsm& fsm, Mailbox& mailbox, std::unique_ptr<ReadQueue>& reads)
        : fsm_(fsm), mailbox_(mailbox), reads_(reads) {}

    void create(WebhookRequest request, Reply<NewWebhook> reply) override;
    void list(Reply<std::vector<WebhookView>> reply) override;
    void get(WebhookId id, Reply<WebhookView> reply) override;
    void change(WebhookId id, WebhookChange change, Reply<WebhookView> reply) override;
    void remove(WebhookId id, Reply<bool> reply) override;
    void rotate(WebhookId id, Reply<NewWebhook> reply) override;
    void test(WebhookId id, Reply<DeliveryView> reply) override;
    void deliveries(WebhookId id, DeliveryFilter filter, PageRequest page, Reply<Page<DeliveryView>> reply) override;
    void delivery(DeliveryId id, Reply<DeliveryDetail> reply) override;
    void replay(DeliveryId id, Reply<DeliveryView> reply) override;
    void replay_all(WebhookId id, DeliveryFilter filter, Reply<std::uint32_t> reply) override;
    void totals(Reply<WebhookTotals> reply) override;
    void watch(WebhookId id, std::shared_ptr<DeliveryWatcher> watcher, Reply<bool> reply) override;
    void unwatch(std::shared_ptr<DeliveryWatcher> watcher) override;
    void delivery_views(std::vector<DeliveryRow> rows, Reply<std::vector<DeliveryView>> reply) override;
    void serve(std::shared_ptr<DeliverySink> sink) override;
    void due(WebhookRow webhook, std::uint32_t limit, Reply<DueDeliveries> reply) override;
    void outgoing(DueDelivery delivery, Reply<Outgoing> reply) override;
    void record(Attempted attempted, Reply<bool> reply) override;

    void carry_out(WebhookAnswer& effect);
    void carry_out(DeliveryAnswer& effect);
    void carry_out(EndpointTold& effect);
    void carry_out(DeliveriesTold& effect);
    void refuse_all(const Error& error);

  private:
    template <class T>
    using Replies = std::unordered_map<std::uint64_t, Reply<T>>;
    Ticket wait_for(Reply<NewWebhook> reply);
    Ticket wait_for(Reply<DeliveryId> reply);
    /// Answers with the delivery as the store has it.
    Reply<DeliveryId> shown(Reply<DeliveryView> reply);
    void tell_watchers(const std::vector<DueDelivery>& deliveries) const;
    void end_watchers(WebhookRow gone);

    DomainFsm& fsm_;
    Mailbox& mailbox_;
    std::unique_ptr<ReadQueue>& reads_;
    std::shared_ptr<DeliverySink> sink_;
    std::multimap<WebhookRow, std::shared_ptr<DeliveryWatcher>> watchers_;
    std::uint64_t last_ticket_ = 0;
    Replies<NewWebhook> webhook_replies_;
    Replies<DeliveryId> delivery_replies_;
};

}  // namespace edge::broker
