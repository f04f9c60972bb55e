#include "broker/domain/sessions.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "broker/domain/join_rule.hpp"
#include "broker/domain/join_terms.hpp"
#include "broker/domain/node_events.hpp"
#include "broker/domain/outbox.hpp"
#include "protocol/json/described.hpp"
#include "protocol/link/labels.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kComeBackWithinMs = 5'000;
constexpr std::uint64_t kRefusedForMs = 300'000;     // it may be repaired meanwhile
constexpr std::uint64_t kApprovedWithinMs = 30'000;  // until a pending node asks again
constexpr std::size_t kBootsKept = 8;
constexpr std::size_t kBootIdKept = 64;  // bytes; an agent's has 26
constexpr std::uint64_t kAlternationUs = 600'000'000;
constexpr std::size_t kMostAlternations = 3;  // within that time

link::Reject refused(link::RejectCode code, std::string text, std::uint64_t retry_after_ms, bool fatal) {
    return link::Reject{.code = code, .text = std::move(text), .retry_after_ms = retry_after_ms, .fatal = fatal};
}

link::Reject overloaded() {
    return refused(link::RejectCode::overloaded, "the broker's store cannot be written now", kComeBackWithinMs, false);
}

bool same_lines(const std::vector<link::LineReport>& a, const std::vector<link::LineReport>& b) {
    return a.size() == b.size() && encode(a) == encode(b);
}

/// An agent takes its own place when its link was cut, and its next process takes the one before's. Two that run at a
/// time come back again and again, each with the boot id it had.
bool processes_alternate(Node& node, std::string boot_id, Now now) {
    boot_id.resize(std::min(boot_id.size(), kBootIdKept));
    auto& boots = node.boots;
    const auto before = std::ranges::find(boots, boot_id);
    const bool is_back = before != boots.end() && boots.back() != boot_id;
    if (before != boots.end()) boots.erase(before);
    boots.push_back(std::move(boot_id));
    if (boots.size() > kBootsKept) boots.pop_front();
    auto& times = node.came_back;
    while (!times.empty() && times.front() + kAlternationUs <= now.mono) times.pop_front();
    if (is_back && node.session) times.push_back(now.mono);
    return times.size() >= kMostAlternations;
}

/// What no node can have, or nothing.
const char* wrong_with(const std::map<std::string, std::string>& labels) {
    return link::are_labels(labels) ? nullptr : link::kLabelBounds;
}

const char* wrong_with(const std::vector<link::LineReport>& lines) {
    if (lines.size() > kMostLinesOfNode) return kTooManyLines;
    std::set<LineName> names;
    for (const auto& line : lines) {
        if (line.health && line.health->checks.size() > kMostChecksOfLine) return kTooManyLines;
        if (!names.insert(line.name).second) return kSameLineTwice;
    }
    return nullptr;
}

}  // namespace

/// Why it is not let in, whatever its counter says.
std::optional<link::Reject> Sessions::objection(const Node& node, const link::Hello& hello) const {
    const NodeRecord& record = node.record;
    const std::string& name = record.name.text();
    const std::string why = record.reason.empty() ? std::string() : ": " + record.reason;
    const std::string anew =
        "; to bring it back: edgectl token create --node " + name + ", and on the node edge-agent enroll --replace";
    using enum link::RejectCode;
    if (record.state == NodeState::pending)
        return refused(link::RejectCode::pending, "an operator has to approve this node: edgectl approve " + name,
                       kApprovedWithinMs, false);
    if (record.state == NodeState::revoked)
        return refused(revoked, "this node was revoked" + why + anew, kRefusedForMs, true);
    if (record.state == NodeState::locked)
        return refused(locked, "this node is locked" + why + anew, kRefusedForMs, true);
    if (hello.proto != link::kProtocolVersion)
        return refused(unsupported_version, "this broker speaks protocol 1", 0, true);
    if (const char* wrong = wrong_with(hello.labels)) return refused(protocol_error, wrong, 0, false);
    if (const char* wrong = wrong_with(hello.lines)) return refused(protocol_error, wrong, 0, false);
    return std::nullopt;
}

