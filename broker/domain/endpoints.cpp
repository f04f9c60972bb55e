#include "broker/domain/endpoints.hpp"

#include <algorithm>
#include <array>

#include "protocol/slip.hpp"

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

Result<> check_keys(const Selector& selector, std::span<const std::string> labels) {
    static constexpr std::array<std::string_view, 5> kKnown{"line", "carrier", "node", "province", "city"};
    for (const auto& term : selector.terms) {
        const auto is_key = [&](std::string_view key) { return same_word(key, term.key); };
        if (std::ranges::any_of(kKnown, is_key) || std::ranges::any_of(labels, is_key)) continue;
        const auto meant = std::ranges::find_if(kKnown, [&](auto known) { return is_slip_of(term.key, known); });
        if (meant == kKnown.end()) continue;
        return Error{Errc::bad_value, "/selector",
                     "\"" + term.text + "\": no node has a label \"" + term.key + "\"; did you mean \"" +
                         std::string(*meant) + "\"?"};
    }
    return ok();
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
