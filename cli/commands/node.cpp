#include "cli/commands/things.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

struct Verb {
    NodeCommand::Act act;
    const char* name;
    const char* help;
    bool has_reason;
};
constexpr Verb kVerbs[] = {
    {NodeCommand::Act::revoke, "revoke", "shut a node out: its session ends, its key is good for nothing more", true},
    {NodeCommand::Act::approve, "approve", "let a pending node in", false},
    {NodeCommand::Act::reject, "reject", "do not let a pending node in; it is revoked", true},
    {NodeCommand::Act::rotate_key, "rotate", "ask a node for a new key, now or when it comes", false},
};

const char* path_of(NodeCommand::Act act) {
    switch (act) {
        case NodeCommand::Act::revoke:
            return "/revoke";
        case NodeCommand::Act::approve:
            return "/approve";
        case NodeCommand::Act::reject:
            return "/reject";
        case NodeCommand::Act::rotate_key:
            return "/rotate-key";
    }
    return "";
}

std::string said_of(NodeCommand::Act act, const std::string& name, const std::string& state) {
    if (act == NodeCommand::Act::rotate_key)
        return name + " is asked for a new key" + (state == "connected" ? "" : ", as soon as it comes");
    if (act == NodeCommand::Act::approve) return name + " is approved; it joins within a minute";
    return name + " is revoked; to bring it back: edgectl token create --node " + name;
}

}  // namespace

void NodeCommand::add_to(Syntax& edgectl) {
    for (const Verb& verb : kVerbs) {
        const auto given = std::make_shared<NodeCommand>();
        given->act = verb.act;
        auto syntax = edgectl.add(verb.name, "NODE", verb.help);
        syntax.text("node", "NODE", given->node, "its name or id, as `edgectl get nodes` shows them");
        if (verb.has_reason)
            syntax.text("--reason", "TEXT", given->reason, "shown with the node, and to its agent; at most 256 bytes");
        syntax.output(given->format, "table or json");
        syntax.when_named([given, name = std::string(verb.name)]() -> Answer<Command> {
            if (given->node.empty()) return usage(name + " which node?", "edgectl get nodes");
            return *given;
        });
    }
}

Answer<ExitCode> NodeCommand::carry_out(Client& client, const Screen& screen) const {
    const std::string path = "/api/v1/nodes/" + percent_encoded(node) + path_of(act);
    EDGE_TRY(const auto told, asked(client, "POST", path, 200, reason.empty() ? Json() : Json{{"reason", reason}}));
    if (format == Format::json || format == Format::jsonl) {
        screen.print(printable_json(dump_json(told)) + "\n");
        return ExitCode::ok;
    }
    screen.print(said_of(act, printable(text_at(told, "name")), text_at(told, "state")) + "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