void Sessions::join(Ticket ticket, link::Hello hello, const PublicKey& key, Now now, Actions& out) {
    const auto reject = [&](link::Reject why) { out.effects.push_back(JoinAnswer{ticket, std::move(why)}); };
    Node* node = state_.fleet.find(hello.node_id);
    if (!node)
        return reject(refused(link::RejectCode::unknown_node, "no such node; enrol it with a join token", 0, true));
    if (auto why = objection(*node, hello)) return reject(std::move(*why));
    if (!NodeKeys::is_valid(node->record, key, now.wall))  // it was another's a moment ago
        return reject(refused(link::RejectCode::bad_signature, "the key was replaced", 0, true));
    const JoinsKnown known{node->record.join_counter, node->record.join_confirmed, recovery_.is_due(*node)};
    const JoinVerdict verdict = judge_join(known, hello.join_counter);
    if (verdict == JoinVerdict::stale) {
        return lock(*node, "its key was used from two places",
                    refused(link::RejectCode::stale_counter,
                            "another holder of this node's key has joined since; the node is locked until an operator "
                            "enrols it anew",
                            0, true),
                    ticket, now, out);
    }
    if (verdict == JoinVerdict::ahead) return reject(recovery_.refuse(*node, hello, now, out));
    if (processes_alternate(*node, hello.boot_id, now)) {
        return lock(
            *node, "suspect: two agents with its key took each other's place again and again",
            refused(link::RejectCode::locked,
                    "another agent uses this node's key; the node is locked until an operator enrols it anew", 0, true),
            ticket, now, out);
    }
    if (const std::uint64_t next = node->pace.next(); next > now.mono) {  // each join is written, too
        const std::uint64_t wait_ms = (next - now.mono + 999) / 1'000;
        return reject(refused(link::RejectCode::overloaded, "this node joins or changes too often", wait_ms, false));
    }
    begin(*node, std::move(hello), key, ticket, now, out);
}

void Sessions::lock(Node& node, std::string reason, link::Reject answer, Ticket ticket, Now now, Actions& out) {
    ++state_.counters.locked;
    node.record.state = NodeState::locked;
    node.record.reason = std::move(reason);
    node.boots.clear();  // who is enrolled anew is judged anew
    node.came_back.clear();
    if (node.session) close(*node.session, link::Goaway{.reason = link::GoawayReason::revoked}, now, out);
    out.effects.push_back(Noted{"node.locked", "node=" + node.record.id.text() + " name=" + node.record.name.text() +
                                                   " reason=\"" + node.record.reason + "\""});
    node.record.is_there = false;  // where it was awaited
    AddEvent event = event_of(node, now.wall, NodeEventKind::locked);
    event.event.reason = node.record.reason;
    Batch batch{PutNode{node.record}, AddAudit{{now.wall, "broker", "node.locked", node.record.id.text()}},
                std::move(event)};
    outbox::tell_events(state_, node, now, batch);
    targets_.node_changed(node, now, out);
    state_.journal.write(out, std::move(batch), [this, &node, ticket, answer = std::move(answer)](Now, Actions& after) {
        state_.tell(node, after);
        after.effects.push_back(JoinAnswer{ticket, answer});
    });
}

void Sessions::apply_standing(Node& node, Now now, Actions& out) {
    Session* session = node.session;
    if (!session) return;
    if (is_shut_out(node.record.state))
        return close(*session, link::Goaway{.reason = link::GoawayReason::revoked}, now, out);
    if (session->confirmed && node.record.rotate) out.effects.push_back(SendTo{session->id, {link::RotateKey{}}});
}

