// Join tokens: one, or one for each of many nodes.
#include "broker/api/keyed_page.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"

namespace edge::broker::api {

using Labels = std::map<std::string, std::string>;

/// The body of POST /api/v1/join-tokens.
struct JoinTokenBody {
    static constexpr bool fields_have_defaults = true;
    std::optional<NodeName> node;
    std::optional<std::uint32_t> uses;  // 1, or as many as `nodes`
    std::vector<std::string> cidrs;
    Labels labels;
    bool approve = false;
    std::vector<NamedNode> nodes;
    std::uint64_t ttl_ms = 15 * 60 * 1000;
};
BOOST_DESCRIBE_STRUCT(JoinTokenBody, (), (node, uses, cidrs, labels, approve, nodes, ttl_ms))

/// The body of POST /api/v1/join-tokens:batch: one token for each node, all on the same terms.
struct JoinTokenBatchBody {
    static constexpr bool fields_have_defaults = true;
    std::vector<NamedNode> nodes;
    std::vector<std::string> cidrs;
    Labels labels;
    bool approve = false;
    std::uint64_t ttl_ms = 15 * 60 * 1000;
};
BOOST_DESCRIBE_STRUCT(JoinTokenBatchBody, (), (nodes, cidrs, labels, approve, ttl_ms))

namespace {

constexpr const char* kWhat = "makes and revokes join tokens";
using Made = std::vector<NewJoinToken>;
constexpr JsonLimits kBatchLimits{.bytes = kMostBody, .values = kMostBody};

Result<std::vector<IpPrefix>> prefixes(const std::vector<std::string>& texts) {
    std::vector<IpPrefix> all;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        auto prefix = IpPrefix::parse(texts[i]);
        if (!prefix) return Error{Errc::bad_value, "/cidrs/" + std::to_string(i), prefix.error().detail};
        all.push_back(prefix.value());
    }
    return all;
}

/// A refused one is named by its place among many, `/3/labels`; a single one needs no place.
Error without_place(Error error) {
    if (const auto slash = error.where.find('/', 1); error.where.starts_with("/0/")) error.where.erase(0, slash);
    return error;
}

/// Of many: what all have in common is no node's, `/cidrs`; the rest is, `/nodes/3/labels`.
Error in_nodes(Error error) {
    const Error common = without_place(error);
    for (const char* field : {"/ttl_ms", "/cidrs"}) {
        if (common.where == field) return common;
    }
    error.where.insert(0, "/nodes");
    // A token's `node` came here as the `name` of one of the nodes.
    if (error.where.ends_with("/node")) error.where.replace(error.where.size() - 4, 4, "name");
    return error;
}

Json made_json(const NewJoinToken& made) {
    Json json = to_json(made.view);
    json["token"] = made.text;
    return json;
}

}  // namespace

void create_join_token(CallPtr call) {
    if (!is_admin(*call, kWhat)) return;
    JoinTokenBody body;
    if (!call->request.body.empty()) {
        auto given = body_as<JoinTokenBody>(*call, nullptr, kBatchLimits);
        if (!given) return;
        body = std::move(*given);
    }
    if (body.ttl_ms == 0) return call->refuse(Error{Errc::bad_value, "/ttl_ms", "expected 1000 or more"});
    auto cidrs = prefixes(body.cidrs);
    if (!cidrs) return call->refuse(cidrs.error());
    const auto many = static_cast<std::uint32_t>(std::max<std::size_t>(body.nodes.size(), 1));
    JoinTokenTerms terms{body.node,    body.uses.value_or(many), std::move(cidrs.value()), std::move(body.labels),
                         body.approve, std::move(body.nodes)};
    auto then = when_known<Made>(call, [](const Call& asked, const Made& made) {
        Json json = made_json(made.at(0));
        json["gateway_url"] = asked.options->gateway_url;
        asked.reply(201, dump_json(json));
    });
    call->domain.create_join_tokens({std::move(terms)}, body.ttl_ms, call->principal.token,
                                    [then = std::move(then)](Result<Made> made) {
                                        if (!made) return then(without_place(made.error()));
                                        then(std::move(made));
                                    });
}

void create_join_tokens(CallPtr call) {
    if (!is_admin(*call, kWhat)) return;
    auto body = body_as<JoinTokenBatchBody>(*call, nullptr, kBatchLimits);
    if (!body) return;
    if (body->ttl_ms == 0) return call->refuse(Error{Errc::bad_value, "/ttl_ms", "expected 1000 or more"});
    if (body->nodes.empty() || body->nodes.size() > kMostUses)
        return call->refuse(Error{Errc::bad_value, "/nodes", "expected 1 to 10000"});
    auto cidrs = prefixes(body->cidrs);
    if (!cidrs) return call->refuse(cidrs.error());
    std::map<NodeName, std::size_t> places;
    std::vector<JoinTokenTerms> wanted;
    for (std::size_t i = 0; i < body->nodes.size(); ++i) {
        NamedNode& node = body->nodes[i];
        if (const auto [first, is_new] = places.emplace(node.name, i); !is_new)
            return call->refuse(
                Error{Errc::bad_value, "/nodes/" + std::to_string(i) + "/name",
                      node.name.text() + " is there already, at /nodes/" + std::to_string(first->second)});
        Labels labels = body->labels;
        for (auto& [key, value] : node.labels) labels[key] = std::move(value);
        wanted.push_back({std::move(node.name), 1, cidrs.value(), std::move(labels), body->approve, {}});
    }
    auto then = when_known<Made>(call, [](const Call& asked, const Made& made) {
        std::vector<std::string> texts;
        for (const auto& one : made) texts.push_back(dump_json(made_json(one)));
        std::string text = page_text(texts, std::nullopt);
        asked.reply(201, with_member(text, "gateway_url", dump_json(Json(asked.options->gateway_url))));
    });
    call->domain.create_join_tokens(std::move(wanted), body->ttl_ms, call->principal.token,
                                    [then = std::move(then)](Result<Made> made) {
                                        if (made || made.error().where.empty()) return then(std::move(made));
                                        then(in_nodes(made.error()));
                                    });
}

void revoke_join_token(CallPtr call) {
    if (!is_admin(*call, kWhat)) return;
    const auto id = id_in_path<TokenId>(*call);
    if (!id) return;
    call->domain.revoke_join_token(*id, call->principal.token,
                                   when_known<JoinTokenView>(call, [](const Call& asked, const JoinTokenView& token) {
                                       asked.reply(200, dump_json(to_json(token)));
                                   }));
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
