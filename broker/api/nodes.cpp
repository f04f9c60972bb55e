#include "broker/api/keyed_page.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"

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

}  // namespace

void list_nodes(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto then = [page = *page](const Call& asked, const std::vector<NodeView>& nodes) {
        std::vector<KeyedItem> items;
        for (const auto& node : nodes) items.push_back({node.node.name.text(), dump_json(to_json(node))});
        asked.reply(200, keyed_page(std::move(items), page));
    };
    call->domain.nodes(when_known<std::vector<NodeView>>(call, then));
}

void get_node(CallPtr call) {
    call->domain.node(call->path.at(0), when_known<NodeView>(call, [](const Call& asked, const NodeView& node) {
                          asked.reply(200, dump_json(to_json(node)));
                      }));
}

void list_lines(CallPtr call) {
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto then = [page = *page](const Call& asked, const std::vector<NodeView>& nodes) {
        std::vector<KeyedItem> items;
        for (const auto& node : nodes) {
            for (const auto& line : node.lines)
                items.push_back(
                    {node.node.name.text() + "/" + line.name.text(), dump_json(line_json(node.node, line))});
        }
        asked.reply(200, keyed_page(std::move(items), page));
    };
    call->domain.nodes(when_known<std::vector<NodeView>>(call, then));
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
        std::vector<KeyedItem> items;
        for (const auto& token : tokens) items.push_back({token.id.text(), dump_json(to_json(token))});
        asked.reply(200, keyed_page(std::move(items), page));
    };
    call->domain.join_tokens(when_known<std::vector<JoinTokenView>>(call, then));
}

}  // namespace edge::broker::api
