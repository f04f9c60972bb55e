// The half of PoolFsm that follows workers, lines and the launcher.
#include "agent/workers/pool_fsm.hpp"

#include <algorithm>

namespace edge::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kReadyWithin = 30s;  // from spawn to ready, also on a machine that has other things to do
constexpr auto kOtherEnd = 500ms;   // between the end of a worker's socket and the launcher's word, either first
constexpr auto kKilledWithin = 5s;
constexpr auto kProven = 10s;  // a worker that lived so long was not at fault for what comes next
constexpr auto kRespawnStep = 500ms;
constexpr std::uint32_t kMaxFailures = 6;  // 500 ms · 2^6 = 32 s
constexpr const char* kLineDisabled = "line_disabled";
constexpr const char* kOutdated = "outdated";  // as the one above, no failure

}  // namespace

void PoolFsm::keep_warm(Slot& slot, Moment now, PoolActions& actions) {
    if (!launcher_ || !slot.line.up || !slot.workers.empty() || slot.spawning > 0 || now.steady < slot.respawn) return;
    if (is_disabled(slot.line.report.name)) return;
    ++slot.spawning;
    actions.push_back(SpawnWorker{slot.line.report.name});
}

PoolActions PoolFsm::spawned(const LineName& line, WorkerId worker, Moment now) {
    const auto slot = slots_.find(line);
    if (slot == slots_.end()) return {};
    if (slot->second.spawning > 0) --slot->second.spawning;
    slot->second.workers.push_back(worker);
    Worker& one = workers_[worker];
    one.line = line;
    one.began = now.steady;
    one.give_up = now.steady + kReadyWithin;
    PoolActions actions;
    if (is_disabled(line)) retire(slot->second, now, actions);  // since it was asked for
    return actions;
}

PoolActions PoolFsm::spawn_failed(const LineName& line, const std::string& why, Moment now) {
    PoolActions actions;
    const auto at = slots_.find(line);
    if (at == slots_.end() || !launcher_) return actions;
    Slot& slot = at->second;
    if (slot.spawning > 0) --slot.spawning;
    slot.failures = std::min(slot.failures + 1, kMaxFailures);
    slot.respawn = now.steady + kRespawnStep * (1u << slot.failures);
    actions.push_back(PoolNote{true, "worker_spawn_failed line=" + line.text() + " why=\"" + why + "\""});
    if (slot.workers.empty()) say_no_worker(slot, why, actions);
    if (slot.workers.empty())
        fail_queue(slot, failed_report(Status::failed, Source::agent, "start", "worker_spawn_failed", why), now,
                   actions);
    return actions;
}

PoolActions PoolFsm::frame(WorkerId id, worker::Frame frame, Moment now) {
    const auto at = workers_.find(id);
    if (at == workers_.end()) return {};
    Worker& worker = at->second;
    if (auto* done = std::get_if<worker::Done>(&frame)) return on_done(id, worker, std::move(*done), now);
    PoolActions actions;
    if (auto* progress = std::get_if<worker::Progress>(&frame)) {
        if (!worker.running.contains(progress->task) || jobs_.at(progress->task).own) return actions;
        Job& job = jobs_.at(progress->task);
        const link::Task& task = job.task;
        show_started(job, actions);
        actions.push_back(Show{{task.task_id, task.attempt, link::ProgressKind::data, std::move(progress->data)}});
        return actions;
    }
    const auto* ready = std::get_if<worker::Ready>(&frame);
    if (!ready || worker.ready) return broken(id, "a frame out of turn", now);
    worker.ready = worker.was_ready = true;
    if (!worker.doomed) worker.give_up.reset();
    actions.push_back(PoolNote{false, "worker_ready worker=" + std::to_string(id) + " line=" + worker.line.text() +
                                          " sandbox=" + ready->sandbox.substr(0, 64)});
    Slot& slot = slots_.at(worker.line);
    say_no_worker(slot, {}, actions);
    hand_out(slot, now, actions);
    return actions;
}

