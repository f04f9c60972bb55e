#include "broker/domain/fleet.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

/// Source: docs/protocol.md. A line may have another.
constexpr std::array<std::string_view, 7> kCarriers{"ct", "cu", "cm", "cbn", "edu", "bgp", "overseas"};

template <class Map, class Key>
Node* find_in(const Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : at->second;
}

bool may_work(const Node& node) {
    return !is_shut_out(node.record.state);
}

}  // namespace

Node& Fleet::add(NodeRecord record) {
    Node& node = *nodes_.emplace_back(std::make_unique<Node>());
    node.record = std::move(record);
    by_id_[node.record.id] = &node;
    by_name_[node.record.name] = &node;
    by_row_[static_cast<std::int64_t>(node.record.row)] = &node;
    return node;
}

Spool& Fleet::add_spool(SpoolRecord record) {
    const auto committed = record.committed;
    const auto newest_rid = record.newest_rid;
    Node* node = find(record.node);
    return *node->spools.emplace_back(
        std::make_unique<Spool>(Spool{.record = std::move(record), .received = committed, .newest_rid = newest_rid}));
}

Node* Fleet::find(NodeId id) const {
    return find_in(by_id_, id);
}
Node* Fleet::find(const NodeName& name) const {
    return find_in(by_name_, name);
}
Node* Fleet::find(NodeRow row) const {
    return find_in(by_row_, static_cast<std::int64_t>(row));
}

Node* Fleet::find_key(const PublicKey& key) const {
    for (const auto& node : nodes_) {
        if (node->record.key == key || node->record.next_key == key) return node.get();
    }
    return nullptr;
}

Spool* Fleet::find_spool(const Node& node, SpoolId id) {
    for (const auto& spool : node.spools) {
        if (spool->record.id == id) return spool.get();
    }
    return nullptr;
}

Result<Selection> Fleet::choose(std::string_view text, const Node* only) const {
    EDGE_TRY(const auto selector, parse_selector(text));
    std::vector<Candidate> candidates;
    std::vector<Chosen> lines;
    for (const auto& node : nodes_) {
        if (!may_work(*node) || (only && node.get() != only)) continue;
        for (const auto& line : node->record.lines) {
            candidates.push_back({node->record.name.text(), line.name.text(), line.carrier, &node->record.labels});
            lines.push_back(Chosen{node.get(), LineRef{line.name, line.carrier}, &line});
        }
    }
    if (candidates.empty() && !nodes_.empty())
        return Error{Errc::not_found, "/selector",
                     "no node has told of a line yet; is edge-launcher running on " +
                         nodes_.front()->record.name.text() + (nodes_.size() > 1 ? " and the others" : "") +
                         ", where its agent looks for it?"};
    EDGE_TRY(const auto indices, select(selector, candidates));
    Selection selection{.lines = {}, .limit = selector.limit};
    selection.lines.reserve(indices.size());
    for (const auto index : indices) selection.lines.push_back(std::move(lines[index]));
    return selection;
}

std::size_t Fleet::open_tasks() const {
    std::size_t open = 0;
    for (const auto& node : nodes_) open += node->open.size();
    return open;
}

std::vector<NodeView> Fleet::views() const {
    std::vector<NodeView> all;
    all.reserve(nodes_.size());
    for (const auto& node : nodes_) all.push_back(view(*node));
    return all;
}

std::vector<UsageView> Fleet::usages() const {
    std::vector<UsageView> all;
    for (const auto& node : nodes_) {
        if (node->usage.told_at() > 0) all.push_back(node->usage.view(node->ref(), NodeUsage::Detail::latest));
    }
    return all;
}

std::vector<std::string> Fleet::carriers() const {
    std::set<std::string> all(kCarriers.begin(), kCarriers.end());
    for (const auto& node : nodes_) {
        for (const auto& line : node->record.lines) all.insert(line.carrier);
    }
    all.erase("");
    return {all.begin(), all.end()};
}

bool Fleet::has_carrier(std::string_view name) const {
    const auto is_it = [name](std::string_view carrier) { return same_word(carrier, name); };
    return std::ranges::any_of(kCarriers, is_it) || std::ranges::any_of(nodes_, [&](const auto& node) {
               return std::ranges::any_of(node->record.lines, is_it, &link::LineReport::carrier);
           });
}

std::vector<std::string> Fleet::label_keys() const {
    std::set<std::string> all;
    for (const auto& node : nodes_) {
        for (const auto& [key, value] : node->record.labels) all.insert(key);
    }
    return {all.begin(), all.end()};
}

bool Fleet::has_label(std::string_view key) const {
    return std::ranges::any_of(nodes_, [key](const auto& node) {
        return std::ranges::any_of(node->record.labels, [key](const auto& one) { return same_word(one.first, key); });
    });
}

NodeState Fleet::state_of(const Node& node) {
    if (node.is_connected()) return NodeState::connected;
    if (!may_work(node)) return node.record.state;
    return node.record.connected_at ? NodeState::disconnected : NodeState::enrolled;
}

link::LineState Fleet::state_of(const Node& node, const link::LineReport& line) {
    return node.is_connected() ? line.state : link::LineState::unknown;
}

void Fleet::show(const Node& node, link::LineReport& line) {
    if (node.is_connected()) return;
    line.reason = "the node is not connected; it last said " + std::string(enum_text(line.state));
    line.state = state_of(node, line);
}

NodeView Fleet::view(const Node& node) {
    const NodeRecord& r = node.record;
    NodeView view{.node = node.ref(),
                  .state = state_of(node),
                  .reason = r.reason,
                  .token = r.token,
                  .labels = r.labels,
                  .agent_version = r.agent_version,
                  .policy_hash = r.policy_hash,
                  .enrolled_at = r.enrolled_at,
                  .new_key_at = {},
                  .connected_at = r.connected_at,
                  .last_seen_at = r.last_seen_at,
                  .rtt_us = node.rtt_us,
                  .clock_offset_us = node.clock_offset_us,
                  .lines = r.lines,
                  .uplink = {},
                  .busy = {},
                  .policy = {}};
    if (r.next_key) view.new_key_at = r.next_key_at;
    if (node.is_connected()) {
        view.uplink = r.uplink;
        view.busy = node.usage.facts().host.busy;
        return view;
    }
    for (link::LineReport& line : view.lines) show(node, line);
    return view;
}

}  // namespace edge::broker
