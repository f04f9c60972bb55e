#include "broker/domain/node_keys.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/node_events.hpp"
#include "broker/domain/outbox.hpp"

namespace edge::broker {
namespace {

template <class Bytes>
bool fill(Bytes& out, const std::string& base64) {
    const auto bytes = from_base64(base64);
    if (!bytes || bytes->size() != out.size()) return false;
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return true;
}

bool is_by(const PublicKey& key, const std::string& input, const std::string& base64) {
    Signature signature{};
    return fill(signature, base64) && verify_ed25519(key, as_bytes(input), signature);
}

}  // namespace

NodeKey NodeKeys::valid(const NodeRecord& node, WallTime at) {
    if (node.next_key && at >= node.next_key_at + kOldKeyLastsUs) return {*node.next_key, {}};
    return {node.key, node.next_key};
}

bool NodeKeys::is_valid(const NodeRecord& node, const PublicKey& key, WallTime at) {
    const NodeKey now = valid(node, at);
    return key == now.key || key == now.next;
}

void NodeKeys::used(Node& node, const PublicKey& key, Now now, Batch& batch, Actions& out) const {
    NodeRecord& record = node.record;
    if (record.next_key != key) return;
    record.key = key;
    record.next_key.reset();
    batch.push_back(event_of(node, now.wall, NodeEventKind::key_changed));
    batch.push_back(AddAudit{{now.wall, record.id.text(), "node.key_changed", record.id.text()}});
    out.effects.push_back(Noted{"node.key_changed", "node=" + record.id.text() + " name=" + record.name.text()});
}

const char* NodeKeys::offered(Session& session, const link::NewKey& offer, Now now, Actions& out) {
    Node& node = *session.node;
    NodeRecord& record = node.record;
    PublicKey key{};
    if (!fill(key, offer.public_key)) return "public_key is base64 of 32 bytes";
    const std::string input =
        link::new_key_signing_input(record.id, {reinterpret_cast<const char*>(key.data()), key.size()});
    const bool is_by_key = is_by(record.key, input, offer.by_old);
    const bool is_by_next = !is_by_key && record.next_key && is_by(*record.next_key, input, offer.by_old);
    if (!is_by_key && !is_by_next) return "by_old is by no key of this node";
    if (!is_by(key, input, offer.by_new)) return "by_new is not by the new key";
    const auto taken = [this, id = session.id, text = offer.public_key](Now, Actions& after) {
        if (state_.session(id)) after.effects.push_back(SendTo{id, {link::KeyTaken{text}}});
    };
    if (is_shut_out(record.state)) return nullptr;  // its session is about to end
    if (record.next_key == key || record.key == key) {
        state_.journal.write(out, {}, taken);  // it asks again: the answer was lost
        return nullptr;
    }
    if (state_.fleet.find_key(key)) return "the key is another node's";
    if (node.pace.next() > now.mono) return "keys come too often";
    Batch batch;
    // The one before it is not to live on with each new one.
    if (is_by_next) used(node, PublicKey(*record.next_key), now, batch, out);
    record.next_key = key;
    record.next_key_at = now.wall;
    record.rotate = false;
    node.pace.spend(1, now.mono);
    out.effects.push_back(Noted{"node.key_offered", "node=" + record.id.text() + " name=" + record.name.text()});
    batch.push_back(PutNode{record});
    batch.push_back(AddAudit{{now.wall, record.id.text(), "node.key_offered", record.id.text()}});
    outbox::tell_events(state_, node, now, batch);
    state_.journal.write(out, std::move(batch), [this, &node, taken](Now at, Actions& after) {
        taken(at, after);
        state_.tell(node, after);
    });
    return nullptr;
}

void NodeKeys::greet(const Session& session, Actions& out) const {
    std::vector<link::Envelope> told;
    if (state_.options.pins) told.emplace_back(*state_.options.pins);
    if (session.node->record.rotate) told.emplace_back(link::RotateKey{});
    if (!told.empty()) out.effects.push_back(SendTo{session.id, std::move(told)});
}

}  // namespace edge::broker
