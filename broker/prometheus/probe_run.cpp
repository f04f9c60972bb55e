#include "broker/prometheus/probe_run.hpp"

#include <algorithm>
#include <utility>

namespace edge::broker::prometheus {
namespace {

int status_of(const Error& error) {
    switch (error.code) {
        case Errc::bad_value:
        case Errc::not_found:
        case Errc::denied:
            return 400;
        case Errc::too_large:
            return 429;
        default:
            return 503;
    }
}

/// Ended, and no result is to come. What timed out has one, which comes next.
bool has_no_result(TaskState state) {
    return state == TaskState::canceled || state == TaskState::expired || state == TaskState::lost;
}

}  // namespace

http::Response text_answer(int status, std::string text) {
    return {status, "text/plain; charset=utf-8", {}, std::move(text) + "\n"};
}

ProbeRun::ProbeRun(std::shared_ptr<http::Exchange> exchange, Domain& domain, std::shared_ptr<Recorder> recorder,
                   Modules modules, const Module& module, ProbeQuery query, std::uint64_t within_ms)
    : exchange_(std::move(exchange)),
      domain_(domain),
      recorder_(std::move(recorder)),
      modules_(std::move(modules)),
      module_(module),
      query_(std::move(query)),
      within_ms_(within_ms) {}

void ProbeRun::start(ProbeSpec spec) {
    JobRequest job;
    job.spec = std::move(spec);
    job.selector = query_.selector;
    job.origin = JobOrigin::prometheus;
    job.labels = {{"module", module_.name.substr(0, 128)}};
    job.terms.start_within_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(within_ms_, 86'400'000));
    exchange_->post([self = shared_from_this()] {
        self->exchange_->after(static_cast<std::uint32_t>(self->within_ms_), [weak = self->weak_from_this()] {
            if (const auto waiting = weak.lock()) waiting->answer();
        });
    });
    domain_.create_job(std::move(job), [self = shared_from_this()](Result<RunView> run) {
        if (run) self->recorder_->leave_out(run.value().id);  // here: its results come later on this thread
        self->exchange_->post([self, run = std::move(run)] {
            if (!run) return self->refuse(status_of(run.error()), run.error().detail);
            self->made(run.value());
        });
    });
}

void ProbeRun::made(const RunView& run) {
    run_ = run.id;
    if (over_) return domain_.cancel_run(run_, [](const Result<RunView>&) {});
    away_ = run.notes.away;
    domain_.subscribe(run_, Past::told, shared_from_this(), [self = shared_from_this()](const Result<RunView>& reply) {
        if (!reply) self->exchange_->post([self] { self->refuse(503, "the run cannot be followed"); });
    });
    domain_.tasks(run_, PageRequest{kMostLines, {}}, [self = shared_from_this()](Result<Page<TaskView>> page) {
        self->exchange_->post([self, page = std::move(page)] { self->take_tasks(page); });
    });
}

void ProbeRun::take_tasks(const Result<Page<TaskView>>& page) {
    if (over_) return;
    if (!page) return refuse(503, page.error().detail);
    if (page.value().next_cursor) {
        domain_.cancel_run(run_, [](const Result<RunView>&) {});
        return refuse(400, "more than 500 lines are chosen; limit:N of a selector makes them fewer");
    }
    for (const auto& task : page.value().items) {
        Asked& one = asked_[task.id];
        const auto is_its_node = [&task](const NodeRef& node) { return node.id == task.node.id; };
        one.probed.node = task.node;
        one.probed.line = task.line;
        one.probed.offline = std::ranges::any_of(away_, is_its_node);
        one.probed.waited_us = within_ms_ * 1000;
        one.over = has_no_result(task.state);
        if (const auto result = early_.find(task.id); result != early_.end()) one.probed.result = result->second;
    }
    tasks_known_ = true;
    answer_if_done();
}

void ProbeRun::event(RunEvent event) {
    exchange_->post([self = shared_from_this(), event = std::move(event)] { self->take(event); });
}

void ProbeRun::end() {
    exchange_->post([self = shared_from_this()] {
        for (auto& [id, one] : self->asked_) one.over = true;
        self->answer_if_done();
    });
}

void ProbeRun::take(const RunEvent& event) {
    if (const auto* task = std::get_if<std::shared_ptr<const TaskView>>(&event)) {
        const auto at = asked_.find((*task)->id);
        if (at != asked_.end()) at->second.over = has_no_result((*task)->state);
    }
    if (const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event)) {
        const auto at = asked_.find((*result)->result.task_id);
        if (at != asked_.end())
            at->second.probed.result = *result;
        else
            early_[(*result)->result.task_id] = *result;
    }
    answer_if_done();
}

void ProbeRun::answer_if_done() {
    if (over_ || !tasks_known_) return;
    const auto is_done = [](const auto& one) {
        const Asked& asked = one.second;
        return asked.probed.result || asked.over || asked.probed.offline;
    };
    if (std::ranges::all_of(asked_, is_done)) answer();
}

void ProbeRun::answer() {
    if (over_) return;
    if (!tasks_known_) return refuse(503, "the broker did not begin the probe in time");
    over_ = true;
    domain_.unsubscribe(run_, shared_from_this());
    const auto has_ended = [](const auto& one) { return one.second.probed.result || one.second.over; };
    if (!std::ranges::all_of(asked_, has_ended)) domain_.cancel_run(run_, [](const Result<RunView>&) {});
    Exposition out;
    for (const auto& [id, one] : asked_)
        write_probe(out, module_, one.probed, asked_.size() == 1 ? Labels{} : labels_of(one.probed));
    if (!query_.debug) return exchange_->reply({200, kTextType, {}, out.text()});
    exchange_->reply(text_answer(200, "Logs for the probe:\n" + log_text() +
                                          "\n\n\nMetrics that would have been returned:\n" + out.text() +
                                          "\n\n\nModule configuration:\n" + module_.source));
}

void ProbeRun::refuse(int status, std::string text) {
    if (std::exchange(over_, true)) return;
    exchange_->reply(text_answer(status, std::move(text)));
}

std::string ProbeRun::log_text() const {
    std::string text = "run " + run_.text() + "\n";
    for (const auto& [id, one] : asked_) {
        text += one.probed.node.name.text() + "/" + one.probed.line.name.text() + ": ";
        if (!one.probed.result) {
            text += one.probed.offline ? "the node is away\n" : "no result in time\n";
            continue;
        }
        const link::TaskResult& result = one.probed.result->result;
        text += result.target + " from " + result.evidence.src_addr + " to " + result.evidence.dst_addr + ": ";
        text += result.failure ? result.failure->phase + " " + result.failure->code + ", " + result.failure->text
                               : std::string("answered");
        text += " (" + result.rid.text() + ")\n";
    }
    return text;
}

}  // namespace edge::broker::prometheus
