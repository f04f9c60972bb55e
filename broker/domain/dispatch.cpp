#include "broker/domain/dispatch.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace edge::broker {
namespace {

// After a crash before that every task is thought to be offered until its node's next hello says what it has.
constexpr std::uint64_t kSaveOffersAfter = 1'000'000;

bool has_room(const Session& session, std::size_t bytes) {
    if (session.next_n > session.credit.upto_n) return false;
    return session.offers.empty() || session.offered_bytes + bytes <= session.credit.bytes;
}

}  // namespace

void Dispatch::begin(const RunPtr& run, Now now, Actions& out) {
    const RunId id = run->id;
    run->close_deadline =
        run->start_deadline + (std::uint64_t{run->run_within_ms} + state_.options.close_margin_ms) * 1'000;
    run->start_timer =
        state_.timers.set(run->start_deadline, [this, id](Now at, Actions& o) { start_passed(id, at, o); });
    run->close_timer =
        state_.timers.set(run->close_deadline, [this, id](Now at, Actions& o) { close_passed(id, at, o); });
    Node* last = nullptr;
    for (const auto& task : run->tasks) {
        if (!task.node->session) leases_.arm(task, now);
        if (task.node == std::exchange(last, task.node) || !last->session) continue;
        offer(*last->session, now, out);
    }
}

void Dispatch::cancel(const RunPtr& run, Now now, Actions& out, Journal::Then then) {
    run->canceled = true;
    Conclusion canceled(state_);
    std::vector<Session*> told;  // in the tasks' order, those of a node together
    for (auto& task : run->tasks) {
        if (!is_open(task)) continue;
        Session* session = task.node->session;
        // Without a session its next hello tells of it, and welcome says that it is no longer wanted.
        if (task.offered && session) {
            session->to_cancel.insert(link::AttemptRef{task.id, task.attempt});
            if (told.empty() || told.back() != session) told.push_back(session);
        }
        const bool node_answers = task.offered && !task.queued && session && session->confirmed;
        if (!node_answers) canceled.end(task, TaskState::canceled, 0);
    }
    for (Session* session : told) send_cancels(*session, now, out);
    if (canceled.empty()) return then(now, out);
    canceled.write(now, out, std::move(then));
}

void Dispatch::offer(Session& session, Now now, Actions& out) {
    send_cancels(session, now, out);
    if (!session.confirmed || session.draining) return;
    send_plans(session, now, out);
    Conclusion expired(state_);
    std::vector<link::Envelope> envelopes;
    auto& queue = session.node->queue;
    while (!queue.empty()) {
        Task& task = *queue.front();
        if (now.mono >= task.run->start_deadline) {
            // What the node may be doing is not expired; it ends by its result, or is lost.
            if (task.offered)
                dequeue(task);
            else
                expired.end(task, TaskState::expired, 0);
            continue;
        }
        if (!has_room(session, task.run->envelope_bytes)) break;
        dequeue(task);
        envelopes.push_back(envelope(session, task, now));
        note_offer(task, now);
        ActiveRuns::show(task, TaskState::leased, out);
    }
    arm_accept(session);
    if (!envelopes.empty()) out.effects.push_back(SendTo{session.id, std::move(envelopes)});
    if (!expired.empty()) expired.write(now, out);
}

