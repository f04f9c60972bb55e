#include "broker/domain/intake.hpp"

#include <algorithm>
#include <utility>

#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kMostParkedBesides = 1024 * 1024;  // of what is no result
constexpr std::uint64_t kMostEarly = 256 * 1024;           // bytes of a session's, that are being written
constexpr std::size_t kMostUnderWay = 100'000;             // results of a spool, with those whose turn is not yet
constexpr std::uint64_t kAuditedEachUs = 3'600ULL * 1'000'000;

bool is_early(const link::Received& received) {
    const auto* result = std::get_if<link::TaskResult>(&received.envelope);
    return result && result->early.value_or(false);
}

std::uint64_t bytes_of(const std::vector<link::Received>& message) {
    std::uint64_t bytes = 0;
    for (const auto& one : message) {
        if (std::holds_alternative<link::TaskResult>(one.envelope) && !is_early(one)) bytes += one.bytes;
    }
    return bytes;
}

/// A node that lies for hours fills no log: the 1st, 2nd, 4th, 8th, … is noted.
void note_refused(std::string event, std::uint64_t count, const Session& session, const link::TaskResult& result,
                  Actions& out) {
    if ((count & (count - 1)) != 0) return;
    out.effects.push_back(
        Noted{std::move(event), "node=" + session.node->record.id.text() + " task=" + result.task_id.text() +
                                    " result=" + result.rid.text() + " count=" + std::to_string(count)});
}

/// An end that no result made, `lost`, `expired` or `canceled`, was a guess: a late result replaces it. Every other end
/// stands.
bool takes_result(const Task& task) {
    return is_open(task) || task.recorded == 0;
}

}  // namespace

TaskState end_of(const link::TaskResult& result) {
    const std::string_view code = result.failure ? std::string_view(result.failure->code) : std::string_view();
    if (code == "canceled") return TaskState::canceled;  // with replies until then, or without
    if (result.status == Status::ok || result.status == Status::partial) return TaskState::succeeded;
    if (result.status == Status::refused) return code == "expired" ? TaskState::expired : TaskState::failed;
    return code == "timeout" ? TaskState::timed_out : TaskState::failed;
}

void Intake::receive(SessionId id, std::vector<link::Received> message, Now now, Actions& out) {
    Session* session = state_.session(id);
    if (!session) return;  // taken over: the newer session is sent the same results again
    if (!session->confirmed) return sessions_.fail(*session, "unexpected", "welcome_ack comes first", now, out);
    session->node->record.last_seen_at = now.wall;
    const std::uint64_t bytes = bytes_of(message);
    // One message may always come, however large.
    if (bytes > 0 && session->unstored_bytes > 0 &&
        session->unstored_bytes + bytes > state_.options.result_window_bytes) {
        return sessions_.fail(*session, "credit", "more bytes of results than were granted", now, out);
    }
    session->unstored_bytes += bytes;
    auto asked = session->searching ? std::nullopt : unknowns(*session, message);
    // Copies of what comes later need no look, and do not wait for the others'.
    if (session->searching || asked) take_early_ones(*session, message, now, out);
    if (session->searching) {
        keep_parked(*session, std::move(message));
        if (session->parked_bytes > state_.options.result_window_bytes + kMostParkedBesides)
            return sessions_.fail(*session, "credit", "more than can wait for a look into the store", now, out);
    } else if (asked) {
        park(*session, std::move(message), std::move(*asked), out);
    } else {
        process(*session, std::move(message), now, out);
    }
}

void Intake::take_early_ones(Session& session, std::vector<link::Received>& message, Now now, Actions& out) {
    const auto first =
        std::stable_partition(message.begin(), message.end(), [](const auto& one) { return !is_early(one); });
    if (first == message.end()) return;
    std::vector<link::Received> early(std::make_move_iterator(first), std::make_move_iterator(message.end()));
    message.erase(first, message.end());
    process(session, std::move(early), now, out);
}

