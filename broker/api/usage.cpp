#include <algorithm>

#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"

namespace edge::broker::api {
namespace {

/// Something to be sorted: what by, and its JSON.
struct Ranked {
    std::uint64_t figure = 0;
    std::string name;
    Json json;
};

template <class Thing>
struct Figure {
    std::string_view name;
    std::uint64_t (*of)(const Thing&);
};

struct LineOfNode {
    const UsageView& node;
    const link::LineUsage& line;
};

std::uint64_t sent(const UsageView& usage) {
    return sent_bytes(usage.facts);
}
std::uint64_t received(const UsageView& usage) {
    return received_bytes(usage.facts);
}

// The first is what a list is sorted by when nobody says.
constexpr Figure<UsageView> kNodeFigures[] = {
    {"bytes", [](const UsageView& u) { return sent(u) + received(u); }},
    {"sent", sent},
    {"received", received},
    {"cpu", [](const UsageView& u) { return std::uint64_t{u.facts.host.cpu_permille.value_or(0)}; }},
    {"load", [](const UsageView& u) { return std::uint64_t{u.facts.host.load_permille}; }},
    {"pressure", [](const UsageView& u) { return std::uint64_t{u.facts.host.cpu_pressure_permille.value_or(0)}; }},
    {"memory",
     [](const UsageView& u) {
         return u.facts.host.memory_bytes - std::min(u.facts.host.memory_bytes, u.facts.host.memory_free_bytes);
     }},
};
constexpr Figure<LineOfNode> kLineFigures[] = {
    {"bytes", [](const LineOfNode& l) { return l.line.sent_bytes + l.line.received_bytes; }},
    {"sent", [](const LineOfNode& l) { return l.line.sent_bytes; }},
    {"received", [](const LineOfNode& l) { return l.line.received_bytes; }},
    {"packets", [](const LineOfNode& l) { return l.line.sent_packets + l.line.received_packets; }},
    {"denied", [](const LineOfNode& l) { return l.line.denied; }},
    {"throttled", [](const LineOfNode& l) { return l.line.throttled; }},
    {"day", [](const LineOfNode& l) { return l.line.day_bytes; }},
};

/// What `sort` names. Answers 400 itself.
template <class Thing, std::size_t Size>
const Figure<Thing>* figure_in_query(const Call& call, const Figure<Thing> (&figures)[Size]) {
    const auto asked = call.query.find("sort");
    if (asked == call.query.end()) return &figures[0];
    std::string names;
    for (const auto& figure : figures) {
        if (figure.name == asked->second) return &figure;
        names += (names.empty() ? "" : ", ") + std::string(figure.name);
    }
    call.refuse(http::Problem{
        http::Code::bad_parameter, "sort: expected one of " + names, {{"sort", "bad_value", "one of " + names}}});
    return nullptr;
}

std::string top(std::vector<Ranked> all, std::size_t limit) {
    std::sort(all.begin(), all.end(), [](const Ranked& a, const Ranked& b) {
        return a.figure != b.figure ? a.figure > b.figure : a.name < b.name;
    });
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < std::min(limit, all.size()); ++i) texts.push_back(dump_json(all[i].json));
    return page_text(texts, std::nullopt);
}

}  // namespace

void get_node_usage(CallPtr call) {
    call->domain.usage(call->path.at(0), when_known<UsageView>(call, [](const Call& asked, const UsageView& usage) {
                           asked.reply(200, dump_json(whole_usage_json(usage)));
                       }));
}

void top_nodes(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto* figure = figure_in_query(*call, kNodeFigures);
    if (!figure) return;
    const auto then = [limit = page->limit, figure](const Call& asked, const std::vector<UsageView>& usages) {
        std::vector<Ranked> all;
        for (const auto& usage : usages) all.push_back({figure->of(usage), usage.node.name.text(), usage_json(usage)});
        asked.reply(200, top(std::move(all), limit));
    };
    call->domain.usages(when_known<std::vector<UsageView>>(call, then));
}

void top_lines(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto* figure = figure_in_query(*call, kLineFigures);
    if (!figure) return;
    const auto then = [limit = page->limit, figure](const Call& asked, const std::vector<UsageView>& usages) {
        std::vector<Ranked> all;
        for (const auto& usage : usages) {
            for (const auto& line : usage.facts.lines)
                all.push_back({figure->of({usage, line}), usage.node.name.text() + "/" + line.name.text(),
                               usage_json(usage, line)});
        }
        asked.reply(200, top(std::move(all), limit));
    };
    call->domain.usages(when_known<std::vector<UsageView>>(call, then));
}

}  // namespace edge::broker::api
