#include "broker/domain/enrolment.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/join_terms.hpp"
#include "broker/domain/outbox.hpp"
#include "broker/domain/token_text.hpp"
#include "protocol/json/described.hpp"
#include "protocol/link/labels.hpp"

namespace edge::broker {
namespace {

JoinTokenView view_of(const JoinTokenRecord& token) {
    return {token.id, token.terms, token.created_at, token.expires_at, token.used, token.used_at, token.revoked_at};
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

/// A token made for it gives it a new key.
bool is_out_of_use(const NodeRecord& node) {
    return node.state == NodeState::locked || node.state == NodeState::revoked;
}

link::EnrollReply reply_for(const NodeRecord& node) {
    return {node.id, node.name, "default"};
}

}  // namespace

void Enrolment::load(const std::vector<JoinTokenRecord>& join_tokens, const std::vector<ApiTokenRecord>& api_tokens) {
    for (const auto& token : join_tokens) join_tokens_[token.id] = token;
    for (const auto& token : api_tokens) api_tokens_[token.lookup] = token;
}

Result<> Enrolment::are_free(const JoinTokenTerms& terms) const {
    const auto check_free = [this](const NodeName& name, std::string where) -> Result<> {
        const Node* node = state_.fleet.find(name);
        if (!node || is_out_of_use(node->record)) return ok();
        return Error{Errc::conflict, std::move(where),
                     "there is a node named " + name.text() + " already; leave it out, or revoke it first"};
    };
    if (terms.node) {
        EDGE_TRY(check_free(*terms.node, "/node"));
    }
    for (std::size_t i = 0; i < terms.nodes.size(); ++i) {
        EDGE_TRY(check_free(terms.nodes[i].name, "/nodes/" + std::to_string(i) + "/name"));
    }
    return ok();
}

void Enrolment::create_join_tokens(Ticket ticket, std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                                   Now now, Actions& out) {
    std::vector<NewJoinToken> made;
    std::vector<JoinTokenRecord> records;
    Batch batch;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        auto sound = check(wanted[i]);
        if (sound) sound = are_free(wanted[i]);
        auto life = sound ? life_of(wanted[i], ttl_ms) : Result<std::uint64_t>(sound.error());
        if (!life) {
            Error error = life.error();
            error.where = "/" + std::to_string(i) + error.where;
            out.effects.push_back(JoinTokensAnswer{ticket, std::move(error)});
            return;
        }
        std::array<std::uint8_t, 32> secret{};
        state_.entropy.fill(secret);
        JoinTokenRecord record;
        record.id = state_.make_id<TokenId>(now);
        record.hash = secret_hash(to_base64url(secret));
        record.terms = std::move(wanted[i]);
        record.created_at = now.wall;
        record.expires_at = now.wall + life.value() * 1'000;
        made.push_back({make_join_token(record.id, secret, state_.options.gateway_pin), view_of(record)});
        batch.push_back(AddJoinToken{record});
        batch.push_back(AddAudit{{now.wall, by.text(), "join_token.created", record.id.text()}});
        records.push_back(std::move(record));
    }
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, records = std::move(records), made = std::move(made)](Now, Actions& after) {
            for (const auto& record : records) join_tokens_[record.id] = record;
            after.effects.push_back(JoinTokensAnswer{ticket, made});
        },
        [ticket](const Error& error, Now, Actions& after) {
            after.effects.push_back(JoinTokensAnswer{ticket, error});
        });
}

void Enrolment::revoke_join_token(Ticket ticket, TokenId id, TokenId by, Now now, Actions& out) {
    const auto at = join_tokens_.find(id);
    if (at == join_tokens_.end()) {
        out.effects.push_back(JoinTokenAnswer{ticket, Error{Errc::not_found, {}, "no such join token"}});
        return;
    }
    if (at->second.revoked_at) {
        out.effects.push_back(JoinTokenAnswer{ticket, view_of(at->second)});
        return;
    }
    state_.journal.ask(
        out, Batch{RevokeJoinToken{id, now.wall}, AddAudit{{now.wall, by.text(), "join_token.revoked", id.text()}}},
        [this, ticket, id, when = now.wall](Now, Actions& after) {
            JoinTokenRecord& token = join_tokens_.at(id);
            token.revoked_at = when;
            after.effects.push_back(JoinTokenAnswer{ticket, view_of(token)});
        },
        [ticket](const Error& error, Now, Actions& after) {
            after.effects.push_back(JoinTokenAnswer{ticket, error});
        });
}

std::vector<JoinTokenView> Enrolment::join_tokens() const {
    std::vector<JoinTokenView> views;
    for (const auto& [id, token] : join_tokens_) views.push_back(view_of(token));
    return views;
}

Result<JoinTokenRecord*> Enrolment::find_token(const std::string& text) {
    // Until the secret is known to be right, every token looks the same from outside.
    const Error unknown = denied("this join token is not known here; make one: edgectl token create");
    const auto parts = parse_join_token(text);
    if (!parts) return unknown;
    const auto at = join_tokens_.find(parts->id);
    const Digest hash = secret_hash(parts->secret);
    const Digest none{};
    const bool right = equal_in_constant_time(hash, at == join_tokens_.end() ? none : at->second.hash);
    if (at == join_tokens_.end() || !right) return unknown;
    return &at->second;
}

