#include "agent/accepted_work.hpp"

#include <algorithm>

namespace edge::agent {

std::vector<link::AttemptRef> AcceptedWork::answer_for_the_last_process(std::uint64_t now_wall_us) {
    const auto attempts = spool_.open_attempts();
    for (const link::AttemptRef& attempt : attempts) {
        const AcceptedTask known = spool_.accepted(attempt);
        link::Task task;
        task.task_id = attempt.task_id;
        task.attempt = attempt.attempt;
        task.run_id = known.run_id;
        task.line = known.line;
        task.service = known.service;
        task.params = Json{{"target", known.target}};
        task.plan = known.plan;
        const Span span{
            .queued_us = 0, .started_us = std::min(known.received_us, now_wall_us), .ended_us = now_wall_us};
        auto report = failed_report(Status::failed, Source::agent, "start", "agent_restarted",
                                    "the agent ended before the task did");
        Finished finished = make_finished(task, span, std::move(report), Evidence{});
        spool_.finish(std::move(finished.result), finished.detail);
    }
    return attempts;
}

void AcceptedWork::offered(link::Task task, Moment now) {
    const link::AttemptRef attempt{task.task_id, task.attempt};
    if (spool_.knows(attempt)) {  // its result is in the spool, or comes there
        if (task.n != 0) spool_.note_work(task.n);
        return;
    }
    spool_.accept(task.n, attempt,
                  {task.run_id, task.line, task.service, target_in(task.params), now.wall_us, task.plan});
    if (task.plan) planned_.insert(attempt);
    starting_.push_back({std::move(task), now});
}

std::vector<Accepted> AcceptedWork::starting(Time now) {
    auto passed = gate_.pass(std::exchange(starting_, {}), now);
    for (const link::AttemptRef& attempt : stopping_) {
        if (auto held = gate_.take(attempt)) passed.push_back(std::move(*held));
    }
    return passed;
}

void AcceptedWork::finished(Finished finished) {
    planned_.erase({finished.result.task_id, finished.result.attempt});
    spool_.finish(std::move(finished.result), finished.detail);
}

void AcceptedWork::refuse(link::Task task, std::string why, Moment now) {
    if (spool_.knows({task.task_id, task.attempt})) return;
    const Span span{.queued_us = 0, .started_us = now.wall_us, .ended_us = now.wall_us};
    auto report = failed_report(Status::refused, Source::agent, "start", "busy", std::move(why));
    finished(make_finished(task, span, std::move(report), Evidence{}));
}

void AcceptedWork::canceled(std::uint64_t n, const link::AttemptRef& attempt) {
    if (n != 0) spool_.note_work(n);
    stopping_.push_back(attempt);
}

}  // namespace edge::agent