/// What memory does not know of a message's results. Those that the session ends for, out of sequence, cost no look.
std::optional<LookUp> Intake::unknowns(Session& session, const std::vector<link::Received>& message) const {
    const Spool& spool = *session.spool;
    LookUp asked{session.id, {}, {}, spool.record.row, {}};
    session.taken_rids.clear();
    std::uint64_t next = session.expected_n();
    for (const auto& one : message) {
        const auto* result = std::get_if<link::TaskResult>(&one.envelope);
        if (!result || is_early(one) || result->n <= spool.received) continue;
        // Beyond the credit as well: it may have grown when the answer comes.
        if (result->n != next++) break;
        if (!state_.runs.task(result->task_id)) {
            asked.tasks.push_back(result->task_id);
            const bool is_planned = result->plan && !state_.runs.find(result->run_id);
            if (is_planned || Recovery::is_open(spool, result->n)) asked.runs.push_back(result->run_id);
        }
        if (result->rid > spool.newest_rid) continue;
        if (spool.under_way.contains(result->rid))
            session.taken_rids.insert(result->rid);
        else
            asked.rids.push_back(result->rid);
    }
    if (asked.tasks.empty() && asked.rids.empty()) return std::nullopt;
    return asked;
}

void Intake::keep_parked(Session& session, std::vector<link::Received> message) {
    for (const auto& one : message) session.parked_bytes += one.bytes;
    session.parked.push_back(std::move(message));
}

void Intake::park(Session& session, std::vector<link::Received> message, LookUp asked, Actions& out) {
    session.searching = true;
    state_.runs.look_up_asked();
    for (const auto& one : message) {
        const auto* result = std::get_if<link::TaskResult>(&one.envelope);
        if (const RunPtr run = result ? state_.runs.find(result->run_id) : nullptr) state_.runs.stay(run);
    }
    keep_parked(session, std::move(message));
    out.look_ups.push_back(std::move(asked));
}

void Intake::looked_up(SessionId id, const LookedUp& found, Now now, Actions& out) {
    if (Session* session = state_.session(id)) take_parked(*session, found, now, out);
    state_.runs.look_up_answered();
}

void Intake::take_parked(Session& waiting, const LookedUp& found, Now now, Actions& out) {
    Session* session = &waiting;
    const SessionId id = waiting.id;
    session->taken_rids.insert(found.known_rids.begin(), found.known_rids.end());
    std::vector<RunPtr> revived;
    for (const auto& loaded : found.runs) {
        if (const RunPtr run = state_.runs.find(loaded.run.id)) {
            state_.runs.add_tasks(*run, loaded.tasks, state_.fleet, ActiveRuns::Origin::store);
        } else if (loaded.run.state == RunState::finished) {  // else it is being made, and no node has its tasks
            auto params = parse_json(loaded.job.params);
            revived.push_back(state_.runs.add(loaded, params ? std::move(params.value()) : Json::object(), state_.fleet,
                                              now, ActiveRuns::Origin::store));
        }
    }
    session->searching = false;
    auto parked = std::exchange(session->parked, {});
    session->parked_bytes = 0;
    bool first = true;  // of this one everything was looked for
    for (auto& message : parked) {
        session = state_.session(id);
        if (!session) break;
        if (session->searching) {
            keep_parked(*session, std::move(message));
        } else if (auto asked = first ? std::nullopt : unknowns(*session, message)) {
            park(*session, std::move(message), std::move(*asked), out);
        } else {
            process(*session, std::move(message), now, out);
        }
        first = false;
    }
    for (const auto& run : revived) state_.runs.evict_if_done(run);
}

Intake::Flow Intake::process(Session& session, std::vector<link::Received> message, Now now, Actions& out) {
    Conclusion conclusion(state_);
    const SessionId id = session.id;
    Spool& spool = *session.spool;
    const std::uint64_t before = spool.received;
    const std::uint64_t bytes = bytes_of(message);
    const std::uint64_t early_before = session.early_bytes;
    Flow flow = Flow::on;
    for (auto& received : message) {
        flow = take(session, received, conclusion, now, out);
        if (flow == Flow::stop) break;  // what came before it stands
    }
    const Session* there = state_.session(id);
    const std::uint64_t early = there ? there->early_bytes - early_before : 0;
    const bool is_any_in_turn = spool.received != before;
    if (!is_any_in_turn && flow == Flow::on) session.unstored_bytes -= bytes;
    if (!is_any_in_turn && conclusion.empty()) return flow;
    conclusion.received(spool);
    conclusion.write(now, out,
                     [this, id, &spool, n = spool.received, bytes, early, is_any_in_turn](Now at, Actions& after) {
                         if (Session* still = state_.session(id)) still->early_bytes -= early;
                         if (is_any_in_turn) acknowledge(id, spool, n, bytes, at, after);
                     });
    return flow;
}

