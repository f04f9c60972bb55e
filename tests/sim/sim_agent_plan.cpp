// An agent's plan, as agent/agent_plan.cpp has it, and an audit of what was due.
#include <algorithm>

#include "tests/sim/sim_agent.hpp"

namespace edge::sim {

void Node::set_clock(std::int64_t ahead_us) {
    for (auto& [job, upto] : passed_) upto = std::max(upto, now().wall_us);
    clock_step_ = ahead_us;
    disturbed();
    if (is_up()) take_due();
}

void Node::make_room() {
    wants_room_ = false;
    if (!limit_->make_room()) return restart_soon();
    limit_->look(fsm_->live(), timeline_.steady());
    ledger_.gave_up(number_, spool_->gap() ? spool_->gap()->last : 0);
    tell_kept();
}

void Node::take_due() {
    limit_->look(fsm_->live(), timeline_.steady());
    if (broken_ != Break::room_not_made && limit_->session_must_end(timeline_.steady())) {
        wants_room_ = true;
        ++ended_for_room_;
        carry_out(fsm_->end_session("no room"));
    } else if (limit_->reached() && fsm_->idle()) {
        make_room();
    }
    if (!is_up()) return;
    for (link::Task& task : plans_->due(now())) {
        accepting_.emplace_back(task.task_id, task.attempt);
        told_due_.emplace(Due{task.plan->job_id, task.plan->tick_us, task.line}, task.task_id);
        accepted_->offered(std::move(task), now());
        settle_soon();
    }
    arm_due();
}

void Node::arm_due() {
    const auto next = plans_->next();
    if (!next) return;
    const std::uint64_t wall = now().wall_us;
    Us delay = *next > wall ? *next - wall : 0;
    if (broken_ == Break::sleep_over_ticks && chance_.permille(50)) delay += kMinute;
    later(delay, [this, no = ++due_no_] {
        if (no == due_no_) take_due();
    });
}

void Node::audit_soon() {
    later(30 * kSecond, [this] { audit(); });
}

/// What was due in the last half minute, reckoned from the schedules alone: a node that nothing disturbed has done it.
/// Where its clock was before it was set back, it may have missed what it does not make up now.
void Node::audit() {
    audit_soon();
    if (timeline_.now() < calm_since_ + 35 * kSecond) return;
    const std::uint64_t wall = now().wall_us;
    for (const link::PlanSet* plan : plans_->plans()) {
        const Ticks ticks = Ticks::of(plan->schedule).value();
        const std::uint64_t from = std::max(wall - 32 * kSecond, passed_.at(plan->job_id));
        for (auto tick = ticks.next(from); tick && *tick < wall - 2 * kSecond; tick = ticks.next(*tick)) {
            for (const LineName& name : plan->lines) {
                if (!has_done(*plan, *tick, name))
                    throw Violation("a node that is up does what is due: " + plan->job_id.text() + " at " +
                                    std::to_string(*tick) + ", looked at " + std::to_string(wall));
            }
        }
    }
}

/// By this revision or another: a clock that was set comes again to what fired then, and a broker that came back from a
/// backup to revisions that it had before.
bool Node::has_done(const link::PlanSet& plan, std::uint64_t tick, const LineName& line) const {
    const auto [first, last] = told_due_.equal_range(Due{plan.job_id, tick, line});
    return std::any_of(first, last, [&](const auto& one) { return ledger_.was_accepted(number_, {one.second, 1}); });
}

}  // namespace edge::sim
