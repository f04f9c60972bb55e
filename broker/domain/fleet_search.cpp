#include "broker/domain/fleet_search.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "broker/domain/lending.hpp"
#include "broker/domain/list_query.hpp"
#include "protocol/codings.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kLongestKey = 128;  // of what is sorted by, so that a cursor is short
/// Known keys, whatever labels nodes have.
constexpr std::array<std::string_view, 8> kFields{"node",    "line",  "carrier",  "state",
                                                  "version", "token", "province", "city"};

/// A node, or one of its lines.
struct Item {
    const Node* node = nullptr;
    const link::LineReport* line = nullptr;
};

/// What an item is sorted by: one of both is used.
struct SortKey {
    std::uint64_t number = 0;
    std::string_view text;
    friend auto operator<=>(const SortKey&, const SortKey&) = default;
};

struct Sorted {
    SortKey key;
    std::string_view node;
    std::string_view line;
    Item item;
};

struct SortName {
    std::string_view name;
    SortKey (*key)(const Item&);
};

std::string_view label(const Node& node, const char* name) {
    const auto at = node.record.labels.find(name);
    return at == node.record.labels.end() ? std::string_view() : std::string_view(at->second).substr(0, kLongestKey);
}

SortKey by_nothing(const Item&) {
    return {};
}
SortKey by_province(const Item& item) {
    return {.text = label(*item.node, "province")};
}
SortKey by_city(const Item& item) {
    return {.text = label(*item.node, "city")};
}
SortKey by_last_seen(const Item& item) {
    return {.number = item.node->record.last_seen_at.value_or(0), .text = {}};
}

constexpr auto kNodeSorts = std::to_array<SortName>({
    {"name", by_nothing},
    {"state", [](const Item& item) { return SortKey{.text = enum_text(Fleet::state_of(*item.node))}; }},
    {"last_seen_at", by_last_seen},
    {"enrolled_at", [](const Item& item) { return SortKey{.number = item.node->record.enrolled_at, .text = {}}; }},
    {"province", by_province},
    {"city", by_city},
    {"version",
     [](const Item& item) {
         return SortKey{.text = std::string_view(item.node->record.agent_version).substr(0, kLongestKey)};
     }},
    {"rtt", [](const Item& item) { return SortKey{.number = item.node->rtt_us.value_or(0), .text = {}}; }},
    {"lines", [](const Item& item) { return SortKey{.number = item.node->record.lines.size(), .text = {}}; }},
});

constexpr auto kLineSorts = std::to_array<SortName>({
    {"name", by_nothing},
    {"line", [](const Item& item) { return SortKey{.text = item.line->name.text()}; }},
    {"carrier",
     [](const Item& item) { return SortKey{.text = std::string_view(item.line->carrier).substr(0, kLongestKey)}; }},
    {"state", [](const Item& item) { return SortKey{.text = enum_text(Fleet::state_of(*item.node, *item.line))}; }},
    {"province", by_province},
    {"city", by_city},
    {"last_seen_at", by_last_seen},
});

struct Order {
    const SortName* by = nullptr;
    bool reversed = false;

    /// Ties stand by name, whichever way the keys go.
    bool before(const Sorted& a, const Sorted& b) const {
        if (a.key != b.key) return reversed ? b.key < a.key : a.key < b.key;
        if (a.node != b.node) return by->key == by_nothing && reversed ? b.node < a.node : a.node < b.node;
        return by->key == by_nothing && reversed ? b.line < a.line : a.line < b.line;
    }
};

Result<Order> order_of(std::string_view sort, std::span<const SortName> names) {
    Order order{&names.front(), sort.starts_with('-')};
    if (sort.empty()) return order;
    const std::string_view wanted = order.reversed ? sort.substr(1) : sort;
    std::string known;
    for (const auto& one : names) {
        order.by = &one;
        if (one.name == wanted) return order;
        known += (known.empty() ? "" : ", ") + std::string(one.name);
    }
    return Error{Errc::bad_value, "/sort", "expected one of " + known + ", with '-' before it for the other way round"};
}