Intake::Flow Intake::take(Session& session, link::Received& received, Conclusion& conclusion, Now now, Actions& out) {
    const auto wrong = [&](std::string code, std::string text) {
        sessions_.fail(session, std::move(code), std::move(text), now, out);
        return Flow::stop;
    };
    if (is_early(received)) {
        take_early(session, received, conclusion);
        return Flow::on;
    }
    if (std::holds_alternative<link::TaskResult>(received.envelope))
        return take_result(session, received, conclusion, now, out);
    if (const auto* ack = std::get_if<link::WorkAck>(&received.envelope)) {
        if (!dispatch_.acknowledged(session, ack->n, now, out))
            return wrong("wack", "acknowledges work that was not sent");
    } else if (const auto* progress = std::get_if<link::Progress>(&received.envelope)) {
        dispatch_.progress(session, *progress, out);
    } else if (const auto* credit = std::get_if<link::Credit>(&received.envelope)) {
        session.credit = *credit;
        dispatch_.offer(session, now, out);
    } else if (auto* lines = std::get_if<link::Lines>(&received.envelope)) {
        if (const char* why = sessions_.lines(session, std::move(*lines), now, out)) return wrong("bad_lines", why);
    } else if (auto* policy = std::get_if<link::Policy>(&received.envelope)) {
        if (const char* why = sessions_.policy(session, std::move(*policy), now, out)) return wrong("too_large", why);
    } else if (const auto* offer = std::get_if<link::NewKey>(&received.envelope)) {
        if (const char* why = keys_.offered(session, *offer, now, out)) return wrong("new_key", why);
    } else if (auto* facts = std::get_if<link::Facts>(&received.envelope)) {
        const std::string busy = session.node->usage.facts().host.busy;
        if (!session.node->usage.take(std::move(*facts), now.wall)) return wrong("too_large", kTooManyFacts);
        if (session.node->usage.facts().host.busy != busy) state_.tell(*session.node, out);
    } else if (std::holds_alternative<link::Goaway>(received.envelope)) {
        session.draining = true;
    } else if (const auto* unknown = std::get_if<link::UnknownEnvelope>(&received.envelope)) {
        if (unknown->must) return wrong("unsupported", "this broker does not know " + unknown->type);
        ++state_.counters.unknown_envelopes;
    } else if (!std::holds_alternative<link::Heartbeat>(received.envelope) &&
               !std::holds_alternative<link::ProtocolError>(received.envelope)) {
        return wrong("unexpected", "an envelope that only the broker sends, or that belongs to the handshake");
    }
    return Flow::on;
}

Intake::Flow Intake::take_result(Session& session, link::Received& received, Conclusion& conclusion, Now now,
                                 Actions& out) {
    const auto& result = std::get<link::TaskResult>(received.envelope);
    Spool& spool = *session.spool;
    if (result.n <= spool.received) {
        ++state_.counters.duplicates;
        if (result.n <= spool.record.committed)
            // With the credit that went with it: both may have been lost on the way.
            out.effects.push_back(SendTo{session.id,
                                         {link::ResultAck{spool.record.committed},
                                          link::Credit{session.granted, state_.options.result_window_bytes}}});
        return Flow::on;
    }
    if (result.n != session.expected_n()) {
        // Taking it would acknowledge what never came.
        sessions_.fail(session, "gap",
                       "results must come in sequence; expected " + std::to_string(session.expected_n()), now, out);
        return Flow::stop;
    }
    if (result.n > session.granted) {
        sessions_.fail(session, "credit", "more results than were granted", now, out);
        return Flow::stop;
    }
    session.last_n = result.n;
    spool.received = result.n;
    session.node->result_pace.took(state_.options.node_results_per_s, now.mono);
    if (!state_.runs.task(result.task_id)) plans_.make_for(session, result, now, out);
    Task* task = owner_of(session, result);
    if (!task && !plans_.makes(result) && Recovery::is_open(spool, result.n) && !is_rid_reused(session, result.rid))
        task = recovery_.task_of(session, result, conclusion, now);
    if (task) {
        store_result(session, *task, received, conclusion, out);
    } else {
        refuse(session, result, conclusion, now, out);
    }
    return Flow::on;
}

