#include "broker/domain/endpoints.hpp"

#include <algorithm>

namespace edge::broker {
namespace {

bool wants(const WebhookView& webhook, EventKind kind) {
    if (!webhook.enabled) return false;
    if (kind == EventKind::test) return false;  // asked for by name
    return webhook.events.empty() || std::ranges::find(webhook.events, kind) != webhook.events.end();
}

}  // namespace

Result<Selector> parse_event_selector(const std::string& text) {
    if (text.empty()) return Selector{};
    EDGE_TRY(auto selector, parse_selector(text));
    if (selector.limit)
        return Error{Errc::bad_value, "/selector", "limit: chooses lines for a job; of events it means nothing"};
    return selector;
}

Result<> Endpoints::put(WebhookRecord record) {
    EDGE_TRY(auto selector, parse_event_selector(record.view.selector));
    const WebhookId id = record.view.id;
    const Endpoint* known = find(id);
    const bool is_going = known && known->is_going;
    by_id_.insert_or_assign(id, Endpoint{record, record, std::move(selector), is_going});
    return ok();
}

Endpoint* Endpoints::find(WebhookId id) {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : &at->second;
}

Endpoint* Endpoints::find(WebhookRow row) {
    const auto at = std::ranges::find_if(by_id_, [row](const auto& one) { return one.second.record.row == row; });
    return at == by_id_.end() ? nullptr : &at->second;
}

bool Endpoints::may_want(EventKind kind) const {
    return std::ranges::any_of(by_id_, [kind](const auto& one) { return wants(one.second.record.view, kind); });
}

std::vector<const Endpoint*> Endpoints::wanting(EventKind kind, std::span<const Candidate> lines) const {
    std::vector<const Endpoint*> found;
    for (const auto& [id, endpoint] : by_id_) {
        if (!wants(endpoint.record.view, kind)) continue;
        const auto taken = [&](const Candidate& line) { return matches(endpoint.selector, line); };
        if (lines.empty() || std::ranges::any_of(lines, taken)) found.push_back(&endpoint);
    }
    return found;
}

}  // namespace edge::broker
