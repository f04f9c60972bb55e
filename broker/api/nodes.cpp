#include <algorithm>

#include "broker/api/lists.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {

namespace {

std::string label_of(const NodeView& node, const char* name) {
    const auto at = node.labels.find(name);
    return at == node.labels.end() ? std::string() : at->second;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

const ListShape<NodeView> kNodes{
    {"name", "id", "state", "province", "city", "agent_version", "lines", "rtt_us", "last_seen_at", "busy"},
    [](const NodeView& node) { return dump_json(to_json(node)); },
    [](const NodeView& node) {
        return std::vector<std::string>{node.node.name.text(),
                                        node.node.id.text(),
                                        std::string(enum_text(node.state)),
                                        label_of(node, "province"),
                                        label_of(node, "city"),
                                        node.agent_version,
                                        std::to_string(node.lines.size()),
                                        node.rtt_us ? std::to_string(*node.rtt_us) : std::string(),
                                        node.last_seen_at ? rfc3339_ms(*node.last_seen_at) : std::string(),
                                        node.busy};
    }};

const ListShape<LineView> kLines{
    {"node", "line", "carrier", "state", "reason", "device", "addresses", "resolvers", "enforced_by"},
    [](const LineView& view) { return dump_json(line_json(view.node, view.line)); },
    [](const LineView& view) {
        return std::vector<std::string>{view.node.name.text(),
                                        view.line.name.text(),
                                        view.line.carrier,
                                        std::string(enum_text(view.line.state)),
                                        view.line.reason,
                                        view.line.device,
                                        joined(view.line.addresses),
                                        joined(view.line.resolvers),
                                        std::string(enum_text(view.line.enforced_by))};
    }};

}  // namespace

void list_nodes(CallPtr call) {
    reply_list(std::move(call), kNodes, [](Domain& domain, ListRequest list, Reply<Page<NodeView>> reply) {
        domain.find_nodes(std::move(list), std::move(reply));
    });
}

void get_node(CallPtr call) {
    call->domain.node(call->path.at(0), when_known<NodeView>(call, [](const Call& asked, const NodeView& node) {
                          asked.reply(200, dump_json(to_json(node)));
                      }));
}

void list_lines(CallPtr call) {
    reply_list(std::move(call), kLines, [](Domain& domain, ListRequest list, Reply<Page<LineView>> reply) {
        domain.find_lines(std::move(list), std::move(reply));
    });
}

void count_selection(CallPtr call) {
    const auto selector = call->query.find("q");
    if (selector == call->query.end())
        return call->refuse(http::Problem{http::Code::bad_parameter, "q: the selector is missing", {}});
    std::optional<Service> service;
    if (const auto asked = call->query.find("service"); asked != call->query.end()) {
        service = enum_value<Service>(asked->second);
        if (!service) return call->refuse(Error{Errc::bad_value, "/service", "no such service"});
    }
    call->domain.count_selection(
        selector->second, service, when_known<SelectionView>(call, [](const Call& asked, const SelectionView& counts) {
            Json json = {{"lines", counts.lines}, {"nodes", counts.nodes}, {"connected_nodes", counts.connected_nodes}};
            if (!counts.reason.empty()) json["reason"] = counts.reason;
            asked.reply(200, dump_json(json));
        }));
}

void list_node_events(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    using Events = Page<NodeEvent>;
    call->domain.node_events(call->path.at(0), *page,
                             when_known<Events>(call, [](const Call& asked, const Events& found) {
                                 std::vector<std::string> texts;
                                 for (const auto& event : found.items) texts.push_back(dump_json(to_json(event)));
                                 asked.reply(200, page_text(texts, found.next_cursor));
                             }));
}

}  // namespace edge::broker::api
