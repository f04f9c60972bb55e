#include "broker/domain/node_events.hpp"

#include <algorithm>
#include <utility>

#include "protocol/cut_text.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kReason = 256;
constexpr std::size_t kUplinkName = 31;  // of a line

const char* note_of(NodeEventKind kind) {
    if (kind == NodeEventKind::uplink) return "node.uplink";
    return kind == NodeEventKind::line_state ? "line.state" : "line.identity";
}

link::Identity identity_of(const link::LineReport& line) {
    return line.health ? line.health->identity : link::Identity::unknown;
}

const link::LineReport* find(const std::vector<link::LineReport>& lines, const LineName& name) {
    const auto at = std::ranges::find(lines, name, &link::LineReport::name);
    return at == lines.end() ? nullptr : &*at;
}

void tell(Node& node, NodeEvent event, Batch& batch, Actions& out) {
    cut_text(event.reason, kReason);
    AddEvent change = event_of(node, event.at, event.kind);
    event.n = change.event.n;
    change.event = std::move(event);
    const NodeEvent& e = change.event;
    // The reason is the agent's own text: as JSON it is one line, and quoted.
    out.effects.push_back(Noted{note_of(e.kind), "node=" + node.record.id.text() + " name=" + node.record.name.text() +
                                                     (e.line.empty() ? "" : " line=" + e.line) + " was=" + e.was +
                                                     " became=" + e.became + " reason=" + dump_json(Json(e.reason))});
    batch.push_back(std::move(change));
}

}  // namespace

AddEvent event_of(Node& node, WallTime at, NodeEventKind kind) {
    return {node.record.row, NodeEvent{.n = ++node.last_event, .at = at, .kind = kind}};
}

void change_lines(Node& node, std::vector<link::LineReport> lines, WallTime at, Batch& batch, Actions& out) {
    const std::vector<link::LineReport> before = std::exchange(node.record.lines, {});
    for (link::LineReport& line : lines) {
        const link::LineReport* was = find(before, line.name);
        if (was && !line.health && was->state == line.state) line.health = was->health;
        const std::string name = line.name.text();
        if (!was || was->state != line.state) {
            tell(node,
                 {.at = at,
                  .kind = NodeEventKind::line_state,
                  .line = name,
                  .was = was ? std::string(enum_text(was->state)) : std::string(),
                  .became = std::string(enum_text(line.state)),
                  .reason = line.reason},
                 batch, out);
        }
        const auto identity = was ? identity_of(*was) : link::Identity::unknown;
        if (line.health && identity != identity_of(line)) {
            tell(node,
                 {.at = at,
                  .kind = NodeEventKind::line_identity,
                  .line = name,
                  .was = std::string(enum_text(identity)),
                  .became = std::string(enum_text(identity_of(line))),
                  .reason = line.health->origin},
                 batch, out);
        }
    }
    for (const link::LineReport& was : before) {
        if (lines.empty() || find(lines, was.name)) continue;  // none at all: its launcher is not there
        tell(node,
             {.at = at,
              .kind = NodeEventKind::line_state,
              .line = was.name.text(),
              .was = std::string(enum_text(was.state)),
              .became = "gone",
              .reason = "the node has no line of this name any more"},
             batch, out);
    }
    node.record.lines = std::move(lines);
}

void change_uplink(Node& node, std::optional<link::Uplink> uplink, WallTime at, Batch& batch, Actions& out) {
    if (uplink) {
        cut_text(uplink->name, kUplinkName);
        cut_text(uplink->broker, kReason);
        cut_text(uplink->why, kReason);
    }
    const auto before = std::exchange(node.record.uplink, std::move(uplink));
    const auto& now = node.record.uplink;
    if (!before || !now || before->name == now->name) return;
    tell(node, {.at = at, .kind = NodeEventKind::uplink, .was = before->name, .became = now->name, .reason = now->why},
         batch, out);
}

}  // namespace edge::broker