/// A place between two items that stays where it is when items come and go: the key and names of the last one shown.
std::string cursor_at(const Sorted& last, const Order& order) {
    std::string text;
    const auto add = [&text](std::string_view part) {
        text.append(std::to_string(part.size())).append(":").append(part);
    };
    add((order.reversed ? "-" : "") + std::string(order.by->name));
    add(std::to_string(last.key.number));
    add(last.key.text);  // whatever a node said of itself
    add(last.node);
    add(last.line);
    return to_base64(as_bytes(text));
}

/// `text` is where the views of the answer look into.
Result<Sorted> parse_cursor(const std::string& cursor, const Order& order, std::string& text) {
    const Error wrong{Errc::bad_value, "/cursor",
                      "not a cursor of this list in this order; leave it out to begin at the start"};
    const auto bytes = from_base64(cursor);
    if (!bytes) return wrong;
    text.assign(bytes->begin(), bytes->end());
    std::array<std::string_view, 5> parts;
    std::string_view rest = text;
    for (auto& part : parts) {
        std::size_t size = 0;
        const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        if (failed != std::errc() || !rest.starts_with(':') || rest.size() - 1 < size) return wrong;
        part = rest.substr(1, size);
        rest.remove_prefix(1 + size);
    }
    if (!rest.empty()) return wrong;
    const bool reversed = parts[0].starts_with('-');
    if (reversed != order.reversed || parts[0].substr(reversed ? 1 : 0) != order.by->name) return wrong;
    Sorted place{{0, parts[2]}, parts[3], parts[4], {}};
    const auto [end, failed] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), place.key.number);
    if (failed != std::errc() || end != parts[1].data() + parts[1].size()) return wrong;
    return place;
}

template <class View>
Result<Page<View>> page_of(std::span<const Item> items, const ListRequest& list, std::span<const SortName> names,
                           View (*view)(const Item&)) {
    EDGE_TRY(const auto order, order_of(list.sort, names));
    std::string place_text;
    std::optional<Sorted> place;
    if (!list.page.cursor.empty()) {
        EDGE_TRY(place, parse_cursor(list.page.cursor, order, place_text));
    }
    const auto before = [&order](const Sorted& a, const Sorted& b) { return order.before(a, b); };
    std::vector<Sorted> after;
    for (const Item& item : items) {
        const Sorted one{order.by->key(item), item.node->record.name.text(),
                         item.line ? std::string_view(item.line->name.text()) : std::string_view(), item};
        if (!place || before(*place, one)) after.push_back(one);
    }
    const std::size_t shown = std::min<std::size_t>(list.page.limit, after.size());
    std::partial_sort(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(shown), after.end(), before);
    Page<View> page;
    page.total = items.size();
    for (std::size_t i = 0; i < shown; ++i) page.items.push_back(view(after[i].item));
    if (shown < after.size()) page.next_cursor = cursor_at(after[shown - 1], order);
    return page;
}

Candidate candidate_of(const Node& node, const link::LineReport* line) {
    Candidate candidate{.node = node.record.name.text(), .line = {}, .carrier = {}, .labels = &node.record.labels};
    if (line) {
        candidate.line = line->name.text();
        candidate.carrier = line->carrier;
    }
    return candidate;
}

/// The join token by which it came.
bool has_token(const Node& node, const SelectorTerm& term) {
    return node.record.token && same_word(node.record.token->text(), term.value);
}

bool node_matches(const Node& node, const SelectorTerm& term) {
    if (term.key == "token") return has_token(node, term);
    if (term.key == "state") return same_word(enum_text(Fleet::state_of(node)), term.value);
    if (term.key == "version") return same_word(node.record.agent_version, term.value);
    if (matches(candidate_of(node, nullptr), term)) return true;
    return std::ranges::any_of(node.record.lines,
                               [&](const auto& line) { return matches(candidate_of(node, &line), term); });
}

bool line_matches(const Node& node, const link::LineReport& line, const SelectorTerm& term) {
    if (term.key == "token") return has_token(node, term);
    if (term.key == "state") return same_word(enum_text(Fleet::state_of(node, line)), term.value);
    if (term.key == "version") return same_word(node.record.agent_version, term.value);
    return matches(candidate_of(node, &line), term);
}

