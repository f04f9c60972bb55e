#include "broker/domain/enrolment.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/outbox.hpp"
#include "broker/domain/token_text.hpp"
#include "protocol/json/described.hpp"
#include "protocol/link/labels.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kDefaultTtlMs = 15 * 60 * 1'000;
constexpr std::uint64_t kMostTtlMs = 24 * 60 * 60 * 1'000;
constexpr std::uint64_t kLeastTtlMs = 1'000;

JoinTokenView view_of(const JoinTokenRecord& token) {
    return JoinTokenView{token.id, token.node, token.created_at, token.expires_at, token.used_at};
}

std::optional<PublicKey> key_of(const link::EnrollRequest& request) {
    const auto bytes = from_base64(request.public_key);
    PublicKey key{};
    if (!bytes || bytes->size() != key.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return key;
}

Error denied(std::string why) {
    return Error{Errc::denied, {}, std::move(why)};
}

link::EnrollReply reply_for(const NodeRecord& node) {
    return {node.id, node.name, "default"};
}

}  // namespace

void Enrolment::load(const std::vector<JoinTokenRecord>& join_tokens, const std::vector<ApiTokenRecord>& api_tokens) {
    for (const auto& token : join_tokens) join_tokens_[token.id] = JoinToken{token};
    for (const auto& token : api_tokens) api_tokens_[token.lookup] = token;
}

void Enrolment::create_join_token(Ticket ticket, std::optional<NodeName> node, std::uint64_t ttl_ms, Now now,
                                  Actions& out) {
    const std::uint64_t ttl = ttl_ms == 0 ? kDefaultTtlMs : ttl_ms;
    if (ttl < kLeastTtlMs || ttl > kMostTtlMs) {
        out.effects.push_back(
            JoinTokenAnswer{ticket, Error{Errc::bad_value, "/ttl_ms", "is 1000 to 86400000 (a day)"}});
        return;
    }
    std::array<std::uint8_t, 32> secret{};
    state_.entropy.fill(secret);
    JoinTokenRecord record;
    record.id = state_.make_id<TokenId>(now);
    std::string text = make_join_token(record.id, secret, state_.options.gateway_pin);
    record.hash = secret_hash(to_base64url(secret));
    record.node = std::move(node);
    record.created_at = now.wall;
    record.expires_at = now.wall + ttl * 1'000;
    Batch batch{PutJoinToken{record}, AddAudit{{now.wall, "api", "join_token.created", record.id.text()}}};
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, record, text = std::move(text)](Now, Actions& after) {
            join_tokens_[record.id] = JoinToken{record};
            after.effects.push_back(JoinTokenAnswer{ticket, std::pair(text, view_of(record))});
        },
        [ticket](const Error& error, Now, Actions& after) {
            after.effects.push_back(JoinTokenAnswer{ticket, error});
        });
}

std::vector<JoinTokenView> Enrolment::join_tokens() const {
    std::vector<JoinTokenView> views;
    for (const auto& [id, token] : join_tokens_) views.push_back(view_of(token.record));
    return views;
}

Result<Enrolment::JoinToken*> Enrolment::usable(const link::EnrollRequest& request, Now now) {
    // Until the secret is known to be right, every token looks the same from outside.
    const Error unknown = denied("this join token is not known here; make one: edgectl token create");
    const auto text = parse_join_token(request.token);
    if (!text) return unknown;
    const auto at = join_tokens_.find(text->id);
    const Digest hash = secret_hash(text->secret);
    const Digest none{};
    const bool right = equal_in_constant_time(hash, at == join_tokens_.end() ? none : at->second.record.hash);
    if (at == join_tokens_.end() || !right) return unknown;
    JoinToken& token = at->second;
    if (token.record.used_at || token.under_way) return &token;  // the caller compares keys
    if (now.wall >= token.record.expires_at)
        return denied("this join token has expired; make a new one: edgectl token create");
    return &token;
}

bool Enrolment::being_made(const NodeName& name, const PublicKey& key) const {
    return std::any_of(being_made_.begin(), being_made_.end(),
                       [&](const NodeRecord& one) { return one.name == name || one.key == key; });
}

