#include "cli/api/problem.hpp"
#include "cli/commands/things.hpp"
#include "cli/syntax.hpp"

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

}  // namespace

void TokenCommand::add_to(Syntax& edgectl) {
    auto token = edgectl.add("token", "create", "join tokens, by which a new node enrols");

    struct Given : TokenCommand {
        std::string name, ttl;
    };
    const auto given = std::make_shared<Given>();
    auto create = token.add("create", "[--node NAME] [--ttl TIME]", "make one; it is shown this once");
    create.text("--node", "NAME", given->name, "only a node of this name may use it");
    create.text("--ttl", "TIME", given->ttl, "valid so long, as 15m or 24h");
    create.output(given->format, "table or json");
    create.when_named([given, create]() -> Answer<Command> {
        if (create.was_given("--node")) given->node = given->name;  // an empty one is the broker's to refuse
        EDGE_TRY(const auto ttl, duration("--ttl", given->ttl));
        if (ttl) given->ttl_ms = static_cast<std::uint64_t>(ttl->count());
        return TokenCommand(*given);
    });
    // After create, which names both.
    token.when_named([]() -> Answer<Command> {
        return usage("token: create, or `edgectl get tokens`", "edgectl token create --node gz-1");
    });
}

Answer<ExitCode> TokenCommand::carry_out(Client& client, const Screen& screen) const {
    Json body = Json::object();
    if (node) body["node"] = *node;
    if (ttl_ms) body["ttl_ms"] = *ttl_ms;
    const auto reply = client.call({.method = "POST", .path = "/api/v1/join-tokens", .body = dump_json(body)});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status != 201) return trouble_of(reply.value().status, reply.value().body);
    EDGE_TRY(const auto token, json_of(reply.value().body));
    if (node) say_of_node(*node, client, screen);
    if (format == Format::json || format == Format::jsonl) {
        screen.print(printable_json(dump_json(token)) + "\n");
        return ExitCode::ok;
    }
    // The token alone on stdout, so that a script can take it.
    screen.say(
        "a join token" + (node ? " for node " + printable(*node) : std::string()) + ", for one use until " +
        printable(text_at(token, "expires_at")) +
        "; it is shown this once. On the node, with the token in FILE, or - for standard input:\n  edge-agent enroll " +
        printable(text_at(token, "gateway_url")) + " --token-file FILE --config /etc/edge/agent.toml");
    screen.print(printable(text_at(token, "token")) + "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