/// Do the terms say what there can be? Which keys labels are, and who runs lines, is the fleet's to say.
Result<> check_terms(std::span<const SelectorTerm> terms, const Fleet& fleet, const std::vector<std::string>& states) {
    for (const auto& term : terms) {
        const auto is_value = [&](const std::string& value) { return same_word(value, term.value); };
        if (term.key == "state") {
            if (std::ranges::none_of(states, is_value)) return no_such_value(term, states);
        } else if (term.key == "carrier") {
            if (!fleet.has_carrier(term.value)) return no_such_value(term, fleet.carriers());
        } else if (!term.key.empty() && std::ranges::find(kFields, term.key) == kFields.end()) {
            if (fleet.has_label(term.key)) continue;
            std::vector<std::string> keys(kFields.begin(), kFields.end());
            for (auto& label : fleet.label_keys()) {
                if (std::ranges::find(kFields, label) == kFields.end()) keys.push_back(std::move(label));
            }
            return no_such_key(term, keys);
        }
    }
    return ok();
}

NodeView view_node(const Item& item) {
    return Fleet::view(*item.node);
}

LineView view_line(const Item& item) {
    LineView view{item.node->ref(), *item.line};
    Fleet::show(*item.node, view.line);
    return view;
}

}  // namespace

Result<Page<NodeView>> find_nodes(const Fleet& fleet, const ListRequest& list) {
    EDGE_TRY(const auto terms, parse_list_query(list.q));
    EDGE_TRY(check_terms(terms, fleet, names_of<NodeState>()));
    std::vector<Item> items;
    for (const auto& node : fleet.nodes()) {
        const auto fits = [&](const SelectorTerm& term) { return node_matches(*node, term) != term.negated; };
        if (std::ranges::all_of(terms, fits)) items.push_back({node.get(), nullptr});
    }
    return page_of<NodeView>(items, list, kNodeSorts, view_node);
}

Result<Page<LineView>> find_lines(const Fleet& fleet, const ListRequest& list) {
    EDGE_TRY(const auto terms, parse_list_query(list.q));
    EDGE_TRY(check_terms(terms, fleet, names_of<link::LineState>()));
    std::vector<Item> items;
    for (const auto& node : fleet.nodes()) {
        for (const auto& line : node->record.lines) {
            const auto fits = [&](const SelectorTerm& term) { return line_matches(*node, line, term) != term.negated; };
            if (std::ranges::all_of(terms, fits)) items.push_back({node.get(), &line});
        }
    }
    return page_of<LineView>(items, list, kLineSorts, view_line);
}

Result<SelectionView> count_selection(const Fleet& fleet, std::string_view selector, std::optional<Service> service) {
    SelectionView counts;
    auto chosen = fleet.choose(selector);
    if (!chosen && chosen.error().code != Errc::not_found)
        return Error{chosen.error().code, "/q", chosen.error().detail};
    if (!chosen) {
        counts.reason = chosen.error().detail;
        return counts;
    }
    auto& lines = chosen.value().lines;
    if (service) {
        std::string why;
        Lending lending(*service);
        std::erase_if(lines, [&](const Chosen& one) {
            const auto refusal = lending.refusal(one.node->record, *one.report);
            if (refusal && why.empty())
                why = one.node->record.name.text() + "/" + one.line.name.text() + ": " + *refusal;
            return refusal.has_value();
        });
        if (lines.empty()) counts.reason = std::move(why);
    }
    std::vector<std::string_view> nodes;
    for (const auto& one : lines) nodes.push_back(one.node->record.name.text());
    std::vector<std::size_t> kept = spread(nodes, chosen.value().limit.value_or(nodes.size()));
    const Node* last = nullptr;
    for (const std::size_t i : kept) {  // those of one node stand together
        ++counts.lines;
        if (std::exchange(last, lines[i].node) == lines[i].node) continue;
        ++counts.nodes;
        if (lines[i].node->is_connected()) ++counts.connected_nodes;
    }
    return counts;
}

}  // namespace edge::broker
