// What the broker's threads and its store do in between, as events.
#include <cstdio>
#include <cstdlib>

#include "tests/sim/sim_broker_session.hpp"

namespace edge::sim {

void Broker::carry_out(broker::Actions& actions) {
    for (auto& one : actions.writes) {
        if (broken_ == Break::ack_before_commit) tell_committed({one.id}, 0);
        writes_.push_back(std::move(one));
    }
    if (!writes_.empty()) write_later(chance_.between(kMs / 2, 12 * kMs));
    for (auto& asked : actions.look_ups) look_up(std::move(asked));
    for (auto& effect : actions.effects) {
        std::visit([this](auto& one) { carry_out(one); }, effect);
    }
    arm();
}

void Broker::write_later(Us delay) {
    if (std::exchange(writing_, true)) return;
    later(delay, [this] { write(); });
}

/// One transaction for all that waits, as GroupWriter makes it; the core hears of it a little later.
void Broker::write() {
    writing_ = false;
    if (broken_ == Break::writes_stall && ledger_.stored() > 0) return;
    std::vector<broker::Batch> batches;
    for (auto& one : writes_) {
        lies_.alter(one.batch);
        batches.push_back(one.batch);
    }
    const auto applied = store_.apply(batches);
    if (!applied && applied.error().code != Errc::unavailable)
        throw Violation("what the core writes can be written: " + applied.error().message());
    std::vector<broker::WriteId> done, refused;
    std::deque<broker::Write> kept;
    for (auto& one : writes_) {
        if (applied)
            done.push_back(one.id);
        else if (one.may_fail)
            refused.push_back(one.id);
        else
            kept.push_back(std::move(one));
    }
    writes_ = std::move(kept);
    if (applied) {
        for (const auto& batch : batches) ledger_.committed(batch);
        ledger_.committed(lies_.made_up(batches));
    }
    if (!writes_.empty()) write_later(250 * kMs);
    const Us delay = chance_.between(0, 2 * kMs);
    tell_committed(std::move(done), delay);
    later(delay, [this, refused] {
        const Error no_space{Errc::unavailable, {}, "no space"};
        for (const auto id : refused) act([&](auto& fsm, auto now, auto& out) { fsm.failed(id, no_space, now, out); });
    });
}

void Broker::tell_committed(std::vector<broker::WriteId> writes, Us delay) {
    later(delay, [this, writes = std::move(writes)] {
        for (const auto id : writes) act([&](auto& fsm, auto now, auto& out) { fsm.committed(id, now, out); });
    });
}

/// Answers come in the order asked, as from the one thread that reads.
void Broker::look_up(broker::LookUp asked) {
    later(2 * kMs, [this, asked = std::move(asked)] {
        const broker::LookedUp found{store_.runs_of(asked.tasks, asked.runs).value(),
                                     store_.known_rids(asked.spool, asked.rids).value()};
        act([&](auto& fsm, auto now, auto& out) { fsm.looked_up(asked.session, found, now, out); });
    });
}

void Broker::arm() {
    const auto due = fsm_->next_deadline();
    if (!due || (armed_ && *armed_ <= timeline_.of_mono(*due))) return;
    armed_ = timeline_.of_mono(*due);
    timeline_.at(*armed_, [this, life = life_] {
        if (life != life_ || !fsm_) return;
        armed_.reset();
        act([](auto& fsm, auto now, auto& out) { fsm.tick(now, out); });
    });
}

void Broker::carry_out(broker::SendTo& effect) {
    const auto at = sinks_.find(effect.session);
    if (at == sinks_.end()) return;
    later(0, [session = at->second, envelopes = std::move(effect.envelopes)]() mutable {
        session->send(std::move(envelopes));
    });
}

void Broker::carry_out(broker::CloseSession& effect) {
    const auto node = sinks_.extract(effect.session);
    if (node) later(0, [session = node.mapped(), why = effect.why] { session->go_away(why); });
}

void Broker::carry_out(broker::JoinAnswer& effect) {
    const auto node = joining_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (!node) return;
    if (const auto* welcome = std::get_if<link::Welcome>(&effect.answer)) sinks_[welcome->session_id] = node.mapped();
    if (const auto* reject = std::get_if<link::Reject>(&effect.answer);
        reject && (reject->code == link::RejectCode::locked || reject->code == link::RejectCode::stale_counter))
        throw Violation("no node is locked: " + reject->text);
    later(0, [session = node.mapped(), answer = std::move(effect.answer)]() mutable {
        session->joined(std::move(answer));
    });
}

void Broker::carry_out(broker::JobAnswer& effect) {
    if (!effect.run || effect.run.value().state == broker::RunState::finished) return;
    recent_.push_back(effect.run.value().id);
    if (recent_.size() > 32) recent_.pop_front();
}

/// What its log would say, to whoever looks into a seed.
void Broker::carry_out(broker::Noted& effect) {
    static const bool is_wanted = std::getenv("EDGE_SIM_LOG") != nullptr;
    if (is_wanted)
        std::printf("%.3f %s %s\n", static_cast<double>(timeline_.now()) / 1e6, effect.event.c_str(),
                    effect.facts.c_str());
}

void Broker::carry_out(broker::PlanAnswer& effect) {
    const auto deletion = deletions_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (!deletion && effect.job) plans_.insert(effect.job.value());
    if (!deletion) return;
    if (effect.job || effect.job.error().code == Errc::not_found) plans_.erase(deletion.mapped());
}

}  // namespace edge::sim
