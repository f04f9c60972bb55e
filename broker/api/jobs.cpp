#include <algorithm>

#include "broker/api/lists.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/schedules.hpp"
#include "broker/api/views_json.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/jobs.
struct JobBody {
    Service service = Service::ping;
    Json params;
    std::string selector;
    std::optional<std::map<std::string, std::string>> labels;
    std::optional<std::uint32_t> start_within_ms;
    std::optional<std::uint32_t> run_within_ms;
    std::optional<WhenUnknown> when_unknown;
    std::optional<std::uint32_t> repeat;
    std::optional<std::string> require_level;
    std::optional<bool> align;
    std::optional<ScheduleBody> schedule;
};
BOOST_DESCRIBE_STRUCT(JobBody, (),
                      (service, params, selector, labels, start_within_ms, run_within_ms, when_unknown, repeat,
                       require_level, align, schedule))

/// … of PATCH /api/v1/jobs/{id}.
struct JobPatch {
    std::optional<bool> paused;
    std::optional<ScheduleBody> schedule;
    std::optional<Json> params;
    std::optional<std::string> selector;
};
BOOST_DESCRIBE_STRUCT(JobPatch, (), (paused, schedule, params, selector))

namespace {

const ListShape<JobView> kJobs{{"id", "origin", "service", "target", "selector", "created_at", "last_run"},
                               [](const JobView& job) { return dump_json(to_json(job)); },
                               [](const JobView& job) {
                                   const auto target = job.params.find("target");
                                   return std::vector<std::string>{
                                       job.id.text(),
                                       std::string(enum_text(job.origin)),
                                       std::string(enum_text(job.service)),
                                       target != job.params.end() ? target->get<std::string>() : std::string(),
                                       job.selector,
                                       rfc3339_ms(job.created_at),
                                       job.last_run ? job.last_run->text() : std::string()};
                               }};

constexpr std::size_t kMostLabels = 32;
constexpr std::size_t kLongestLabel = 128;
constexpr std::size_t kLongestSelector = 1024;
constexpr std::size_t kLongestKey = 255;
constexpr const char* kTargetRetryS = "10";  // by then a target's bucket is full again, if nobody else probes it

Error bad(std::string where, std::string detail) {
    return Error{Errc::bad_value, std::move(where), std::move(detail)};
}

template <class Spec>
bool has_parameter(std::string_view name) {
    const auto names = described::member_names<Spec>();
    return std::ranges::find(names, name) != names.end();
}

/// A probe's parameter beside `params`, where the other tools have it.
Error misplaced(Error error) {
    const std::string_view name = std::string_view(error.where).substr(std::min<std::size_t>(1, error.where.size()));
    if (has_parameter<DnsSpec>(name) || has_parameter<HttpSpec>(name) || has_parameter<PingSpec>(name)) {
        error.detail = "a job has no ";
        error.detail.append(name).append("; did you mean params.").append(name).append("?");
    }
    return error;
}

Result<EnforcedBy> level_named(std::string_view text) {
    for (const auto level : {EnforcedBy::bpf, EnforcedBy::nft, EnforcedBy::cooperative}) {
        if (level_name(level) == text) return level;
    }
    return bad("/require_level", "expected bpf-guard, nft-guard or cooperative");
}

bool is_plain(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<> check_selector(const std::string& selector) {
    if (selector.empty()) return bad("/selector", "expected a selector; \"all\" takes every line");
    if (selector.size() > kLongestSelector || !is_plain(selector))
        return bad("/selector", "at most 1024 characters, none of them a control character");
    return ok();
}

Result<> check(const JobBody& body) {
    EDGE_TRY(check_selector(body.selector));
    if (body.run_within_ms && *body.run_within_ms == 0) return bad("/run_within_ms", "is 1000 to 3600000");
    if (!body.labels) return ok();
    if (body.labels->size() > kMostLabels) return bad("/labels", "at most 32 labels");
    for (const auto& [key, value] : *body.labels) {
        if (key.empty() || key.size() > kLongestLabel || !is_plain(key))
            return bad("/labels", "a label's name is 1 to 128 characters");
        if (value.size() > kLongestLabel || !is_plain(value))
            return bad("/labels/" + key, "a label's value is at most 128 characters");
    }
    return ok();
}

Result<JobRequest> job_request(JobBody body, const http::Request& request) {
    EDGE_TRY(check(body));
    EDGE_TRY(auto spec, decode_spec(body.service, body.params));
    JobRequest job;
    job.spec = std::move(spec);
    job.selector = std::move(body.selector);
    if (body.labels) job.labels = std::move(*body.labels);
    if (body.start_within_ms) job.terms.start_within_ms = *body.start_within_ms;
    if (body.run_within_ms) job.terms.run_within_ms = *body.run_within_ms;
    if (body.when_unknown) job.terms.when_unknown = *body.when_unknown;
    if (body.repeat) job.terms.repeat = *body.repeat;
    if (body.require_level) {
        EDGE_TRY(job.terms.require_level, level_named(*body.require_level));
    }
    job.terms.align = body.align.value_or(false);
    if (body.schedule) {
        EDGE_TRY(job.schedule, schedule_of(*body.schedule));
    }
    job.idempotency_key = request.header("idempotency-key");
    job.fingerprint = sha256(as_bytes(request.body));
    return job;
}

// What was asked for cannot be done: 422 rather than "there is no such page", "not allowed" and "edit conflict".
void refuse(const CallPtr& call, const Error& error) {
    http::Problem problem = http::problem_of(error);
    if (error.code == Errc::not_found)
        problem = {http::Code::no_match, error.detail, {{"/selector", "no_match", error.detail}}};
    if (error.code == Errc::denied)
        problem = {http::Code::not_lent, error.detail, {{error.where, "not_lent", error.detail}}};
    if (error.code == Errc::conflict) problem.code = http::Code::idempotency_key_reused;
    if (error.code != Errc::too_large) return call->refuse(std::move(problem));
    problem.code = http::Code::too_many_tasks;
    if (error.where.empty()) return call->refuse(std::move(problem));
    problem = {http::Code::too_many_probes, error.detail, {{error.where, "too_many_probes", error.detail}}};
    call->refuse(std::move(problem), {{"Retry-After", kTargetRetryS}});
}

void created(const CallPtr& call, Result<RunView> run, std::uint32_t wait_s) {
    if (!run) return refuse(call, run.error());
    if (wait_s > 0) return reply_when_finished(call, std::move(run.value()), wait_s);
    call->exchange->post([call, view = std::move(run.value())] {
        call->reply(202, dump_json(to_json(view)), {{"Location", "/api/v1/runs/" + view.id.text()}});
    });
}

Result<JobChange> job_change(JobPatch patch) {
    JobChange change;
    change.is_paused = patch.paused;
    change.params = std::move(patch.params);
    if (patch.selector) {
        EDGE_TRY(check_selector(*patch.selector));
        change.selector = std::move(patch.selector);
    }
    if (patch.schedule) {
        EDGE_TRY(change.schedule, schedule_of(*patch.schedule));
    }
    return change;
}

/// Of what is done to a recurring job; that there is none is a 404.
Reply<JobView> planned(CallPtr call, int status) {
    return [call = std::move(call), status](Result<JobView> job) {
        if (!job && (job.error().code != Errc::not_found || !job.error().where.empty()))
            return refuse(call, job.error());
        if (!job) return call->refuse(job.error());
        call->exchange->post([call, status, view = std::move(job.value())] {
            http::Headers headers;
            if (status == 201) headers.emplace_back("Location", "/api/v1/jobs/" + view.id.text());
            call->reply(status, dump_json(to_json(view)), std::move(headers));
        });
    };
}

}  // namespace

void create_job(CallPtr call) {
    const std::string_view key = call->request.header("idempotency-key");
    if (key.size() > kLongestKey) {
        return call->refuse(http::Problem{http::Code::bad_parameter,
                                          "Idempotency-Key is at most 255 characters",
                                          {{"Idempotency-Key", "too_large", ""}}});
    }
    auto body = body_as<JobBody>(*call, misplaced);
    if (!body) return;
    auto job = job_request(std::move(*body), call->request);
    if (!job) return call->refuse(job.error());
    if (job.value().schedule) return call->domain.create_plan(std::move(job.value()), planned(call, 201));
    const std::uint32_t wait_s = preferred_wait(call->request);
    call->domain.create_job(std::move(job.value()),
                            [call, wait_s](Result<RunView> run) { created(call, std::move(run), wait_s); });
}

void list_jobs(CallPtr call) {
    reply_list(std::move(call), kJobs, [](Domain& domain, ListRequest list, Reply<Page<JobView>> reply) {
        domain.jobs(std::move(list), std::move(reply));
    });
}

void get_job(CallPtr call) {
    const auto id = id_in_path<JobId>(*call);
    if (!id) return;
    call->domain.job(*id, when_known<JobView>(call, [](const Call& asked, const JobView& job) {
        asked.reply(200, dump_json(to_json(job)));
    }));
}

void change_job(CallPtr call) {
    const auto id = id_in_path<JobId>(*call);
    if (!id) return;
    auto body = body_as<JobPatch>(*call);
    if (!body) return;
    auto change = job_change(std::move(*body));
    if (!change) return call->refuse(change.error());
    call->domain.change_plan(*id, std::move(change.value()), planned(call, 200));
}

void delete_job(CallPtr call) {
    const auto id = id_in_path<JobId>(*call);
    if (!id) return;
    call->domain.remove_plan(*id, planned(call, 200));
}

}  // namespace edge::broker::api