void PoolFsm::say_no_worker(Slot& slot, const std::string& why, PoolActions& actions) {
    const bool is_news = slot.no_worker.empty() != why.empty();
    slot.no_worker = why;
    if (is_news) actions.push_back(LinesChanged{});
}

PoolActions PoolFsm::broken(WorkerId id, const std::string& why, Moment now) {
    PoolActions actions;
    const auto at = workers_.find(id);
    if (at == workers_.end() || at->second.doomed) return actions;
    actions.push_back(PoolNote{true, "worker_broken worker=" + std::to_string(id) + " line=" + at->second.line.text() +
                                         " why=\"" + why + "\""});
    doom(id, at->second, "worker_broken", "the worker broke the protocol: " + why, now, actions);
    return actions;
}

void PoolFsm::doom(WorkerId id, Worker& worker, std::string code, std::string text, Moment now, PoolActions& actions) {
    worker.doomed = true;
    worker.why = std::move(code);
    worker.text = std::move(text);
    worker.give_up = now.steady + kKilledWithin;
    actions.push_back(KillWorker{id});
}

PoolActions PoolFsm::exited(WorkerId id, launcher::ExitReason reason, std::int32_t code, Moment now) {
    PoolActions actions;
    const auto at = workers_.find(id);
    if (at == workers_.end()) return actions;
    Worker& worker = at->second;
    if (!worker.doomed) {
        const bool oom = reason == launcher::ExitReason::oom;
        worker.why = oom ? "worker_oom" : "worker_crashed";
        worker.text = oom ? "the worker used more memory than its sandbox has"
                          : "the worker ended with " +
                                std::string(reason == launcher::ExitReason::exited ? "status " : "signal ") +
                                std::to_string(code);
        actions.push_back(PoolNote{true, worker.why + " worker=" + std::to_string(id) + " line=" + worker.line.text() +
                                             " code=" + std::to_string(code)});
    }
    worker.exited = worker.doomed = true;
    worker.give_up = now.steady + kOtherEnd;
    if (worker.hung_up) bury(id, now, actions);
    return actions;
}

PoolActions PoolFsm::hung_up(WorkerId id, Moment now) {
    PoolActions actions;
    const auto at = workers_.find(id);
    if (at == workers_.end()) return actions;
    Worker& worker = at->second;
    worker.hung_up = true;
    if (worker.exited) {
        bury(id, now, actions);
        return actions;
    }
    if (!worker.doomed) worker.give_up = now.steady + kOtherEnd;
    // Nothing more is handed to it, but why it ended the launcher still has to say.
    worker.ready = false;
    return actions;
}

void PoolFsm::lose(std::uint64_t key, const Worker& worker, Moment now, PoolActions& actions) {
    const std::string code = worker.why.empty() ? "worker_lost" : worker.why;
    const std::string text = worker.text.empty() ? "the worker is gone" : worker.text;
    answer_for(key, failed_report(Status::failed, Source::agent, "wait", code, text), now, actions);
}

void PoolFsm::bury(WorkerId id, Moment now, PoolActions& actions) {
    const auto node = workers_.extract(id);
    const Worker& worker = node.mapped();
    for (const std::uint64_t key : worker.running) lose(key, worker, now, actions);
    actions.push_back(DropWorker{id});
    Slot& slot = slots_.at(worker.line);
    std::erase(slot.workers, id);
    const bool others = slot.spawning > 0 || std::ranges::any_of(slot.workers, [this](WorkerId other) {
                            const Worker& one = workers_.at(other);
                            return !one.doomed && !one.hung_up;
                        });
    const bool failed = worker.why != kLineDisabled && worker.why != kOutdated;
    if (!worker.was_ready && !others && failed)
        say_no_worker(slot, worker.text.empty() ? "the worker did not get ready" : worker.text, actions);
    const bool proven = now.steady - worker.began >= kProven || !failed;
    slot.failures = proven ? 0 : std::min(slot.failures + 1, kMaxFailures);
    slot.respawn = slot.failures == 0 ? now.steady : now.steady + kRespawnStep * (1u << (slot.failures - 1));
    keep_warm(slot, now, actions);
    hand_out(slot, now, actions);
}

