// The webhooks' endpoints in memory, and which of them want to be told what.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "broker/domain/selector.hpp"
#include "broker/store/webhook_records.hpp"

namespace edge::broker {

struct Endpoint {
    WebhookRecord record;
    WebhookRecord written;  // in the store or on the way there: what the next change is made to
    Selector selector;      // of record
    bool is_going = false;  // its removal is on the way to the store
};

class Endpoints {
  public:
    /// Inserts or replaces; both of it. One that is going goes on going. Errors: bad_value (its selector).
    Result<> put(WebhookRecord record);
    void erase(WebhookId id) { by_id_.erase(id); }

    Endpoint* find(WebhookId id);
    Endpoint* find(WebhookRow row);
    const std::map<WebhookId, Endpoint>& all() const { return by_id_; }

    /// Those that are enabled, want this kind, and whose selector takes one of the lines. An event of no line is for
    /// all who want its kind.
    std::vector<const Endpoint*> wanting(EventKind kind, std::span<const Candidate> lines) const;
    /// May anybody want it? Asked before anything is gathered for it.
    bool may_want(EventKind kind) const;

  private:
    std::map<WebhookId, Endpoint> by_id_;  // ids begin with their time: in the order they were made
};

/// Errors: bad_value, `/selector`; a limit means nothing here.
Result<Selector> parse_event_selector(const std::string& text);

/// Nodes may come, and with them labels; but a key that no node has as `labels` and that is a known one but for a slip
/// would never match, and nobody would be told. Errors: bad_value, `/selector`.
Result<> check_keys(const Selector& selector, std::span<const std::string> labels);

}  // namespace edge::broker
