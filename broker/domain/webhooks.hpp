// Endpoints of webhooks as people make and change them, and what becomes of them by their deliveries.
#pragma once
#include <set>
#include <string>

#include "broker/domain/domain_state.hpp"
#include "broker/store/webhook_reads.hpp"

namespace edge::broker {

class Webhooks {
  public:
    explicit Webhooks(DomainState& state) : state_(state) {}

    void load(std::vector<WebhookRecord> webhooks, Now now);
    /// All endpoints, as EndpointTold.
    void tell_all(Actions& out) const;

    std::vector<WebhookView> list() const;
    /// With what is on its way to the store. Errors: not_found, also while its removal is on that way.
    Result<WebhookRecord> get(WebhookId id) const;
    Result<WebhookRecord> get(WebhookRow row) const;

    // Each is answered with a WebhookAnswer.
    void create(Ticket ticket, WebhookRequest request, Now now, Actions& out);
    void change(Ticket ticket, WebhookId id, const WebhookChange& change, Now now, Actions& out);
    void rotate(Ticket ticket, WebhookId id, Now now, Actions& out);
    void remove(Ticket ticket, WebhookId id, Now now, Actions& out);

    // Each is answered with a DeliveryAnswer.
    void test(Ticket ticket, WebhookId id, Now now, Actions& out);
    void replay(Ticket ticket, DeliveryId id, const FoundDelivery& found, Now now, Actions& out);
    /// Its answer's delivery means nothing.
    void replay_all(Ticket ticket, WebhookId id, const DeliveryFilter& filter, Now now, Actions& out);

    /// `then`: when it is in the store.
    void record(Attempted attempted, Now now, Actions& out, Journal::Then then);

  private:
    Result<> check_selector(const std::string& text) const;
    void keep(Ticket ticket, WebhookRecord record, std::string secret, std::string action, Now now, Actions& out);
    void written(const WebhookRecord& latest, Actions& out);
    void refused(WebhookId id);
    void set_expiry(const WebhookView& webhook, Now now);
    void put(const WebhookRecord& record, Batch& batch);
    void disable(WebhookRecord record, std::string why, Now now, Batch& batch, Actions& out);
    WebhookSecret new_secret();

    DomainState& state_;
    std::set<DeliveryRow> replaying_;  // on their way to the store
};

/// `whsec_` and base64, as the specification has it. Source: Standard Webhooks 1.0.0, signature scheme.
std::string secret_text(const WebhookSecret& secret);

}  // namespace edge::broker