void PoolFsm::awaited_in_vain(WorkerId id, Moment now, PoolActions& actions) {
    Worker& worker = workers_.at(id);
    if (worker.doomed || worker.hung_up) {
        if (worker.hung_up && !worker.exited && !worker.doomed) actions.push_back(KillWorker{id});
        bury(id, now, actions);
        return;
    }
    actions.push_back(PoolNote{true, "worker_not_ready worker=" + std::to_string(id) + " line=" + worker.line.text()});
    doom(id, worker, "worker_lost", "the worker was not ready within 30 s", now, actions);
}

void PoolFsm::fail_queue(Slot& slot, const ProbeReport& report, Moment now, PoolActions& actions) {
    for (const std::uint64_t key : std::exchange(slot.queue, {})) {
        if (jobs_.contains(key)) answer_for(key, report, now, actions);
    }
}

// ── lines and the launcher ──

PoolActions PoolFsm::line(Line line, Moment now) {
    PoolActions actions;
    Slot& slot = slots_[line.report.name];
    for (auto& [of, cached] : routes_)
        if (of.first == line.report.name) cached.answer.reset();  // its way may be another now
    slot.line = std::move(line);
    if (!slot.line.up) {
        fail_queue(slot, link_down_report(slot.line), now, actions);
        return actions;
    }
    keep_warm(slot, now, actions);
    hand_out(slot, now, actions);
    return actions;
}

void PoolFsm::keep_only(const std::set<LineName>& lines) {
    std::erase_if(slots_, [&](const auto& one) {
        const auto& [name, slot] = one;
        const bool idle = slot.workers.empty() && slot.spawning == 0 && slot.queue.empty();
        return idle && !lines.contains(name);
    });
}

bool PoolFsm::is_disabled(const LineName& line) const {
    const auto standing = standings_.find(line);
    return standing != standings_.end() && standing->second.state == link::LineState::disabled;
}

bool PoolFsm::takes_work(const LineName& line) const {
    const auto standing = standings_.find(line);
    return standing == standings_.end() || standing->second.takes_work;
}

PoolActions PoolFsm::judge(const LineName& line, Standing standing, Moment now) {
    PoolActions actions;
    const Standing& kept = standings_[line] = std::move(standing);
    const auto slot = slots_.find(line);
    if (slot == slots_.end()) return actions;
    slot->second.draining = false;
    if (kept.takes_work) {
        keep_warm(slot->second, now, actions);
        return actions;
    }
    for (const std::uint64_t key : std::exchange(slot->second.queue, {})) {
        const auto job = jobs_.find(key);
        if (job == jobs_.end()) continue;
        if (job->second.own && !is_disabled(line)) {
            slot->second.queue.push_back(key);
        } else {
            answer_for(key, no_work_report(line, kept), now, actions);
        }
    }
    if (kept.state == link::LineState::disabled) retire(slot->second, now, actions);
    return actions;
}

std::size_t PoolFsm::tasks_on(const LineName& line) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(jobs_, [&](const auto& job) { return !job.second.own && job.second.task.line == line; }));
}

/// A disabled line whose last task is done needs no workers.
void PoolFsm::retire(Slot& slot, Moment now, PoolActions& actions) {
    slot.draining = tasks_on(slot.line.report.name) > 0;
    if (slot.draining || !launcher_) return;
    for (const WorkerId id : slot.workers) {
        const auto at = workers_.find(id);  // one that is being buried is not there
        if (at != workers_.end() && !at->second.doomed)
            doom(id, at->second, kLineDisabled, "the line was disabled", now, actions);
    }
}

PoolActions PoolFsm::renew(Moment now) {
    PoolActions actions;
    for (auto& [id, worker] : workers_) {
        worker.outdated = true;
        end_outdated(id, worker, now, actions);
    }
    for (auto& [name, slot] : slots_) hand_out(slot, now, actions);
    return actions;
}

