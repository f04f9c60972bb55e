#include "tests/sim/sim_agent.hpp"

#include <algorithm>

#include "agent/link/identity.hpp"
#include "protocol/json/described.hpp"

namespace edge::sim {
namespace {

constexpr std::size_t kSegmentBytes = 64 * 1024;  // small, so that many are made and deleted

SigningKey key_of(Chance& chance) {
    std::array<std::uint8_t, 32> secret{};
    for (auto& byte : secret) byte = static_cast<std::uint8_t>(chance.bits());
    return std::move(SigningKey::from_secret(secret).value());
}

}  // namespace

Node::Node(Timeline& timeline, Chance& chance, Ledger& ledger, std::size_t number, Dial dial, Break broken,
           std::uint64_t spool_limit)
    : timeline_(timeline),
      chance_(chance),
      ledger_(ledger),
      number_(number),
      dial_(std::move(dial)),
      key_(key_of(chance)),
      broken_(broken),
      spool_limit_(spool_limit),
      lying_disk_(spool_disk_),
      leavings_(chance.other()) {}

Node::~Node() = default;

void Node::later(Us delay, std::function<void()> what) {
    timeline_.after(delay, [this, life = life_, what = std::move(what)] {
        if (life == life_ && is_up()) what();
    });
}

// ── the process ──

agent::Spool::Terms Node::terms() const {
    if (broken_ == Break::kept_too_short) return {.segment_bytes = 1'024, .keep_bytes = 0, .keep_us = 0};
    return {.segment_bytes = kSegmentBytes};
}

void Node::start() {
    if (is_up()) return;
    ++life_;
    auto opened = agent::Spool::open(
        broken_ == Break::sync_is_a_lie ? static_cast<agent::Disk&>(lying_disk_) : spool_disk_, terms());
    if (!opened && opened.error().code == Errc::unsupported)
        throw Violation("a spool can be read: " + opened.error().message());
    if (!opened) return restart_soon();
    spool_.emplace(std::move(opened.value()));
    limit_.emplace(*spool_, spool_limit_);
    accepted_.emplace(*spool_);
    for (const auto& attempt : accepted_->answer_for_the_last_process(now().wall_us))
        promised_.emplace_back(attempt.task_id, attempt.attempt);
    plans_.emplace(state_disk_, id_);
    const auto planned = plans_->open(now());
    if (!planned && planned.error().code == Errc::unsupported)
        throw Violation("a plan can be read: " + planned.error().message());
    if (!planned) return restart_soon();
    disturbed();
    audit_soon();
    if (!commit() && !is_up()) return;
    const auto counter = agent::load_counter(state_disk_);
    auto keys = agent::NodeKeys::load(state_disk_);
    if (!counter || !keys) return restart_soon();
    keys_.emplace(std::move(keys.value()));
    join_counter_ = counter.value();
    fsm_.emplace(agent::LinkSettings{std::chrono::milliseconds(30'000), kWorkSlots, chance_.bits()});
    carry_out(fsm_->start(timeline_.steady()));
    take_due();
}

void Node::end_process() {
    ++life_;
    if (const auto wire = std::exchange(wire_, nullptr)) wire->close(Wire::agent);
    tasks_.clear();
    promised_.clear();
    accepting_.clear();
    outgoing_.clear();
    settling_ = no_space_ = wants_room_ = false;
    armed_.reset();
    fsm_.reset();
    plans_.reset();
    accepted_.reset();
    limit_.reset();
    spool_.reset();
}

void Node::restart_soon() {
    end_process();
    if (spool_disk_.is_cut()) {
        spool_disk_.restart(agent::ForgetfulDisk::Leaves::some_sectors, leavings_);
        state_disk_.restart(agent::ForgetfulDisk::Leaves::a_prefix, leavings_);
    }
    timeline_.after(chance_.between(100 * kMs, 5 * kSecond), [this, life = life_] {
        if (life == life_) start();
    });
}

void Node::kill() {
    restart_soon();
}

void Node::cut_power() {
    using Leaves = agent::ForgetfulDisk::Leaves;
    constexpr Leaves kAll[]{Leaves::nothing, Leaves::all, Leaves::a_prefix, Leaves::some_sectors};
    end_process();
    const bool is_a_lie = broken_ == Break::sync_is_a_lie;
    spool_disk_.restart(is_a_lie ? Leaves::nothing : kAll[chance_.between(0, 3)], leavings_);
    if (broken_ == Break::disk_emptied) spool_disk_ = agent::ForgetfulDisk();
    state_disk_.restart(kAll[chance_.between(0, 3)], leavings_);
    restart_soon();
}

bool Node::cut_power_while_writing() {
    if (is_up()) spool_disk_.cut_at(static_cast<int>(chance_.between(1, 12)));
    return is_up();
}

void Node::lose_disk() {
    end_process();
    spool_disk_ = agent::ForgetfulDisk();
    ledger_.disk_lost(number_);
    restart_soon();
}

bool Node::cut() {
    const auto wire = wire_;
    if (wire) wire->cut();
    return wire != nullptr;
}

bool Node::go_silent(Wire::Side side) {
    if (wire_) wire_->go_silent(side);
    return wire_ != nullptr;
}

std::string Node::standing() const {
    if (!is_up()) return "down";
    return "tasks=" + std::to_string(tasks_.size()) + " first=" + std::to_string(spool_->first()) +
           " last=" + std::to_string(spool_->last()) + " live=" + std::to_string(fsm_ && fsm_->live()) +
           " dirty=" + std::to_string(spool_->dirty());
}

// ── a turn of the loop, as agent/agent.cpp makes it ──

void Node::settle_soon() {
    if (std::exchange(settling_, true)) return;
    later(chance_.between(100, 2 * kMs), [this] { settle(); });
}

void Node::settle() {
    settling_ = false;
    if (!commit()) return;
    for (auto& work : accepted_->starting(timeline_.steady())) start_task(std::move(work));
    for (const auto& attempt : accepted_->stopping()) {
        const auto at = tasks_.find(attempt);
        if (at == tasks_.end()) continue;
        at->second.canceled = true;
        later(kMs, [this, attempt] { finish(attempt); });
    }
    limit_->look(fsm_->live(), timeline_.steady());
    const auto free = kWorkSlots - static_cast<std::uint32_t>(std::min<std::size_t>(tasks_.size(), kWorkSlots));
    carry_out(fsm_->slots_free(free));
    carry_out(fsm_->work_durable());
    pump();
    if (plans_) arm_due();
}

/// False: not now, or the process is over.
bool Node::commit() {
    if (no_space_) return false;
    auto committed = spool_->commit();
    if (committed && broken_ != Break::forget_fired) committed = plans_->commit(now());
    if (committed && broken_ == Break::forget_fired && plans_->dirty()) committed = plans_->commit(now());
    if (committed) {
        for (const auto& attempt : std::exchange(accepting_, {})) ledger_.accepted(number_, attempt);
        std::uint64_t n = spool_->last() - promised_.size();
        for (const auto& attempt : std::exchange(promised_, {})) ledger_.durable(number_, ++n, attempt);
        tell_kept();
        return true;
    }
    if (committed.error().code != Errc::unavailable) {
        restart_soon();
        return false;
    }
    no_space_ = true;
    disturbed();
    later(kSecond, [this] {
        no_space_ = false;
        settle_soon();
    });
    return false;
}

void Node::start_task(agent::Accepted work) {
    const link::AttemptRef attempt{work.task.task_id, work.task.attempt};
    ledger_.started(number_, {attempt.task_id, attempt.attempt});
    const bool is_slow = chance_.permille(20);
    tasks_[attempt] = {std::move(work.task), now()};
    later(is_slow ? chance_.between(kSecond, 8 * kSecond) : chance_.between(kMs, 300 * kMs),
          [this, attempt] { finish(attempt); });
}

void Node::finish(const link::AttemptRef& attempt) {
    const auto node = tasks_.extract(attempt);
    if (!node) return;
    const Running& running = node.mapped();
    ProbeReport report;
    if (running.canceled)
        report = agent::failed_report(Status::refused, Source::agent, "start", "canceled", "canceled");
    else if (chance_.permille(80))
        report = agent::failed_report(Status::failed, Source::target, "wait", "timeout", "no answer");
    else
        report.status = Status::ok;
    report.detail = Json{{"sent", 4}};
    Evidence evidence;
    evidence.enforced_by = EnforcedBy::bpf;
    evidence.verified = true;
    const agent::Moment end = now();
    agent::Span span{.queued_us = 0, .started_us = running.started.wall_us, .ended_us = end.wall_us};
    auto finished = agent::make_finished(running.task, span, std::move(report), evidence);
    promised_.emplace_back(attempt.task_id, attempt.attempt);
    accepted_->finished(std::move(finished));
    settle_soon();
}

}  // namespace edge::sim