Result<NodeRecord> Enrolment::make_node(const JoinTokenRecord& token, const link::EnrollRequest& request,
                                        const PublicKey& key, Now now) {
    NodeName name;
    if (token.node) {
        name = *token.node;
        if (!request.name.empty() && request.name != name.text())
            return denied("this join token is for node " + name.text() + ", and this one asks to be " +
                          described::quote_key(request.name) + ": set [node] name = \"" + name.text() +
                          "\" in agent.toml, or make a token for that name");
    } else {
        auto wished = NodeName::parse(request.name);
        if (!wished)
            return Error{Errc::bad_value, "/name",
                         request.name.empty() ? "the token names no node: set [node] name in agent.toml"
                                              : wished.error().detail};
        name = std::move(wished.value());
    }
    if (!link::are_labels(request.labels)) return Error{Errc::bad_value, "/labels", link::kLabelBounds};
    if (state_.fleet.find_key(key))
        return Error{Errc::conflict, "/public_key", "this key is another node's; make a new one"};
    if (being_made(name, key))
        return Error{Errc::unavailable, {}, "an enrolment of this name or key is under way; try again"};
    NodeRecord node;
    if (const Node* taken = state_.fleet.find(name)) {
        // A token made for a locked or revoked node gives it a new key; any other name is taken.
        const bool out_of_use = taken->record.state == NodeState::locked || taken->record.state == NodeState::revoked;
        if (!out_of_use || !token.node)
            return Error{
                Errc::conflict, "/name",
                "there is a node named " + name.text() + " already; a machine of its own needs a name of its own"};
        node = taken->record;
        node.join_counter = 0;
        node.join_confirmed = true;
    } else {
        node.row = take_key(state_.next.next_node);
        node.id = state_.make_id<NodeId>(now);
        node.name = name;
    }
    node.key = key;
    node.state = NodeState::enrolled;
    node.labels = request.labels;
    node.agent_version = request.agent_version;
    node.enrolled_at = now.wall;
    node.joined_in = state_.generation.row;  // its counter begins here
    return node;
}

void Enrolment::enroll(Ticket ticket, const link::EnrollRequest& request, Now now, Actions& out) {
    const auto answer = [&](Result<link::EnrollReply> reply) {
        out.effects.push_back(EnrollAnswer{ticket, std::move(reply)});
    };
    const auto key = key_of(request);
    if (!key) return answer(Error{Errc::bad_value, "/public_key", "expected base64 of 32 bytes"});
    const auto found = usable(request, now);
    if (!found) return answer(found.error());
    JoinToken& token = *found.value();
    if (token.under_way) {
        if (token.under_way->key == *key) return token.under_way->tickets.push_back(ticket);
        return answer(Error{Errc::unavailable, {}, "an enrolment with this join token is under way; try again"});
    }
    if (token.record.used_at) {
        const Node* node = token.record.used_by ? state_.fleet.find(*token.record.used_by) : nullptr;
        if (node && node->record.key == *key) return answer(reply_for(node->record));  // the first reply was lost
        return answer(denied("this join token was used already; make a new one: edgectl token create"));
    }
    auto node = make_node(token.record, request, *key, now);
    if (!node) return answer(node.error());
    JoinTokenRecord used = token.record;
    used.used_at = now.wall;
    used.used_by = node.value().id;
    token.under_way = UnderWay{*key, {ticket}};
    being_made_.push_back(node.value());
    Batch batch{PutJoinToken{used}, PutNode{node.value()},
                AddAudit{{now.wall, used.id.text(), "node.enrolled", node.value().id.text()}}};
    outbox::tell_enrolled(state_, node.value(), now, batch);
    state_.journal.ask(
        out, std::move(batch),
        [this, used, made = node.value()](Now, Actions& after) {
            std::erase_if(being_made_, [&](const NodeRecord& one) { return one.id == made.id; });
            const auto done = std::exchange(join_tokens_[used.id], JoinToken{used}).under_way;
            Node* known = state_.fleet.find(made.id);
            if (known)
                known->record = made;
            else
                known = &state_.fleet.add(made);
            state_.tell(*known, after);
            after.effects.push_back(Noted{"node.enrolled", "node=" + made.id.text() + " name=" + made.name.text()});
            for (const auto waiting : done->tickets) after.effects.push_back(EnrollAnswer{waiting, reply_for(made)});
        },
        [this, id = used.id, node_id = node.value().id](const Error& error, Now, Actions& after) {
            std::erase_if(being_made_, [&](const NodeRecord& one) { return one.id == node_id; });
            const auto failed = std::exchange(join_tokens_[id].under_way, std::nullopt);
            for (const auto waiting : failed->tickets) after.effects.push_back(EnrollAnswer{waiting, error});
        });
}

Result<Principal> Enrolment::authenticate(std::string_view bearer) const {
    const Error unknown = denied("the token is not known");
    const auto text = parse_api_token(bearer);
    if (!text) return unknown;
    const auto at = api_tokens_.find(text->lookup);
    const Digest none{};
    const bool right =
        equal_in_constant_time(secret_hash(text->secret), at == api_tokens_.end() ? none : at->second.hash);
    if (at == api_tokens_.end() || !right) return unknown;
    return Principal{at->second.id, at->second.admin};
}

}  // namespace edge::broker
