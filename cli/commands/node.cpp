#include "cli/commands/things.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

using Act = NodeCommand::Act;

struct Verb {
    Act act;
    const char* name;
    const char* help;
    bool has_reason;
};
constexpr Verb kVerbs[] = {
    {Act::revoke, "revoke", "shut a node out: its session ends, its key is good for nothing more", true},
    {Act::approve, "approve", "let a pending node in", false},
    {Act::reject, "reject", "do not let a pending node in; it is revoked", true},
    {Act::rotate_key, "rotate", "ask a node for a new key, now or when it comes", false},
};

const char* path_of(Act act) {
    switch (act) {
        case Act::revoke:
            return "/revoke";
        case Act::approve:
            return "/approve";
        case Act::reject:
            return "/reject";
        case Act::rotate_key:
            return "/rotate-key";
    }
    return "";
}

std::string said_of(Act act, const std::string& name, const std::string& state) {
    if (act == Act::rotate_key)
        return name + " is asked for a new key" + (state == "connected" ? "" : ", as soon as it comes");
    if (act == Act::approve) return name + " is approved; it joins within a minute";
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