void Sessions::begin(Node& node, link::Hello hello, const PublicKey& key, Ticket ticket, Now now, Actions& out) {
    bool took_over = false;
    if (node.session) {
        took_over = node.session->is_known_there();
        out.effects.push_back(
            Noted{"session.taken_over", "node=" + node.record.id.text() + " session=" + node.session->id.text()});
        out.effects.push_back(CloseSession{node.session->id, link::Goaway{.reason = link::GoawayReason::taken_over}});
        forget(*node.session, now, out);  // the node is there all the while: no news
    }
    NodeRecord& r = node.record;
    r.agent_version = hello.agent_version;
    r.policy_hash = hello.policy_hash;
    if (r.policy && r.policy->hash != r.policy_hash) r.policy.reset();  // it is another one now, and told soon
    r.labels = with_preset(hello.labels, r.preset);
    Batch batch;
    keys_.used(node, key, now, batch, out);
    change_lines(node, std::move(hello.lines), now.wall, batch, out);
    change_uplink(node, std::move(hello.uplink), now.wall, batch, out);
    r.connected_at = now.wall;
    r.last_seen_at = now.wall;
    ++r.epoch;
    r.join_counter = hello.join_counter + 1;
    r.join_confirmed = false;
    batch.push_back(PutNode{r});
    node.pace.spend(batch.size(), now.mono);
    outbox::tell_events(state_, node, now, batch);

    const SessionId id = state_.make_id<SessionId>(now);
    Session& session = *(state_.sessions[id] = std::make_unique<Session>());
    session.id = id;
    session.node = &node;
    session.took_over = took_over;
    session.spool = Fleet::find_spool(node, hello.spool_id);
    if (!session.spool) {
        node.lost_disk = node.lost_disk || !node.spools.empty();
        session.spool = &state_.fleet.add_spool({take_key(state_.next.next_spool), r.row, hello.spool_id, 0, {}});
    }
    recovery_.begin(node, *session.spool, hello);
    session.spool_first = std::min(hello.spool_first, hello.spool_last + 1);
    session.spool_goal = hello.spool_last;
    session.hello = std::move(hello);
    session.join_counter = r.join_counter;
    session.next_n = session.hello.work_last + 1;
    node.session = &session;

    state_.journal.ask(
        out, std::move(batch),
        [this, id, ticket](Now at, Actions& after) {
            Session* joined = state_.session(id);
            if (joined)
                after.effects.push_back(JoinAnswer{ticket, welcome(*joined, at)});
            else
                after.effects.push_back(JoinAnswer{ticket, overloaded()});  // taken over meanwhile
        },
        [this, id, ticket](const Error&, Now at, Actions& after) {
            if (Session* refused_one = state_.session(id)) remove(*refused_one, at, after);
            after.effects.push_back(JoinAnswer{ticket, overloaded()});
        });
}

/// Beyond what came.
std::uint64_t Sessions::may_come(const Session& session, Now now) const {
    return session.node->result_pace.room(state_.options.node_results_per_s, now.mono);
}

std::optional<link::Credit> Sessions::more_credit(Session& session, Now now) {
    const std::uint64_t window = state_.options.result_window;
    const std::uint64_t committed = session.spool->record.committed;
    if (session.granted >= committed + window / 2 || session.credit_timer) return std::nullopt;
    const std::uint64_t came = session.expected_n() - 1;
    const std::uint64_t upto = std::min(committed + window, came + may_come(session, now));
    // One envelope for some results: those of a twentieth of a second where it is the rate that counts.
    const std::uint32_t per_s = state_.options.node_results_per_s;
    const std::uint64_t step = std::clamp<std::uint64_t>(per_s / 20, 1, std::max<std::uint64_t>(window / 2, 1));
    if (upto >= session.granted + step) {
        session.granted = upto;
        return link::Credit{session.granted, state_.options.result_window_bytes};
    }
    const std::uint64_t wanted = session.granted + step - came;
    if (wanted > per_s) return std::nullopt;  // it has some left, and what comes of these comes here again
    ++state_.counters.credit_waits;
    const std::uint64_t at = session.node->result_pace.when(per_s, wanted);
    session.credit_timer = state_.timers.set(at, [this, id = session.id](Now later, Actions& out) {
        Session* waiting = state_.session(id);
        if (!waiting) return;
        waiting->credit_timer.reset();
        if (const auto credit = more_credit(*waiting, later)) out.effects.push_back(SendTo{id, {*credit}});
    });
    return std::nullopt;
}

link::Welcome Sessions::welcome(Session& session, Now now) const {
    const std::uint64_t acked = session.spool->record.committed;
    session.granted =
        session.expected_n() - 1 + std::min<std::uint64_t>(state_.options.result_window, may_come(session, now));
    return link::Welcome{.session_id = session.id,
                         .epoch = session.node->record.epoch,
                         .join_counter = session.join_counter,
                         .results_acked = acked,
                         .work_from = session.next_n,
                         .credit = link::Credit{session.granted, state_.options.result_window_bytes},
                         .limits = state_.options.limits,
                         .server_time_us = now.wall,
                         .revoke = dispatch_.unwanted(*session.node, session.hello, recovery_.is_due(*session.node)),
                         .generation = state_.generation.id};
}

/// Of a node that had another one before.
void Sessions::note_spool(Session& session, Now now, Batch& batch, Actions& out) const {
    const auto is_older = [&](const auto& one) { return one.get() != session.spool && one->is_stored; };
    if (std::ranges::none_of(session.node->spools, is_older)) return;
    out.effects.push_back(Noted{"node.spool_replaced", "node=" + session.node->record.id.text() +
                                                           " name=" + session.node->record.name.text() +
                                                           " spool=" + session.spool->record.id.text()});
    AddEvent told = event_of(*session.node, now.wall, NodeEventKind::spool_replaced);
    told.event.reason = "damaged or lost: results that it had not sent do not come";
    batch.push_back(std::move(told));
}

