#include "agent/workers/verdict.hpp"

#include <algorithm>

#include "protocol/crypto/keys.hpp"
#include "protocol/cut_text.hpp"
#include "protocol/ip.hpp"
#include "protocol/link/fit_result.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kTargetBytes = 2048;
constexpr std::size_t kReasonBytes = 256;
constexpr std::size_t kResolved = 32;

bool is_address(const std::string& text) {
    return static_cast<bool>(IpAddress::parse(text));
}

ResultId new_rid(std::uint64_t wall_us) {
    std::array<std::uint8_t, 10> random{};
    fill_random(random);
    return ResultId{make_uuid7(wall_us / 1000, random)};
}

}  // namespace

ProbeReport failed_report(Status status, Source source, std::string phase, std::string code, std::string text) {
    ProbeReport report;
    report.status = status;
    report.failure = Failure{source, std::move(phase), std::move(code), std::move(text)};
    return report;
}

ProbeReport no_launcher_report() {
    return failed_report(Status::failed, Source::agent, "start", "launcher_unavailable",
                         "edge-launcher is not there, so no worker can run");
}

ProbeReport link_down_report(const Line& line) {
    return failed_report(Status::failed, Source::line, "start", "link_down",
                         "line " + line.report.name.text() + " is down: " + line.report.reason);
}

ProbeReport no_work_report(const LineName& line, const Standing& standing) {
    const bool disabled = standing.state == link::LineState::disabled;
    return failed_report(Status::failed, Source::line, "start", disabled ? "line_disabled" : "line_down",
                         "line " + line.text() + (disabled ? " is disabled: " : " is down: ") + standing.reason);
}

bool may_be_the_line(const ProbeReport& report) {
    if (report.status == Status::ok || report.status == Status::refused || !report.failure) return false;
    const Source source = report.failure->source;
    return source == Source::target || source == Source::resolver || source == Source::path;
}

void blame_line(const std::optional<RouteAnswer>& route, ProbeReport& report) {
    if (!route || !may_be_the_line(report)) return;
    const bool down = !route->link_up;
    if (!down && route->route.error.empty()) return;
    report.failure->source = Source::line;
    report.failure->text +=
        down ? " (the line's link is down)" : " (the line has no route: " + route->route.error + ")";
}

std::string target_in(const Json& params) {
    const auto at = params.is_object() ? params.find("target") : params.end();
    std::string target =
        params.is_object() && at != params.end() && at->is_string() ? at->get<std::string>() : std::string();
    cut_text(target, kTargetBytes);
    return target;
}

Finished make_finished(const link::Task& task, const Span& span, ProbeReport report, const Evidence& evidence) {
    Finished finished;
    link::TaskResult& result = finished.result;
    result.rid = new_rid(span.ended_us);
    result.task_id = task.task_id;
    result.run_id = task.run_id;
    result.plan = task.plan;
    result.attempt = task.attempt;
    result.line = task.line;
    result.service = task.service;
    result.target = target_in(task.params);
    result.status = report.status;
    result.failure = std::move(report.failure);
    if (result.failure) {
        cut_text(result.failure->phase, kMaxCode);
        cut_text(result.failure->code, kMaxCode);
        cut_text(result.failure->text, kMaxFailureText);
    }
    // The worker's start is the more exact one, where it can be true.
    const bool plausible = report.started_us >= span.started_us && report.started_us <= span.ended_us;
    result.started_us = plausible ? report.started_us : span.started_us;
    result.ended_us = span.ended_us;
    result.queued_us = span.queued_us + (plausible ? report.started_us - span.started_us : 0);  // also in the worker
    result.summary = std::move(report.summary);
    if (result.summary.code) cut_text(*result.summary.code, kMaxCode);
    result.evidence = evidence;
    for (std::string* address : {&result.evidence.src_addr, &result.evidence.dst_addr}) {
        if (!is_address(*address)) address->clear();
    }
    cut_text(result.evidence.mismatch_reason, kReasonBytes);
    result.resolved = std::move(report.resolved);
    std::erase_if(result.resolved, [](const std::string& address) { return !is_address(address); });
    if (result.resolved.size() > kResolved) result.resolved.resize(kResolved);
    result.concurrency = report.concurrency;
    result.truncated = report.detail.text == worker::kTruncatedDetail;
    if (!result.truncated && report.detail.text != "{}") finished.detail = std::move(report.detail.text);
    result.detail_bytes = static_cast<std::uint32_t>(finished.detail.size());
    link::fit_result(result, finished.detail, link::kMaxMessage);
    return finished;
}

}  // namespace edge::agent
