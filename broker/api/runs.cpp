#include "broker/api/lists.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"
#include "broker/live/run_events.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/runs/{id}/cancel: none, or an object without members.
struct CancelBody {};
BOOST_DESCRIBE_STRUCT(CancelBody, (), ())

namespace {

const ListShape<RunView> kRuns{
    {"id", "job_id", "origin", "service", "target", "selector", "state", "created_at", "finished_at", "total", "queued",
     "running", "succeeded", "failed", "timed_out", "canceled", "expired", "lost"},
    [](const RunView& run) { return dump_json(to_json(run)); },
    [](const RunView& run) {
        std::vector<std::string> cells{run.id.text(),
                                       run.job_id.text(),
                                       std::string(enum_text(run.origin)),
                                       std::string(enum_text(run.service)),
                                       run.target,
                                       run.selector,
                                       std::string(enum_text(run.state)),
                                       rfc3339_ms(run.created_at),
                                       run.finished_at ? rfc3339_ms(*run.finished_at) : std::string()};
        const TaskCounts& n = run.tasks;
        for (const auto count :
             {n.total, n.queued, n.running, n.succeeded, n.failed, n.timed_out, n.canceled, n.expired, n.lost})
            cells.push_back(std::to_string(count));
        return cells;
    }};

}  // namespace

void list_runs(CallPtr call) {
    reply_list(std::move(call), kRuns, [](Domain& domain, ListRequest list, Reply<Page<RunView>> reply) {
        domain.runs(std::move(list), std::move(reply));
    });
}

void list_job_runs(CallPtr call) {
    const auto id = id_in_path<JobId>(*call);
    if (!id) return;
    call->domain.job(*id, when_known<JobView>(call, [call](const Call&, const JobView& job) {
        reply_list(call, kRuns, [job = job.id](Domain& domain, ListRequest list, Reply<Page<RunView>> reply) {
            list.q = "job:" + job.text() + (list.q.empty() ? "" : " " + list.q);
            domain.runs(std::move(list), std::move(reply));
        });
    }));
}

void get_run(CallPtr call) {
    const auto id = id_in_path<RunId>(*call);
    if (!id) return;
    call->domain.run(*id, when_known<RunView>(call, [](const Call& asked, const RunView& run) {
        asked.reply(200, dump_json(to_json(run)));
    }));
}

void cancel_run(CallPtr call) {
    const auto id = id_in_path<RunId>(*call);
    if (!id) return;
    if (!call->request.body.empty() && !body_as<CancelBody>(*call)) return;
    call->domain.cancel_run(*id, when_known<RunView>(call, [](const Call& asked, const RunView& run) {
        asked.reply(202, dump_json(to_json(run)), {{"Location", "/api/v1/runs/" + run.id.text()}});
    }));
}

void list_run_tasks(CallPtr call) {
    const auto id = id_in_path<RunId>(*call);
    if (!id) return;
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto then = [](const Call& asked, const Page<TaskView>& tasks) {
        std::vector<std::string> items;
        for (const auto& task : tasks.items) items.push_back(dump_json(to_json(task)));
        asked.reply(200, page_text(items, tasks.next_cursor));
    };
    call->domain.tasks(*id, *page, when_known<Page<TaskView>>(call, then));
}

void list_run_results(CallPtr call) {
    const auto id = id_in_path<RunId>(*call);
    if (!id) return;
    const auto page = page_in_query(*call);
    if (!page) return;
    const auto then = [](const Call& asked, const Page<ResultView>& results) {
        std::vector<std::string> items;
        for (const auto& result : results.items) items.push_back(result_text(result));
        asked.reply(200, page_text(items, results.next_cursor));
    };
    call->domain.results(*id, *page, when_known<Page<ResultView>>(call, then));
}

void stream_run_events(CallPtr call) {
    const auto id = id_in_path<RunId>(*call);
    if (!id) return;
    live::stream_run(call->exchange, call->domain, *id, [call](const Error& error) {
        return http::problem_response(http::problem_of(error), call->request);
    });
}

void get_result(CallPtr call) {
    const auto id = id_in_path<ResultId>(*call);
    if (!id) return;
    call->domain.result(*id, when_known<ResultView>(call, [](const Call& asked, const ResultView& result) {
        asked.reply(200, result_text(result));
    }));
}

}  // namespace edge::broker::api
