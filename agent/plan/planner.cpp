#include "agent/plan/planner.hpp"

#include <algorithm>

#include "protocol/crypto/keys.hpp"
#include "protocol/schedule/plan_ids.hpp"

namespace edge::agent {
namespace {

constexpr std::uint64_t kForgetAfterUs = 3'600'000'000;
// What no broker of ours asks: it would take this machine's memory, or come to where times end.
constexpr std::uint64_t kMostAtOnce = 100'000;
constexpr std::uint64_t kLongestLeaseMs = 31'536'000'000;

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

}  // namespace

LineKey line_key(JobId job, const LineName& line) {
    std::string text(job.bytes.begin(), job.bytes.end());
    text += line.text();
    const Digest digest = sha256(as_bytes(text));
    LineKey key{};
    std::copy_n(digest.begin(), key.size(), key.begin());
    return key;
}

Result<> Planner::set(link::PlanSet plan, Moment now) {
    EDGE_TRY(auto ticks, Ticks::of(plan.schedule));
    if (std::uint64_t{plan.repeat} * plan.lines.size() > kMostAtOnce)
        return Error{Errc::bad_value, "/repeat", "makes more than 100000 tasks at once"};
    if (plan.lease_ms > kLongestLeaseMs) return Error{Errc::bad_value, "/lease_ms", "is 31536000000 at most"};
    drop(plan.job_id);
    auto made = std::make_unique<Plan>(Plan{std::move(plan), std::move(ticks), false, {}});
    const link::PlanSet& set = made->set;
    for (const LineName& name : set.lines) {
        const LineName all_lines;
        auto line = std::make_unique<PlanLine>();
        line->plan = made.get();
        line->name = name;
        line->key = line_key(set.job_id, name);
        line->delay_us = jitter_us_of(set.job_id, node_, set.align ? all_lines : name, set.schedule.jitter_ms);
        // What is new begins with what comes: the broker has no task of it for the ticks before.
        if (!fired_.contains(line->key)) fired_[line->key].add({now.wall_us, now.wall_us});
        seat(*line, now.wall_us);
        made->lines.push_back(std::move(line));
    }
    plans_[set.job_id] = std::move(made);
    return ok();
}

void Planner::drop(JobId job) {
    const auto at = plans_.find(job);
    if (at == plans_.end()) return;
    for (const auto& line : at->second->lines) unqueue(*line);
    plans_.erase(at);
}

void Planner::reset() {
    plans_.clear();
    queue_.clear();
}

void Planner::contact_was(std::uint64_t wall_us, Moment now) {
    const std::chrono::microseconds age(std::min(minus(now.wall_us, wall_us), std::uint64_t{1} << 52));
    contact_ = Moment{now.steady - age, wall_us};
}

void Planner::in_contact(Moment now) {
    contact_ = now;
    for (auto& [job, plan] : plans_) {
        if (!std::exchange(plan->lapsed, false)) continue;
        notes_.push_back("plan_goes_on job=" + job.text());
        for (const auto& line : plan->lines) {  // what was due meanwhile stays undone
            line->seen_us = minus(now.wall_us, line->delay_us);
            queue(*line);
        }
    }
}

/// Where it goes on: behind the last tick that fired and is not in the future. A tick that nobody looked at since is
/// missed, and may be made up for.
void Planner::seat(PlanLine& line, std::uint64_t wall_us) {
    const auto fired = fired_.find(line.key);
    line.seen_us = fired == fired_.end() ? 0 : fired->second.last_before(wall_us);
    queue(line);
}

void Planner::unqueue(PlanLine& line) {
    if (line.due_us) queue_.erase({*line.due_us, &line});
    line.due_us.reset();
}

void Planner::queue(PlanLine& line) {
    unqueue(line);
    const auto fired = fired_.find(line.key);
    auto tick = line.plan->ticks.next(line.seen_us);
    while (tick && fired != fired_.end()) {
        const std::uint64_t last = fired->second.last_in_stretch_of(*tick);
        if (last == 0) break;
        tick = line.plan->ticks.next(last);
    }
    if (!tick) return;
    line.due_us = *tick + line.delay_us;
    queue_.emplace(*line.due_us, &line);
}

std::vector<link::Task> Planner::due(Moment now) {
    if (now.wall_us < wall_us_) {  // somebody set the clock back: what it comes to again may have fired, or not
        for (auto& [job, plan] : plans_) {
            for (const auto& line : plan->lines) seat(*line, now.wall_us);
        }
    }
    wall_us_ = now.wall_us;
    std::vector<link::Task> tasks;
    // What is beyond the bound is due still, and comes with the next look.
    while (!queue_.empty() && queue_.begin()->first <= now.wall_us && tasks.size() < kMostAtOnce)
        look(*queue_.begin()->second, now, tasks);
    return tasks;
}

void Planner::look(PlanLine& line, Moment now, std::vector<link::Task>& tasks) {
    const link::PlanSet& set = line.plan->set;
    const std::uint64_t upto = minus(now.wall_us, line.delay_us);
    const std::uint64_t from = std::max(line.seen_us, minus(upto, std::uint64_t{set.start_within_ms} * 1'000));
    const auto tick = line.plan->ticks.last(from, upto);
    const auto fired = fired_.find(line.key);
    const bool is_new = tick && (fired == fired_.end() || !fired->second.contains(*tick));
    if (is_new && !has_lapsed(*line.plan, now)) fire(line, *tick, now, tasks);
    line.seen_us = std::max(line.seen_us, upto);
    queue(line);
}

bool Planner::has_lapsed(Plan& plan, Moment now) {
    const std::chrono::milliseconds lease(plan.set.lease_ms);
    if (contact_ && now.steady - contact_->steady < lease) return false;
    if (!std::exchange(plan.lapsed, true))
        notes_.push_back("plan_lease_over job=" + plan.set.job_id.text() +
                         " lease_ms=" + std::to_string(plan.set.lease_ms) +
                         " consequence=\"nothing of it is due until the broker is there\"");
    return true;
}

void Planner::fire(PlanLine& line, std::uint64_t tick, Moment now, std::vector<link::Task>& tasks) {
    const link::PlanSet& set = line.plan->set;
    const std::uint64_t late_ms = minus(now.wall_us, tick + line.delay_us) / 1'000;
    link::Task task;
    task.run_id = planned_run(set.job_id, set.revision, tick);
    task.line = line.name;
    task.service = set.service;
    task.params = set.params;
    task.start_within_ms = static_cast<std::uint32_t>(std::max<std::uint64_t>(minus(set.start_within_ms, late_ms), 1));
    task.run_within_ms = set.run_within_ms;
    task.plan = link::PlanRef{set.job_id, set.revision, tick};
    for (std::uint32_t repetition = 0; repetition < set.repeat; ++repetition) {
        task.task_id = planned_task(task.run_id, node_, line.name, repetition);
        tasks.push_back(task);
    }
    Fired& fired = fired_[line.key];
    const std::uint64_t before = fired.last_before(tick);
    const bool goes_on = before != 0 && line.plan->ticks.next(before) == tick;
    const Fired::Stretch stretch{goes_on ? before : tick, tick};
    fired.add(stretch);
    marks_.push_back({line.key, stretch});
}

std::optional<std::uint64_t> Planner::next() const {
    if (queue_.empty()) return std::nullopt;
    return queue_.begin()->first;
}

std::string Planner::digest() const {
    std::map<JobId, std::string> tags;
    for (const auto& [job, plan] : plans_) tags[job] = plan->set.tag;
    return link::plans_digest(tags);
}

std::vector<const link::PlanSet*> Planner::plans() const {
    std::vector<const link::PlanSet*> all;
    for (const auto& [job, plan] : plans_) all.push_back(&plan->set);
    return all;
}

std::vector<FiredMark> Planner::memory(std::uint64_t now_wall_us) {
    std::set<LineKey> planned;
    for (const auto& [job, plan] : plans_) {
        for (const auto& line : plan->lines) planned.insert(line->key);
    }
    std::erase_if(fired_, [&](const auto& one) {
        const auto& stretches = one.second.stretches();
        return !planned.contains(one.first) &&
               (stretches.empty() || stretches.back().second + kForgetAfterUs < now_wall_us);
    });
    std::vector<FiredMark> marks;
    for (const auto& [key, fired] : fired_) {
        for (const Fired::Stretch& stretch : fired.stretches()) marks.push_back({key, stretch});
    }
    return marks;
}

}  // namespace edge::agent