void Sessions::confirm(SessionId id, const link::WelcomeAck& ack, Now now, Actions& out) {
    Session* session = state_.session(id);
    if (!session) return;
    if (session->confirmed) return fail(*session, "welcome_ack", "sent twice", now, out);
    if (ack.join_counter != session->join_counter) {
        return fail(*session, "welcome_ack", "names another join counter than welcome did", now, out);
    }
    session->confirmed = true;
    session->credit = ack.credit;
    session->node->record.join_confirmed = true;
    state_.ahead.erase(session->node);
    const bool is_recovering = recovery_.is_due(*session->node);
    if (is_recovering) {
        out.effects.push_back(Noted{"node.recovers", "node=" + session->node->record.id.text() + " results_from=" +
                                                         std::to_string(session->spool->received + 1) +
                                                         " results_upto=" + std::to_string(session->spool_goal)});
    }
    session->node->record.joined_in = state_.generation.row;
    session->node->record.last_seen_at = now.wall;
    const bool was_there = std::exchange(session->node->record.is_there, true);
    // The spool's row only now: until the session is confirmed a lost disk must be seen as one again.
    Batch batch{PutNode{session->node->record}};
    Recovery::confirm(*session->node, batch);
    batch.push_back(PutSpool{session->spool->record});
    if (!std::exchange(session->spool->is_stored, true)) note_spool(*session, now, batch, out);
    if (!was_there) batch.push_back(event_of(*session->node, now.wall, NodeEventKind::connected));
    // What a spool had before we knew it was another broker's, unless we forgot it or the node says that it was ours.
    if (session->spool->received > 0 || is_recovering || session->hello.gap)
        recovery_.note_gap(*session, now, batch, out);
    outbox::tell_events(state_, *session->node, now, batch);
    state_.journal.write(
        out, std::move(batch),
        [this, node = session->node, spool = session->spool, n = session->spool->received](Now, Actions& after) {
            spool->record.committed = std::max(spool->record.committed, n);
            state_.tell(*node, after);
        });
    out.effects.push_back(Noted{
        "node.connected", "node=" + session->node->record.id.text() + " name=" + session->node->record.name.text() +
                              " session=" + id.text() + " epoch=" + std::to_string(session->node->record.epoch)});
    keys_.greet(*session, out);
    if (const auto credit = more_credit(*session, now)) out.effects.push_back(SendTo{id, {*credit}});
    dispatch_.reconcile(*session, now, out);
    targets_.confirmed(*session, now, out);
    session->hello = {};
}

void Sessions::leave(SessionId id, Now now, Actions& out) {
    Session* session = state_.session(id);
    if (!session) return;
    Node& node = *session->node;
    out.effects.push_back(Noted{"node.disconnected", "node=" + node.record.id.text() +
                                                         " name=" + node.record.name.text() + " session=" + id.text()});
    remove(*session, now, out);
    state_.journal.write(out, Batch{PutNode{node.record}}, state_.tells(node));
}

const char* Sessions::lines(Session& session, link::Lines lines, Now now, Actions& out) {
    if (const char* wrong = wrong_with(lines.lines)) return wrong;
    session.told_lines = std::move(lines);
    take_told(session, now, out);
    return nullptr;
}

const char* Sessions::policy(Session& session, link::Policy policy, Now now, Actions& out) {
    if (dump_json(encode(policy)).size() > kMostPolicyBytes) return kTooMuchPolicy;
    session.told_policy = std::move(policy);
    take_told(session, now, out);
    return nullptr;
}

void Sessions::take_told(Session& session, Now now, Actions& out) {
    const std::uint64_t next = session.node->pace.next();
    if (next <= now.mono) return write_told(session, now, out);
    if (session.told_timer) return;
    session.told_timer = state_.timers.set(next, [this, id = session.id](Now at, Actions& o) {
        Session* waiting = state_.session(id);
        if (!waiting) return;
        waiting->told_timer.reset();
        take_told(*waiting, at, o);
    });
}

