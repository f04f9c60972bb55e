#include "cli/api/problem.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/things.hpp"

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

Answer<ExitCode> create_token(const TokenCommand& command, Client& client, const Screen& screen) {
    Json body = Json::object();
    if (command.node) body["node"] = *command.node;
    if (command.ttl_ms) body["ttl_ms"] = *command.ttl_ms;
    const auto reply = client.call({.method = "POST", .path = "/api/v1/join-tokens", .body = dump_json(body)});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status != 201) return trouble_of(reply.value().status, reply.value().body);
    EDGE_TRY(const auto token, json_of(reply.value().body));
    if (command.node) say_of_node(*command.node, client, screen);
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(token)) + "\n");
        return ExitCode::ok;
    }
    // The token alone on stdout, so that a script can take it.
    screen.say(
        "a join token" + (command.node ? " for node " + printable(*command.node) : std::string()) +
        ", for one use until " + printable(text_at(token, "expires_at")) +
        "; it is shown this once. On the node, with the token in FILE, or - for standard input:\n  edge-agent enroll " +
        printable(text_at(token, "gateway_url")) + " --token-file FILE --config /etc/edge/agent.toml");
    screen.print(printable(text_at(token, "token")) + "\n");
    return ExitCode::ok;
}

Answer<ExitCode> call_api(const ApiCommand& command, Client& client, const Screen& screen) {
    const auto reply = client.call({.path = command.path});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status >= 300) return trouble_of(reply.value().status, reply.value().body);
    const std::string& body = reply.value().body;
    screen.print(screen.out_is_terminal ? printable_json(body) : body);
    if (!body.empty() && body.back() != '\n') screen.print("\n");
    return ExitCode::ok;
}

Answer<ExitCode> version(Client* client, const Screen& screen) {
    screen.print("edgectl " EDGE_VERSION "\n");
    if (!client) {
        screen.say("EDGE_URL and EDGE_TOKEN name no broker whose version could be asked");
        return ExitCode::ok;
    }
    EDGE_TRY(const auto broker, client->get("/api/v1/version"));
    screen.print("broker  " + printable(text_at(broker, "version")) + " at " + client->environment().url + "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