void PoolFsm::end_outdated(WorkerId id, Worker& worker, Moment now, PoolActions& actions) {
    if (worker.outdated && !worker.doomed && worker.running.empty())
        doom(id, worker, kOutdated, "the node's policy changed", now, actions);
}

PoolActions PoolFsm::launcher_up() {
    launcher_ = true;
    return {};
}

PoolActions PoolFsm::launcher_down(Moment now) {
    PoolActions actions;
    launcher_ = false;
    std::vector<std::uint64_t> keys;
    for (const auto& [key, job] : jobs_) keys.push_back(key);
    for (const std::uint64_t key : keys) {
        switch (jobs_.at(key).phase) {
            case Phase::queued:
                answer_for(key, no_launcher_report(), now, actions);
                break;
            case Phase::running:
                answer_for(key,
                           failed_report(Status::failed, Source::agent, "wait", "worker_lost",
                                         "edge-launcher ended, and its workers with it"),
                           now, actions);
                break;
            case Phase::verifying:
                conclude(key, now, actions);
                break;
        }
    }
    for (const auto& [id, worker] : workers_) actions.push_back(DropWorker{id});
    workers_.clear();
    routes_.clear();
    standings_.clear();
    for (auto& [name, slot] : slots_) {
        slot.workers.clear();
        slot.queue.clear();
        slot.spawning = slot.failures = 0;
        slot.no_worker.clear();
        slot.respawn = {};
        slot.line.up = false;
        slot.line.report.state = link::LineState::unknown;
        slot.line.report.reason = "edge-launcher is not there";
    }
    return actions;
}

std::vector<link::LineReport> PoolFsm::lines() const {
    std::vector<link::LineReport> reports;
    for (const auto& [name, slot] : slots_) {
        link::LineReport& report = reports.emplace_back(slot.line.report);
        if (const auto standing = standings_.find(name); standing != standings_.end()) {
            report.state = standing->second.state;
            report.reason = standing->second.reason;
            report.health = standing->second.health;
        }
        const bool takes_work = report.state == link::LineState::up || report.state == link::LineState::degraded;
        if (takes_work && !slot.no_worker.empty()) {
            report.state = link::LineState::degraded;
            report.reason = "no worker starts: " + slot.no_worker;
        }
        if (!slot.draining) continue;
        const std::size_t left = tasks_on(name);
        report.state = link::LineState::draining;
        report.reason += "; " + std::to_string(left) + (left == 1 ? " task is" : " tasks are") + " still running";
    }
    return reports;
}

// ── time ──

PoolActions PoolFsm::tick(Moment now) {
    PoolActions actions;
    while (!wakes_.empty() && wakes_.begin()->first <= now.steady) {
        const std::uint64_t key = wakes_.begin()->second;
        job_due(key, now, actions);
    }
    show_due(now, actions);
    std::vector<WorkerId> due;
    for (const auto& [id, worker] : workers_) {
        if (worker.give_up && *worker.give_up <= now.steady) due.push_back(id);
    }
    for (const WorkerId id : due) awaited_in_vain(id, now, actions);
    for (auto& [name, slot] : slots_) {
        keep_warm(slot, now, actions);
        if (!slot.queue.empty()) hand_out(slot, now, actions);
    }
    return actions;
}

std::optional<Time> PoolFsm::deadline() const {
    std::optional<Time> first;
    const auto sooner = [&](Time at) { first = first ? std::min(*first, at) : at; };
    if (!wakes_.empty()) sooner(wakes_.begin()->first);
    if (!unshown_.empty()) sooner(unshown_.front().first);
    for (const auto& [id, worker] : workers_) {
        if (worker.give_up) sooner(*worker.give_up);
    }
    for (const auto& [name, slot] : slots_) {
        const bool wanted = launcher_ && slot.line.up && !is_disabled(name);
        if (wanted && slot.workers.empty() && slot.spawning == 0) sooner(slot.respawn);
    }
    return first;
}

}  // namespace edge::agent
