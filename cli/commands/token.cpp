#include "cli/commands/things.hpp"
#include "cli/commands/token_flags.hpp"

namespace edge::cli {
namespace {

/// A name that is a node's already: what its token is good for.
void say_of_node(const std::string& name, Client& client, const Screen& screen) {
    const auto node = client.get("/api/v1/nodes/" + name);
    if (!node) return;  // there is none, which is how it should be
    const auto state = text_at(node.value(), "state");
    const bool out_of_use = state == "locked" || state == "revoked";
    screen.say(screen.err_style.paint(
        "node " + printable(name) + " is " + printable(state) + " already: " +
            (out_of_use ? "who enrolls with this token takes its place, with a new key"
                        : "the broker refuses this token as long as it is; another machine needs a name of its own"),
        Tone::warn));
}

std::string said_of(const TokenTerms& terms, const Json& token) {
    std::string text = "a join token";
    if (terms.node) text += " for node " + printable(*terms.node);
    const auto uses = number_at(token, "uses").value_or(1);
    text += uses == 1 ? ", for one use until " : ", for " + std::to_string(uses) + " uses until ";
    text += printable(text_at(token, "expires_at"));
    if (!terms.cidrs.empty()) text += ", from " + printable(list_at(token, "cidrs"));
    if (terms.approve) text += "; who comes by it waits for `edgectl approve NODE`";
    return text;
}

}  // namespace

void add_terms(Syntax& syntax, GivenTerms& given) {
    syntax.text("--ttl", "TIME", given.ttl, "valid so long, as 15m or 24h; up to 720h with --cidr");
    syntax.texts("--cidr", "PREFIX", given.cidrs,
                 "only from there, as 192.0.2.0/24 or 2001:db8::/32; may stand more than once");
    syntax.texts("--label", "KEY=VALUE", given.pairs,
                 "preset: the node has it, whatever its agent says; may stand more than once");
    syntax.flag("--approve", given.approve, "nodes wait until an operator approves them");
}

Answer<TokenTerms> terms_of(const GivenTerms& given) {
    TokenTerms terms;
    terms.cidrs = given.cidrs;
    terms.approve = given.approve;
    EDGE_TRY(terms.labels, labels_of(given.pairs, "edgectl token create --label province=guangdong"));
    EDGE_TRY(const auto ttl, duration("--ttl", given.ttl));
    if (ttl) terms.ttl_ms = static_cast<std::uint64_t>(ttl->count());
    return terms;
}

Json body_of(const TokenTerms& terms) {
    Json body = Json::object();
    if (terms.node) body["node"] = *terms.node;
    if (terms.uses) body["uses"] = *terms.uses;
    if (!terms.cidrs.empty()) body["cidrs"] = terms.cidrs;
    if (!terms.labels.empty()) body["labels"] = terms.labels;
    if (terms.approve) body["approve"] = true;
    if (terms.ttl_ms) body["ttl_ms"] = *terms.ttl_ms;
    return body;
}

void TokenCommand::add_to(Syntax& edgectl) {
    auto token = edgectl.add("token", "create|revoke", "join tokens, by which new nodes enrol");

    struct Given : TokenCommand {
        GivenTerms terms_given;
        std::string name;
    };
    const auto given = std::make_shared<Given>();
    auto create = token.add("create", "[--node NAME | --uses N]", "make one; it is shown this once");
    create.text("--node", "NAME", given->name, "only a node of this name may use it");
    create.number("--uses", given->terms.uses, 10'000, "so many nodes may use it; 1 without it");
    add_terms(create, given->terms_given);
    create.output(given->format, "table or json");
    create.when_named([given, create]() -> Answer<Command> {
        const auto uses = given->terms.uses;
        EDGE_TRY(given->terms, terms_of(given->terms_given));
        given->terms.uses = uses;
        if (create.was_given("--node")) given->terms.node = given->name;  // an empty one is the broker's to refuse
        return TokenCommand(*given);
    });

    const auto gone = std::make_shared<TokenCommand>();
    gone->act = Act::revoke;
    auto revoke = token.add("revoke", "TOKEN", "nobody joins by it any more; who did stays");
    revoke.text("token", "TOKEN", gone->id, "its id, as `edgectl get tokens` shows it");
    revoke.output(gone->format, "table or json");
    revoke.when_named([gone]() -> Answer<Command> {
        if (gone->id.empty()) return usage("token revoke: which one?", "edgectl get tokens");
        return *gone;
    });
    // After those that name it, too.
    token.when_named([]() -> Answer<Command> {
        return usage("token: create, revoke, or `edgectl get tokens`", "edgectl token create --node gz-1");
    });
}

Answer<ExitCode> TokenCommand::carry_out(Client& client, const Screen& screen) const {
    const bool as_json = format == Format::json || format == Format::jsonl;
    if (act == Act::revoke) {
        EDGE_TRY(const auto token, asked(client, "DELETE", "/api/v1/join-tokens/" + percent_encoded(id), 200));
        const auto used = number_at(token, "used").value_or(0);
        screen.print(as_json ? printable_json(dump_json(token)) + "\n"
                             : printable(text_at(token, "id")) + " is revoked; " + std::to_string(used) +
                                   (used == 1 ? " node came" : " nodes came") +
                                   " by it: edgectl get nodes -q token:" + printable(text_at(token, "id")) + "\n");
        return ExitCode::ok;
    }
    EDGE_TRY(const auto token, asked(client, "POST", "/api/v1/join-tokens", 201, body_of(terms)));
    if (terms.node) say_of_node(*terms.node, client, screen);
    if (as_json) {
        screen.print(printable_json(dump_json(token)) + "\n");
        return ExitCode::ok;
    }
    // The token alone on stdout, so that a script can take it.
    screen.say(said_of(terms, token) +
               "; it is shown this once. On the node, with the token in FILE, or - for standard input:\n  edge-agent "
               "enroll " +
               printable(text_at(token, "gateway_url")) + " --token-file FILE --config /etc/edge/agent.toml");
    screen.print(printable(text_at(token, "token")) + "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
