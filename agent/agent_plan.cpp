// The half of Agent that follows the node's own plan.
#include <spdlog/spdlog.h>

#include "agent/agent.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostPlanned = 4'096;  // of the plan's own tasks at once

}  // namespace

void Agent::change_plan(ChangePlan change) {
    const Moment now = moment_now();
    plans_.in_contact(now);
    std::visit(
        [&]<class T>(T& one) {
            spool_.note_work(one.n);
            if constexpr (std::is_same_v<T, link::PlanSet>)
                plans_.set(std::move(one), now);
            else if constexpr (std::is_same_v<T, link::PlanDrop>)
                plans_.drop(one.job_id);
            else
                plans_.reset();
        },
        change.change);
    schedule();
}

/// Before the lines are known every tick would end with that.
void Agent::begin_plan() {
    if (std::exchange(plan_begun_, true)) return;
    take_due();
}

void Agent::take_due() {
    if (stage_ != Stage::serving || !plan_begun_) return;
    const Moment now = moment_now();
    look_at_limit();
    if (limit_.session_must_end(now.steady)) {
        wants_room_ = true;
        link_.end_session("the broker takes too few results: the oldest make room");
    } else if (limit_.reached() && link_.closed()) {
        make_room();
    }
    for (link::Task& task : plans_.due(now)) {
        if (accepted_.planned().size() < kMostPlanned)
            accepted_.offered(std::move(task), now);
        else
            accepted_.refuse(std::move(task), std::to_string(kMostPlanned) + " tasks of the plan are under way", now);
        schedule();
    }
    log_plan_notes();
    due_.set(plans_.next());
}

/// What the plan brings counts for more than the oldest that the broker has not taken.
void Agent::make_room() {
    wants_room_ = false;
    const auto made = limit_.make_room();
    for (const std::string& note : spool_.take_notes()) spdlog::error("{} why=\"the spool is at its limit\"", note);
    if (!made) return disk_failed(made.error());
    look_at_limit();
}

/// After a turn: plans and the spool may be others now.
void Agent::watch_plan() {
    if (plan_begun_) due_.set(plans_.next());
    log_plan_notes();
}

void Agent::log_plan_notes() {
    for (const std::string& note : plans_.take_notes()) spdlog::warn("{}", note);
}

void Agent::arm_starts() {
    const auto deadline = accepted_.deadline();
    if (!deadline) return;
    together_.expires_at(*deadline);
    together_.async_wait([this](const boost::system::error_code& error) {
        if (!error) schedule();
    });
}

}  // namespace edge::agent
