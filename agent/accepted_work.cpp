#include "agent/accepted_work.hpp"

#include <algorithm>

#include "agent/workers/verdict.hpp"

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
    if (spool_.knows(attempt)) return spool_.note_work(task.n);  // its result is in the spool, or comes there
    spool_.accept(task.n, attempt, {task.run_id, task.line, task.service, target_in(task.params), now.wall_us});
    starting_.push_back({std::move(task), now});
}

void AcceptedWork::canceled(std::uint64_t n, const link::AttemptRef& attempt) {
    if (n != 0) spool_.note_work(n);
    stopping_.push_back(attempt);
}

}  // namespace edge::agent