Result<> Enrolment::admits(const JoinTokenRecord& token, const std::string& peer, Now now) const {
    if (token.revoked_at) return denied("this join token was revoked; ask for another one: edgectl token create");
    const bool is_single = token.terms.uses == 1;
    if (token.used >= token.terms.uses)
        return denied(is_single ? "this join token was used already; make a new one: edgectl token create"
                                : "all " + std::to_string(token.terms.uses) +
                                      " uses of this join token are spent; make a new one: edgectl token create");
    if (now.wall >= token.expires_at)
        return denied("this join token has expired; make a new one: edgectl token create");
    if (!admits_address(token.terms, peer))
        return denied("this join token is not for the address " + peer +
                      ", from which the broker is reached; make one whose --cidr has it: edgectl token create");
    const auto spending = std::ranges::count(under_way_, token.id, &UnderWay::token);
    if (token.used + static_cast<std::uint64_t>(spending) >= token.terms.uses)
        return Error{Errc::unavailable, {}, "the last use of this join token is being spent; try again"};
    return ok();
}

bool Enrolment::is_under_way(NodeId node) const {
    return std::ranges::any_of(under_way_, [node](const UnderWay& one) { return one.node.id == node; });
}

Enrolment::UnderWay Enrolment::take_under_way(NodeId node) {
    const auto at = std::ranges::find_if(under_way_, [node](const UnderWay& one) { return one.node.id == node; });
    UnderWay taken = std::move(*at);
    under_way_.erase(at);
    return taken;
}

Result<NodeRecord> Enrolment::make_node(const JoinTokenRecord& token, const link::EnrollRequest& request,
                                        const PublicKey& key, Now now) {
    EDGE_TRY(auto name, name_for(token.terms, request.name));
    if (!link::are_labels(request.labels)) return Error{Errc::bad_value, "/labels", link::kLabelBounds};
    if (state_.fleet.find_key(key))
        return Error{Errc::conflict, "/public_key", "this key is another node's; make a new one"};
    const auto is_taken = [&](const UnderWay& one) { return one.node.name == name || one.node.key == key; };
    if (std::ranges::any_of(under_way_, is_taken))
        return Error{Errc::unavailable, {}, "an enrolment of this name or key is under way; try again"};
    NodeRecord node;
    if (const Node* taken = state_.fleet.find(name)) {
        if (!is_out_of_use(taken->record) || !token.terms.node)
            return Error{
                Errc::conflict, "/name",
                "there is a node named " + name.text() + " already; a machine of its own needs a name of its own"};
        if (taken->session)
            return Error{Errc::unavailable, {}, "node " + name.text() + " is being shut out; try again"};
        node = taken->record;
        node.join_counter = 0;
        node.join_confirmed = true;
        node.next_key.reset();
        node.rotate = false;
        node.reason.clear();
    } else {
        node.row = take_key(state_.next.next_node);
        node.id = state_.make_id<NodeId>(now);
        node.name = name;
    }
    node.key = key;
    node.state = token.terms.approve ? NodeState::pending : NodeState::enrolled;
    node.token = token.id;
    node.preset = preset_for(token.terms, name);
    node.labels = with_preset(request.labels, node.preset);
    node.agent_version = request.agent_version;
    node.enrolled_at = now.wall;
    node.joined_in = state_.generation.row;  // its counter begins here
    return node;
}

void Enrolment::enroll(Ticket ticket, const Enrolling& enrolling, Now now, Actions& out) {
    const auto answer = [&](Result<link::EnrollReply> reply) {
        out.effects.push_back(EnrollAnswer{ticket, std::move(reply)});
    };
    const link::EnrollRequest& request = enrolling.request;
    const auto key = key_of(request);
    if (!key) return answer(Error{Errc::bad_value, "/public_key", "expected base64 of 32 bytes"});
    const auto found = find_token(request.token);
    if (!found) return answer(found.error());
    const JoinTokenRecord& token = *found.value();
    const auto asked_before = std::ranges::find_if(
        under_way_, [&](const UnderWay& one) { return one.token == token.id && one.node.key == *key; });
    if (asked_before != under_way_.end()) return asked_before->tickets.push_back(ticket);
    if (const Node* node = state_.fleet.find_key(*key); node && node->record.token == token.id) {
        if (node->record.state == NodeState::revoked)
            return answer(denied("node " + node->record.name.text() + " was revoked; to bring it back: edgectl token " +
                                 "create --node " + node->record.name.text()));
        return answer(reply_for(node->record));  // the first reply was lost
    }
    if (const auto admitted = admits(token, enrolling.peer, now); !admitted) return answer(admitted.error());
    auto node = make_node(token, request, *key, now);
    if (!node) return answer(node.error());
    const NodeRecord& made = node.value();
    under_way_.push_back({token.id, made, {ticket}});
    Batch batch{UseJoinToken{token.id, now.wall}, PutNode{made},
                AddAudit{{now.wall, token.id.text(), "node.enrolled", made.id.text()}}};
    outbox::tell_enrolled(state_, made, now, batch);
    state_.journal.ask(
        out, std::move(batch),
        [this, id = made.id, when = now.wall](Now, Actions& after) {
            const UnderWay done = take_under_way(id);
            JoinTokenRecord& used = join_tokens_.at(done.token);
            ++used.used;
            used.used_at = when;
            Node* known = state_.fleet.find(id);
            if (known)
                known->record = done.node;
            else
                known = &state_.fleet.add(done.node);
            state_.tell(*known, after);
            after.effects.push_back(Noted{"node.enrolled", "node=" + id.text() + " name=" + done.node.name.text() +
                                                               " token=" + done.token.text() +
                                                               " state=" + std::string(enum_text(done.node.state))});
            for (const auto waiting : done.tickets)
                after.effects.push_back(EnrollAnswer{waiting, reply_for(done.node)});
        },
        [this, id = made.id](const Error& error, Now, Actions& after) {
            for (const auto waiting : take_under_way(id).tickets) after.effects.push_back(EnrollAnswer{waiting, error});
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
