#include <algorithm>

#include "broker/api/keyed_page.hpp"
#include "broker/api/lists.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/join-tokens.
struct JoinTokenBody {
    static constexpr bool fields_have_defaults = true;
    std::optional<NodeName> node;
    std::uint64_t ttl_ms = 15 * 60 * 1000;
};
BOOST_DESCRIBE_STRUCT(JoinTokenBody, (), (node, ttl_ms))

namespace {

constexpr std::uint64_t kLongestTtlMs = 24 * 60 * 60 * 1000;

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

void create_join_token(CallPtr call) {
    if (!call->principal.admin)
        return call->refuse(http::Problem{http::Code::denied, "only an administrator's token makes join tokens", {}});
    JoinTokenBody wanted;
    if (!call->request.body.empty()) {
        auto body = body_as<JoinTokenBody>(*call);
        if (!body) return;
        wanted = std::move(*body);
    }
    if (wanted.ttl_ms < 1 || wanted.ttl_ms > kLongestTtlMs)
        return call->refuse(Error{Errc::bad_value, "/ttl_ms", "expected 1 to 86400000, a day"});
    using Made = std::pair<std::string, JoinTokenView>;
    const auto then = [](const Call& asked, const Made& made) {
        Json json = to_json(made.second);
        json["token"] = made.first;
        json["gateway_url"] = asked.options->gateway_url;
        asked.reply(201, dump_json(json));
    };
    call->domain.create_join_token(wanted.node, wanted.ttl_ms, when_known<Made>(call, then));
}

void list_join_tokens(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto then = [page = *page](const Call& asked, const std::vector<JoinTokenView>& tokens) {
        const auto found = keyed_page(tokens, page);
        if (!found) return asked.refuse(found.error());
        std::vector<std::string> texts;
        for (const auto& token : found.value().items) texts.push_back(dump_json(to_json(token)));
        asked.reply(200, page_text(texts, found.value().next_cursor));
    };
    call->domain.join_tokens(when_known<std::vector<JoinTokenView>>(call, then));
}

}  // namespace edge::broker::api
