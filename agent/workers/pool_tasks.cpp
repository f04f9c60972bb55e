// The half of PoolFsm that follows a task: from submit to Deliver.
#include <algorithm>

#include "agent/workers/pool_fsm.hpp"

namespace edge::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kGrace = 2s;  // past a task's deadline, before its worker counts as wedged
constexpr auto kRouteFresh = 1s;
constexpr auto kRouteFreshAfterFailure = 50ms;
constexpr std::size_t kRoutes = 512;
constexpr std::uint32_t kStartWithinMs = 60'000;  // where the broker said none
constexpr std::uint32_t kOwnStartWithinMs = 5'000;
constexpr std::uint32_t kOwnSlackMs = 500;

std::uint64_t microseconds(Time::duration duration) {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 0));
}

}  // namespace

void PoolFsm::set_wake(std::uint64_t key, Job& job, Time wake) {
    drop_wake(key, job);
    job.wake = wake;
    wakes_.emplace(wake, key);
}

PoolActions PoolFsm::submit(link::Task task, Moment received, Moment now) {
    PoolActions actions;
    const std::uint64_t key = next_key_++;
    const LineName name = task.line;
    by_attempt_[{task.task_id, task.attempt}] = key;
    Job& job = jobs_[key];
    const std::uint32_t start_within = task.start_within_ms > 0 ? task.start_within_ms : kStartWithinMs;
    job.task = std::move(task);
    job.received = received.steady;
    set_wake(key, job, received.steady + std::chrono::milliseconds(start_within));
    const auto slot = slots_.find(name);
    if (!launcher_) {
        answer_for(key, no_launcher_report(), now, actions);
    } else if (slot == slots_.end()) {
        answer_for(key,
                   failed_report(Status::failed, Source::agent, "start", "no_such_line",
                                 "this node has no line " + name.text()),
                   now, actions);
    } else if (!slot->second.line.up) {
        answer_for(key, link_down_report(slot->second.line), now, actions);
    } else if (!takes_work(name)) {
        answer_for(key, no_work_report(name, standings_.at(name)), now, actions);
    } else if (auto refused = admission_.refusal(job.task, slot->second.line, now)) {
        answer_for(key, std::move(*refused), now, actions);
    } else {
        slot->second.queue.push_back(key);
        hand_out(slot->second, now, actions);
    }
    return actions;
}

PoolActions PoolFsm::probe(OwnProbe own, Moment now) {
    PoolActions actions;
    const std::uint64_t key = next_key_++;
    Job& job = jobs_[key];
    ++own_;
    job.own = own.id;
    job.task.line = own.line;
    job.task.service = service_of(own.spec);
    job.task.params = encode_spec(own.spec);
    job.task.run_within_ms = static_cast<std::uint32_t>(longest_run_ms(own.spec)) + kOwnSlackMs;
    job.received = now.steady;
    set_wake(key, job, now.steady + std::chrono::milliseconds(kOwnStartWithinMs));
    const auto slot = slots_.find(own.line);
    if (!launcher_ || slot == slots_.end()) {
        answer_for(key, no_launcher_report(), now, actions);
    } else if (!slot->second.line.up) {
        answer_for(key, link_down_report(slot->second.line), now, actions);
    } else if (is_disabled(own.line)) {
        answer_for(key, no_work_report(own.line, standings_.at(own.line)), now, actions);
    } else {
        slot->second.queue.push_front(key);
        hand_out(slot->second, now, actions);
    }
    return actions;
}

PoolActions PoolFsm::cancel(const link::AttemptRef& attempt, Moment now) {
    PoolActions actions;
    const auto at = by_attempt_.find(attempt);
    if (at == by_attempt_.end()) return actions;
    const std::uint64_t key = at->second;
    const Job& job = jobs_.at(key);
    if (job.phase == Phase::running) actions.push_back(SendFrame{job.worker, worker::Cancel{key}});
    if (job.phase == Phase::queued)
        answer_for(key,
                   failed_report(Status::refused, Source::agent, "start", "canceled", "canceled before it started"),
                   now, actions);
    return actions;
}

/// Ends a task that no worker answered for; it needs no route.
void PoolFsm::answer_for(std::uint64_t key, ProbeReport report, Moment now, PoolActions& actions) {
    Job& job = jobs_.at(key);
    if (job.phase == Phase::queued) {
        job.span.queued_us = microseconds(now.steady - job.received);
        job.span.started_us = now.wall_us;
    }
    job.span.ended_us = now.wall_us;
    job.report = std::move(report);
    conclude(key, now, actions);
}