link::Envelope Dispatch::envelope(Session& session, Task& task, Now now) {
    const Run& run = *task.run;
    const std::uint64_t n = session.next_n++;
    session.offers.push_back(
        Offer{.n = n, .task = task.id, .attempt = task.attempt, .at = now.mono, .bytes = run.envelope_bytes});
    session.offered_bytes += run.envelope_bytes;
    const auto together = run.together.find(session.node);
    return link::Task{.n = n,
                      .task_id = task.id,
                      .run_id = run.id,
                      .attempt = task.attempt,
                      .line = task.line.name,
                      .service = run.service,
                      .params = run.params,
                      .start_within_ms = static_cast<std::uint32_t>((run.start_deadline - now.mono + 999) / 1'000),
                      .run_within_ms = run.run_within_ms,
                      .align = together == run.together.end() ? std::nullopt : std::optional(together->second)};
}

void Dispatch::note_offer(Task& task, Now now) {
    task.offered = true;
    if (task.offer_saved) return;
    if (unsaved_.empty()) {
        state_.timers.set(now.mono + kSaveOffersAfter, [this](Now, Actions& o) { save_offers(o); });
    }
    unsaved_.push_back(task.id);
}

void Dispatch::save_offers(Actions& out) {
    Batch batch;
    for (const auto& id : unsaved_) {
        Task* task = state_.runs.task(id);
        if (!task || !is_open(*task) || !task->offered || task->offer_saved) continue;
        task->offer_saved = true;
        batch.push_back(SetTask{task->row, task->written, task->attempt, task->recorded, true});
    }
    unsaved_.clear();
    if (!batch.empty()) state_.journal.write(out, std::move(batch), nullptr);
}

void Dispatch::arm_accept(Session& session) {
    if (session.accept_timer) return;
    const auto next =
        std::find_if(session.offers.begin(), session.offers.end(), [](const Offer& o) { return !o.overdue; });
    if (next == session.offers.end()) return;
    session.accept_timer = state_.timers.set(next->at + state_.options.accept_ms * 1'000ULL,
                                             [this, id = session.id](Now at, Actions& o) { accept_passed(id, at, o); });
}

// Sending it again on the same stream would not bring it there sooner: it waits for the acknowledgement, or for the
// node's next session.
void Dispatch::accept_passed(SessionId id, Now now, Actions& out) {
    Session* session = state_.session(id);
    if (!session) return;
    session->accept_timer.reset();
    for (auto& offer : session->offers) {
        if (offer.overdue) continue;
        if (offer.at + state_.options.accept_ms * 1'000ULL > now.mono) break;
        offer.overdue = true;
        Task* task = state_.runs.task(offer.task);
        if (task && is_open(*task) && task->state == TaskState::leased) ActiveRuns::show(*task, TaskState::queued, out);
    }
    arm_accept(*session);
}

bool Dispatch::acknowledged(Session& session, std::uint64_t n, Now now, Actions& out) {
    if (n >= session.next_n) return false;
    while (!session.offers.empty() && session.offers.front().n <= n) {
        const Offer& offer = session.offers.front();
        session.offered_bytes -= offer.bytes;
        Task* task = offer.overdue ? state_.runs.task(offer.task) : nullptr;
        if (task && is_open(*task) && task->state == TaskState::queued) ActiveRuns::show(*task, TaskState::leased, out);
        session.offers.pop_front();
    }
    if (session.accept_timer) state_.timers.cancel(*session.accept_timer);
    session.accept_timer.reset();
    arm_accept(session);
    offer(session, now, out);
    return true;
}

void Dispatch::progress(Session& session, const link::Progress& progress, Actions& out) {
    Task* task = state_.runs.task(progress.task_id);
    if (!task || task->node != session.node || task->attempt != progress.attempt || !is_open(*task)) return;
    if (progress.kind == link::ProgressKind::started) ActiveRuns::show(*task, TaskState::running, out);
    if (progress.kind != link::ProgressKind::data || task->run->watchers == 0) return;
    auto event = std::make_shared<RunProgress>(RunProgress{task->id, task->node->ref(), task->line, progress.data});
    out.effects.push_back(Happened{task->run->id, std::shared_ptr<const RunProgress>(std::move(event))});
}

std::vector<link::AttemptRef> Dispatch::unwanted(const Node& node, const link::Hello& hello, bool is_recovering) const {
    std::vector<link::AttemptRef> refs;
    for (const auto& ref : hello.running) {
        const Task* task = state_.runs.task(ref.task_id);
        // What a restored store does not know was asked for, and its result will be taken.
        const bool wanted =
            task ? task->node == &node && is_open(*task) && task->attempt == ref.attempt : is_recovering;
        if (!wanted) refs.push_back(ref);
    }
    return refs;
}

void Dispatch::reconcile(Session& session, Now now, Actions& out) {
    leases_.end(*session.node);
    if (std::exchange(session.node->lost_disk, false)) forget_all(session, out);
    const std::set<link::AttemptRef> running(session.hello.running.begin(), session.hello.running.end());
    for (Task* task : std::vector<Task*>(session.node->open)) {
        if (running.contains(link::AttemptRef{task->id, task->attempt})) {
            dequeue(*task);
            task->offered = true;
            ActiveRuns::show(*task, TaskState::running, out);
        } else if (task->offered && !task->queued && task->run->tick == 0) {  // a tick is not made up for
            session.held.push_back(task->id);
        }
    }
    if (session.spool->received >= session.spool_goal) {
        release_held(session, true, now, out);
    } else if (!session.held.empty()) {
        session.hold_timer = state_.timers.set(now.mono + state_.options.accept_ms * 1'000ULL,
                                               [this, id = session.id](Now at, Actions& o) {
                                                   Session* waiting = state_.session(id);
                                                   if (!waiting) return;
                                                   waiting->hold_timer.reset();
                                                   release_held(*waiting, false, at, o);
                                               });
    }
    offer(session, now, out);
}

// It may have run without leaving a trace: running it again is a new attempt, offered only when the store knows of it.
void Dispatch::forget_all(Session& session, Actions& out) {
    Batch batch;
    std::vector<TaskId> renewed;
    for (Task* task : session.node->open) {
        if (!task->offered || task->run->tick > 0) continue;
        dequeue(*task);
        ++task->attempt;
        task->offered = false;
        task->offer_saved = false;
        renewed.push_back(task->id);
        batch.push_back(SetTask{task->row, task->written, task->attempt, task->recorded, false});
    }
    if (batch.empty()) return;
    state_.journal.write(out, std::move(batch),
                         [this, renewed = std::move(renewed), node = session.node](Now now, Actions& after) {
                             for (const auto& id : renewed) {
                                 Task* task = state_.runs.task(id);
                                 if (!task || !is_open(*task) || task->offered) continue;
                                 enqueue(*task);
                                 ActiveRuns::show(*task, TaskState::queued, after);
                             }
                             if (node->session) offer(*node->session, now, after);
                         });
}

void Dispatch::drained(Session& session, Now now, Actions& out) {
    if (session.held.empty() || session.spool->record.committed < session.spool_goal) return;
    release_held(session, true, now, out);
}

void Dispatch::release_held(Session& session, bool drained, Now now, Actions& out) {
    if (session.hold_timer) state_.timers.cancel(*session.hold_timer);
    session.hold_timer.reset();
    Conclusion canceled(state_);
    for (const auto& id : std::exchange(session.held, {})) {
        Task* task = state_.runs.task(id);
        if (!task || !is_open(*task) || task->state == TaskState::running) continue;
        if (drained) task->offered = false;  // neither running nor in the spool: it never arrived
        if (task->run->canceled) {
            canceled.end(*task, TaskState::canceled, 0);
            continue;
        }
        enqueue(*task);
        ActiveRuns::show(*task, TaskState::queued, out);
    }
    if (!canceled.empty()) canceled.write(now, out);
    offer(session, now, out);
}

void Dispatch::abandon(Session& session, Now now, Actions& out) {
    if (session.accept_timer) state_.timers.cancel(*session.accept_timer);
    if (session.hold_timer) state_.timers.cancel(*session.hold_timer);
    Conclusion canceled(state_);
    for (Task* task : std::vector<Task*>(session.node->open)) {
        if (!task->offered) continue;
        dequeue(*task);
        ActiveRuns::show(*task, TaskState::unknown, out);
        if (task->run->canceled) canceled.end(*task, TaskState::canceled, 0);  // its next welcome revokes it
    }
    if (!canceled.empty()) canceled.write(now, out);
    for (const Task* task : session.node->open) leases_.arm(*task, now);
}

void Dispatch::start_passed(RunId id, Now now, Actions& out) {
    const RunPtr run = state_.runs.find(id);
    if (!run) return;
    run->start_timer.reset();
    Conclusion expired(state_);
    for (auto& task : run->tasks) {
        if (is_open(task) && !task.offered) expired.end(task, TaskState::expired, 0);
    }
    if (!expired.empty()) expired.write(now, out);
}

void Dispatch::close_passed(RunId id, Now now, Actions& out) {
    const RunPtr run = state_.runs.find(id);
    if (!run) return;
    run->close_timer.reset();
    Conclusion lost(state_);
    for (auto& task : run->tasks) {
        if (!is_open(task)) continue;
        if (Session* session = task.node->session; session && task.offered) {
            session->to_cancel.insert(link::AttemptRef{task.id, task.attempt});
            send_cancels(*session, now, out);
        }
        lost.end(task, run->tick > 0 && run->canceled ? TaskState::canceled : TaskState::lost, 0);
    }
    if (!lost.empty()) lost.write(now, out);
}

void Dispatch::send_plans(Session& session, Now now, Actions& out) {
    std::vector<link::Envelope> envelopes;
    while (!session.plans.empty()) {
        link::Envelope envelope =
            std::visit([&](const auto& one) { return link::Envelope(one); }, session.plans.front());
        const std::size_t bytes = encode_envelope(envelope).size();
        if (!has_room(session, bytes)) break;
        const std::uint64_t n = session.next_n++;
        std::visit(
            [n](auto& one) {
                if constexpr (requires { one.n = n; }) one.n = n;
            },
            envelope);
        session.offers.push_back(
            Offer{.n = n, .task = {}, .attempt = 0, .at = now.mono, .bytes = bytes, .overdue = true});
        session.offered_bytes += bytes;
        envelopes.push_back(std::move(envelope));
        session.plans.pop_front();
    }
    if (!envelopes.empty()) out.effects.push_back(SendTo{session.id, std::move(envelopes)});
}

void Dispatch::send_cancels(Session& session, Now now, Actions& out) {
    if (!session.confirmed) return;
    std::vector<link::Envelope> envelopes;
    auto& waiting = session.to_cancel;
    while (!waiting.empty() && session.next_n <= session.credit.upto_n) {
        const link::AttemptRef attempt = *waiting.begin();
        waiting.erase(waiting.begin());
        const std::uint64_t n = session.next_n++;
        session.offers.push_back(Offer{.n = n, .task = {}, .attempt = 0, .at = now.mono, .bytes = 0, .overdue = true});
        envelopes.push_back(link::CancelTask{n, attempt.task_id, attempt.attempt});
    }
    if (!envelopes.empty()) out.effects.push_back(SendTo{session.id, std::move(envelopes)});
}

}  // namespace edge::broker