void Sessions::write_told(Session& session, Now now, Actions& out) {
    if (session.told_timer) state_.timers.cancel(*session.told_timer);
    session.told_timer.reset();
    Node& node = *session.node;
    NodeRecord& record = node.record;
    Batch batch;
    bool changed = false;
    if (auto lines = std::exchange(session.told_lines, {}); lines && !same_lines(record.lines, lines->lines)) {
        change_lines(node, std::move(lines->lines), now.wall, batch, out);
        changed = true;
    }
    if (auto policy = std::exchange(session.told_policy, {});
        policy && !(record.policy && encode(*record.policy) == encode(*policy))) {
        record.policy_hash = policy->hash;
        record.policy = std::move(policy);
        changed = true;
    }
    if (!changed) return;
    batch.push_back(PutNode{record});
    node.pace.spend(batch.size(), now.mono);
    outbox::tell_events(state_, node, now, batch);
    state_.journal.write(out, std::move(batch), state_.tells(node));
    targets_.node_changed(node, now, out);
}

void Sessions::measured(SessionId id, std::uint64_t rtt_us, std::int64_t clock_offset_us, Now now) {
    Session* session = state_.session(id);
    if (!session) return;
    session->node->record.last_seen_at = now.wall;  // in memory; written with whatever is written next of the node
    session->node->rtt_us = rtt_us;
    session->node->clock_offset_us = clock_offset_us;
}

void Sessions::fail(Session& session, std::string code, std::string text, Now now, Actions& out) {
    ++state_.counters.protocol_errors;
    out.effects.push_back(Noted{"session.protocol_error", "node=" + session.node->record.id.text() +
                                                              " session=" + session.id.text() + " code=" + code});
    out.effects.push_back(SendTo{session.id, {link::ProtocolError{std::move(code), std::move(text)}}});
    Node& node = *session.node;
    close(session, link::Goaway{.reason = link::GoawayReason::rebalance, .window_ms = kComeBackWithinMs}, now, out);
    state_.journal.write(out, Batch{PutNode{node.record}}, state_.tells(node));
}

void Sessions::await_those_that_were_there(Now now) {
    if (std::ranges::none_of(state_.fleet.nodes(), [](const auto& node) { return node->record.is_there; })) return;
    state_.timers.set(now.mono + state_.options.come_back_ms * 1'000ULL,
                      [this](Now at, Actions& out) { tell_missing(at, out); });
}

void Sessions::tell_missing(Now now, Actions& out) {
    for (const auto& node : state_.fleet.nodes()) {
        if (!node->record.is_there || node->is_connected()) continue;
        out.effects.push_back(
            Noted{"node.disconnected", "node=" + node->record.id.text() + " name=" + node->record.name.text() +
                                           " reason=\"it did not come back after the broker's start\""});
        tell_gone(*node, now, out, state_.tells(*node));
    }
}

void Sessions::tell_gone(Node& node, Now now, Actions& out, Journal::Then then) {
    node.record.is_there = false;
    Batch batch{PutNode{node.record}, event_of(node, now.wall, NodeEventKind::disconnected)};
    outbox::tell_events(state_, node, now, batch);
    state_.journal.write(out, std::move(batch), std::move(then));
}

void Sessions::close_all(Now now, Actions& out) {
    stop_soon();
    dispatch_.save_offers(out);
    Batch batch;
    while (!state_.sessions.empty()) {
        Session& session = *state_.sessions.begin()->second;
        Node& node = *session.node;
        close(session, link::Goaway{.reason = link::GoawayReason::maintenance, .window_ms = kComeBackWithinMs}, now,
              out);
        batch.push_back(PutNode{node.record});
    }
    if (!batch.empty()) state_.journal.write(out, std::move(batch), nullptr);
}

void Sessions::close(Session& session, link::Goaway why, Now now, Actions& out) {
    out.effects.push_back(CloseSession{session.id, why});
    remove(session, now, out);
}

void Sessions::remove(Session& session, Now now, Actions& out) {
    Node& node = *session.node;
    const bool was_there = session.is_known_there();
    forget(session, now, out);
    if (was_there && !is_stopping_) tell_gone(node, now, out, nullptr);
}

void Sessions::forget(Session& session, Now now, Actions& out) {
    if (session.told_timer) state_.timers.cancel(*session.told_timer);  // its next hello says what it said last
    if (session.credit_timer) state_.timers.cancel(*session.credit_timer);
    dispatch_.abandon(session, now, out);
    session.node->session = nullptr;
    session.node->rtt_us.reset();
    session.node->record.last_seen_at = now.wall;
    state_.sessions.erase(SessionId(session.id));
}

}  // namespace edge::broker