void PoolFsm::hand_out(Slot& slot, Moment now, PoolActions& actions) {
    while (!slot.queue.empty()) {
        const std::uint64_t key = slot.queue.front();
        const auto job = jobs_.find(key);
        if (job == jobs_.end()) {  // canceled or expired meanwhile
            slot.queue.pop_front();
            continue;
        }
        WorkerId best = 0;
        std::size_t load = settings_.tasks_per_worker;
        for (const WorkerId id : slot.workers) {
            const Worker& worker = workers_.at(id);
            if (!worker.ready || worker.doomed || worker.outdated || worker.running.size() >= load) continue;
            best = id;
            load = worker.running.size();
        }
        if (load == settings_.tasks_per_worker) break;
        slot.queue.pop_front();
        run_on(best, workers_.at(best), key, now, actions);
    }
    const auto lasting = std::ranges::count_if(slot.workers, [this](WorkerId id) { return !workers_.at(id).outdated; });
    const bool room = static_cast<std::size_t>(lasting) + slot.spawning < settings_.workers_per_line;
    if (is_disabled(slot.line.report.name)) return;  // what runs there ends there
    if (!slot.queue.empty() && room && launcher_ && slot.line.up && now.steady >= slot.respawn) {
        ++slot.spawning;
        actions.push_back(SpawnWorker{slot.line.report.name});
    }
}

void PoolFsm::run_on(WorkerId id, Worker& worker, std::uint64_t key, Moment now, PoolActions& actions) {
    Job& job = jobs_.at(key);
    job.phase = Phase::running;
    job.worker = id;
    job.span.queued_us = microseconds(now.steady - job.received);
    job.span.started_us = now.wall_us;
    set_wake(key, job, now.steady + std::chrono::milliseconds(job.task.run_within_ms) + kGrace);
    worker.running.insert(key);
    actions.push_back(SendFrame{id, worker::Run{key, job.task.service, job.task.params, job.task.run_within_ms}});
    if (!job.own) unshown_.emplace_back(now.steady + worker::kShownAfter, key);
}

void PoolFsm::show_started(Job& job, PoolActions& actions) {
    if (std::exchange(job.shown, true)) return;
    actions.push_back(Show{{job.task.task_id, job.task.attempt, link::ProgressKind::started, Json::object()}});
}

void PoolFsm::show_due(Moment now, PoolActions& actions) {
    while (!unshown_.empty() && unshown_.front().first <= now.steady) {
        const auto job = jobs_.find(unshown_.front().second);
        unshown_.pop_front();
        if (job != jobs_.end() && job->second.phase == Phase::running) show_started(job->second, actions);
    }
    forget_ended_unshown();
}

void PoolFsm::forget_ended_unshown() {
    while (!unshown_.empty() && !jobs_.contains(unshown_.front().second)) unshown_.pop_front();
}

PoolActions PoolFsm::on_done(WorkerId id, Worker& worker, worker::Done&& done, Moment now) {
    PoolActions actions;
    if (worker.running.erase(done.task) == 0) {
        // A doomed one may still answer what the pool has given up; one that lives has made it up, or answers twice.
        return broken(id, "an answer to a task that it does not run", now);
    }
    Job& job = jobs_.at(done.task);
    job.phase = Phase::verifying;
    drop_wake(done.task, job);
    job.span.ended_us = std::max(now.wall_us, job.span.started_us);
    job.report = std::move(done.report);
    const LineName line = worker.line;
    end_outdated(id, worker, now, actions);
    verify(done.task, now, actions);
    hand_out(slots_.at(line), now, actions);
    return actions;
}

/// Where each of its sockets went; where it failed without one, what lies behind the line.
std::set<Flow> PoolFsm::flows_of(const Job& job) const {
    std::set<Flow> all;
    const auto& sockets = job.report.sockets;
    for (std::size_t i = 0; i < std::min(sockets.size(), kMaxSockets); ++i) all.insert(flow_of(sockets[i]));
    if (sockets.empty() && may_be_the_line(job.report)) all.insert(Flow{slots_.at(job.task.line).line.towards});
    std::erase_if(all, [](const Flow& flow) { return !address_from(flow.destination); });
    return all;
}

