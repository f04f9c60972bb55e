#include "broker/domain/node_orders.hpp"

#include <utility>

#include "broker/domain/node_events.hpp"
#include "broker/domain/outbox.hpp"
#include "protocol/cut_text.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostOfReason = 256;
constexpr std::uint64_t kOneOrderUs = 120'000'000;  // longer than an agent takes two orders for one

void refuse(Ticket ticket, Error error, Actions& out) {
    out.effects.push_back(NodeAnswer{ticket, std::move(error)});
}

void note(const char* event, const Node& node, TokenId by, const std::string& reason, Actions& out) {
    out.effects.push_back(Noted{event, "node=" + node.record.id.text() + " name=" + node.record.name.text() +
                                           " by=" + by.text() + " reason=" + dump_json(Json(reason))});
}

}  // namespace

void NodeOrders::give(Ticket ticket, Node& node, NodeOrder order, std::string reason, TokenId by, Now now,
                      Actions& out) {
    cut_text(reason, kMostOfReason);
    const NodeState state = node.record.state;
    const std::string name = node.record.name.text();
    const std::string shown(enum_text(Fleet::state_of(node)));
    if (enrolment_.is_under_way(node.record.id))
        return refuse(ticket, {Errc::unavailable, {}, "node " + name + " is being enrolled anew; try again"}, out);
    switch (order) {
        case NodeOrder::revoke:
            return revoke(ticket, node, std::move(reason), by, now, out);
        case NodeOrder::approve:
            if (state == NodeState::pending) return approve(ticket, node, by, now, out);
            if (state == NodeState::enrolled) return write(ticket, node, {}, now, out);  // it is already
            return refuse(ticket, {Errc::conflict, {}, "node " + name + " is " + shown + " and not pending"}, out);
        case NodeOrder::reject:
            if (state == NodeState::pending)
                return revoke(ticket, node, reason.empty() ? "rejected" : "rejected: " + reason, by, now, out);
            if (state == NodeState::revoked) return write(ticket, node, {}, now, out);
            return refuse(ticket,
                          {Errc::conflict,
                           {},
                           "node " + name + " is " + shown + " and not pending; revoke it: edgectl revoke " + name},
                          out);
        case NodeOrder::rotate_key:
            if (state == NodeState::enrolled) return rotate_key(ticket, node, by, now, out);
            return refuse(ticket, {Errc::conflict, {}, "node " + name + " is " + shown + "; it has no key to change"},
                          out);
    }
}

void NodeOrders::revoke(Ticket ticket, Node& node, std::string reason, TokenId by, Now now, Actions& out) {
    NodeRecord& record = node.record;
    if (record.state == NodeState::revoked) return write(ticket, node, {}, now, out);
    record.state = NodeState::revoked;
    record.reason = std::move(reason);
    record.next_key.reset();
    record.rotate = false;
    note("node.revoked", node, by, record.reason, out);
    AddEvent event = event_of(node, now.wall, NodeEventKind::revoked);
    event.event.reason = record.reason;
    Batch batch{PutNode{record}, AddAudit{{now.wall, by.text(), "node.revoked", record.id.text()}}, std::move(event)};
    outbox::tell_events(state_, node, now, batch);
    targets_.node_changed(node, now, out);
    write(ticket, node, std::move(batch), now, out);
}

void NodeOrders::approve(Ticket ticket, Node& node, TokenId by, Now now, Actions& out) {
    node.record.state = NodeState::enrolled;
    note("node.approved", node, by, {}, out);
    Batch batch{PutNode{node.record}, AddAudit{{now.wall, by.text(), "node.approved", node.record.id.text()}},
                event_of(node, now.wall, NodeEventKind::approved)};
    outbox::tell_events(state_, node, now, batch);
    targets_.node_changed(node, now, out);
    write(ticket, node, std::move(batch), now, out);
}

void NodeOrders::rotate_key(Ticket ticket, Node& node, TokenId by, Now now, Actions& out) {
    const WallTime changed = node.record.next_key_at;  // 0: never
    // Asked for twice. Each change forgets a key that a broker restored from a backup may need.
    if (changed <= now.wall && now.wall - changed < kOneOrderUs) return write(ticket, node, {}, now, out);
    node.record.rotate = true;
    write(ticket, node,
          Batch{PutNode{node.record}, AddAudit{{now.wall, by.text(), "node.key_asked", node.record.id.text()}}}, now,
          out);
}

/// Without a change: behind what is being written of it.
void NodeOrders::write(Ticket ticket, Node& node, Batch batch, Now, Actions& out) {
    state_.journal.write(out, std::move(batch), [this, ticket, &node](Now at, Actions& after) {
        sessions_.apply_standing(node, at, after);
        state_.tell(node, after);
        after.effects.push_back(NodeAnswer{ticket, Fleet::view(node)});
    });
}

}  // namespace edge::broker