/// Acknowledged and dropped. Another node's task is audited; one that nobody knows may be an honest node's, of a run
/// that retention or a restore took. The audit is of a node and an hour, not of a result, and goes with the transaction
/// that acknowledges: however many come, no write is theirs.
void Intake::refuse(Session& session, const link::TaskResult& result, Conclusion& conclusion, Now now, Actions& out) {
    note_refused("result.not_yours", ++state_.counters.not_yours, session, result, out);
    Node& node = *session.node;
    const Task* task = state_.runs.task(result.task_id);
    if (!task || task->node == &node || now.mono < node.not_yours_again) return;
    node.not_yours_again = now.mono + kAuditedEachUs;
    const std::string actor = node.record.id.text();
    conclusion.add(AddAudit{{now.wall, actor, "result.not_yours", result.task_id.text()}});
}

/// A copy of what comes once more in its turn, where it is told from this by its number: so whatever is not clear at
/// once can wait for that, and nothing is acknowledged here.
void Intake::take_early(Session& session, link::Received& received, Conclusion& conclusion) {
    auto& result = std::get<link::TaskResult>(received.envelope);
    Spool& spool = *session.spool;
    Task* task = owner_of(session, result);
    const bool is_new = task && result.n > spool.received && spool.under_way.size() < kMostUnderWay &&
                        std::ranges::find(task->seen, result.attempt) == task->seen.end() &&
                        result.rid > spool.newest_rid && !is_rid_reused(session, result.rid);
    if (!is_new || session.early_bytes + received.bytes > kMostEarly) return;
    session.early_bytes += received.bytes;
    ++state_.counters.early;
    result.early.reset();
    spool.newest_early = std::max(spool.newest_early, result.rid);
    keep_result(session, *task, received, conclusion);
}

Task* Intake::owner_of(const Session& session, const link::TaskResult& result) const {
    Task* task = state_.runs.task(result.task_id);
    const bool fits = task && task->node == session.node && task->run->id == result.run_id &&
                      task->line.name == result.line && result.attempt >= 1 && result.attempt <= task->attempt;
    return fits ? task : nullptr;
}

bool Intake::is_rid_reused(const Session& session, const ResultId& rid) {
    return session.taken_rids.contains(rid) || session.spool->under_way.contains(rid);
}

void Intake::store_result(Session& session, Task& task, link::Received& received, Conclusion& conclusion,
                          Actions& out) {
    const auto& result = std::get<link::TaskResult>(received.envelope);
    Spool& spool = *session.spool;
    const auto known = spool.under_way.find(result.rid);
    const bool came_early = known != spool.under_way.end() && known->second == result.n;
    if (came_early || std::ranges::find(task.seen, result.attempt) != task.seen.end()) {
        ++state_.counters.duplicates;
        return;
    }
    if (is_rid_reused(session, result.rid)) {
        // One id cannot name two results. The task stays open: whatever this is, it is not its answer.
        return note_refused("result.rid_reused", ++state_.counters.reused_rids, session, result, out);
    }
    spool.newest_rid = std::max(spool.newest_rid, result.rid);
    keep_result(session, task, received, conclusion);
}

void Intake::keep_result(Session& session, Task& task, link::Received& received, Conclusion& conclusion) {
    auto& result = std::get<link::TaskResult>(received.envelope);
    Spool& spool = *session.spool;
    spool.under_way[result.rid] = result.n;
    auto view = std::make_shared<ResultView>();
    view->node = session.node->ref();
    view->line = task.line;
    view->clock_offset_us = session.node->clock_offset_us;
    view->superseded = !takes_result(task);
    view->detail = std::move(received.detail);
    view->result = std::move(result);
    // What was asked is known here; a node cannot say otherwise.
    view->result.service = task.run->service;
    view->result.target = task.run->target;
    ++state_.counters.results;
    if (view->superseded) {
        ++state_.counters.superseded;
    } else {
        conclusion.end(task, end_of(view->result), view->result.attempt);
    }
    conclusion.record(task, spool, std::move(view));
}

void Intake::acknowledge(SessionId id, Spool& spool, std::uint64_t n, std::uint64_t bytes, Now now, Actions& out) {
    spool.record.committed = std::max(spool.record.committed, n);
    std::erase_if(spool.under_way, [&](const auto& one) {
        if (one.second <= n) spool.newest_rid = std::max(spool.newest_rid, one.first);  // of those that came early
        return one.second <= n;
    });
    Session* session = state_.session(id);
    if (!session) return;
    session->unstored_bytes -= bytes;
    std::vector<link::Envelope> envelopes{link::ResultAck{spool.record.committed}};
    if (const auto credit = sessions_.more_credit(*session, now)) envelopes.push_back(*credit);
    out.effects.push_back(SendTo{id, std::move(envelopes)});
    dispatch_.drained(*session, now, out);
}

}  // namespace edge::broker