void PoolFsm::verify(std::uint64_t key, Moment now, PoolActions& actions) {
    Job& job = jobs_.at(key);
    if (routes_.size() >= kRoutes) {
        std::erase_if(routes_, [&](const auto& item) {
            return !item.second.asked && now.steady - item.second.at >= kRouteFresh;
        });
    }
    const Time::duration fresh =
        may_be_the_line(job.report) ? Time::duration(kRouteFreshAfterFailure) : Time::duration(kRouteFresh);
    if (launcher_) {
        for (const Flow& flow : flows_of(job)) {
            CachedRoute& cached = routes_[{job.task.line, flow}];
            if (!cached.asked && cached.answer && now.steady - cached.at < fresh) {
                job.routes[flow] = cached.answer;
                continue;
            }
            ++job.routes_awaited;
            cached.waiting.push_back(key);
            if (!cached.asked) actions.push_back(AskRoute{job.task.line, flow});
            cached.asked = true;
        }
    }
    if (job.routes_awaited == 0) conclude(key, now, actions);
}

PoolActions PoolFsm::route(const LineName& line, const Flow& flow, std::optional<RouteAnswer> answer, Moment now) {
    PoolActions actions;
    const auto at = routes_.find({line, flow});
    if (at == routes_.end()) return actions;
    const std::vector<std::uint64_t> waiting = std::exchange(at->second.waiting, {});
    at->second.asked = false;
    at->second.answer = answer;
    at->second.at = now.steady;
    for (const std::uint64_t key : waiting) {
        Job& job = jobs_.at(key);
        job.routes[flow] = answer;
        if (--job.routes_awaited == 0) conclude(key, now, actions);
    }
    return actions;
}

void PoolFsm::conclude(std::uint64_t key, Moment now, PoolActions& actions) {
    Job& job = jobs_.at(key);
    LineFacts facts;
    facts.name = job.task.line.text();
    const auto route_of = [&job](const Flow& flow) {
        const auto at = job.routes.find(flow);
        return at == job.routes.end() ? std::optional<RouteAnswer>() : at->second;
    };
    std::vector<SocketPath> paths;
    for (const SocketFacts& socket : job.report.sockets) {
        const auto answer = route_of(flow_of(socket));
        paths.push_back({socket, answer ? std::optional(answer->route) : std::nullopt});
    }
    std::optional<RouteAnswer> blame;
    if (!paths.empty()) blame = route_of(flow_of(paths.back().socket));
    if (const auto slot = slots_.find(job.task.line); slot != slots_.end()) {
        facts = slot->second.line.facts;
        if (paths.empty()) blame = route_of(Flow{slot->second.line.towards});
        if (launcher_ && !slot->second.line.up) blame = RouteAnswer{};
    }
    blame_line(blame, job.report);
    const Evidence evidence = make_evidence(facts, paths);
    apply_evidence(evidence, job.report);
    if (job.own) {
        --own_;
        actions.push_back(Answer{*job.own, std::move(job.report)});
    } else {
        actions.push_back(Deliver{make_finished(job.task, job.span, std::move(job.report), evidence)});
        by_attempt_.erase({job.task.task_id, job.task.attempt});
    }
    drop_wake(key, job);
    const LineName line = job.task.line;
    jobs_.erase(key);
    forget_ended_unshown();
    const auto slot = slots_.find(line);
    if (slot == slots_.end() || !slot->second.draining) return;
    retire(slot->second, now, actions);
    if (!slot->second.draining) actions.push_back(LinesChanged{});
}

void PoolFsm::job_due(std::uint64_t key, Moment now, PoolActions& actions) {
    Job& job = jobs_.at(key);
    if (job.phase == Phase::queued) {
        answer_for(key,
                   failed_report(Status::refused, Source::agent, "start", "expired",
                                 "no worker was free within start_within_ms"),
                   now, actions);
        return;
    }
    const WorkerId id = job.worker;
    Worker& worker = workers_.at(id);
    worker.running.erase(key);
    answer_for(key,
               failed_report(Status::failed, Source::agent, "wait", "worker_wedged",
                             "the worker did not answer within the deadline and 2 s more"),
               now, actions);
    if (!worker.doomed) {
        actions.push_back(PoolNote{true, "worker_wedged worker=" + std::to_string(id) + " line=" + worker.line.text()});
        doom(id, worker, "worker_lost", "its worker was killed because another task was stuck", now, actions);
    }
}

}  // namespace edge::agent
