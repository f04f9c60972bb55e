#include "agent/workers/verdict.hpp"

#include <algorithm>

#include "protocol/crypto/keys.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kTextBytes = 1024;
constexpr std::size_t kCodeBytes = 64;
constexpr std::size_t kTargetBytes = 2048;
constexpr std::size_t kResolved = 32;
constexpr std::size_t kEnvelopeBytes = 16 * 1024;  // more than all of the above together
constexpr std::size_t kDetailBytes = link::kMaxMessage - kEnvelopeBytes;

/// Cuts between characters: half a UTF-8 sequence would be replaced when it is written.
void cut(std::string& text, std::size_t most) {
    if (text.size() <= most) return;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    text.resize(most);
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
    cut(target, kTargetBytes);
    return target;
}

Finished make_finished(const link::Task& task, const Span& span, ProbeReport report, const Evidence& evidence) {
    Finished finished;
    link::TaskResult& result = finished.result;
    result.rid = new_rid(span.ended_us);
    result.task_id = task.task_id;
    result.run_id = task.run_id;
    result.attempt = task.attempt;
    result.line = task.line;
    result.service = task.service;
    result.target = target_in(task.params);
    result.status = report.status;
    result.failure = std::move(report.failure);
    if (result.failure) {
        cut(result.failure->phase, kCodeBytes);
        cut(result.failure->code, kCodeBytes);
        cut(result.failure->text, kTextBytes);
    }
    // The worker's start is the more exact one, where it can be true.
    const bool plausible = report.started_us >= span.started_us && report.started_us <= span.ended_us;
    result.started_us = plausible ? report.started_us : span.started_us;
    result.ended_us = span.ended_us;
    result.queued_us = span.queued_us;
    result.summary = std::move(report.summary);
    if (result.summary.code) cut(*result.summary.code, kCodeBytes);
    result.evidence = evidence;
    for (std::string* text : {&result.evidence.src_addr, &result.evidence.dst_addr, &result.evidence.mismatch_reason})
        cut(*text, 256);
    result.resolved = std::move(report.resolved);
    if (result.resolved.size() > kResolved) result.resolved.resize(kResolved);
    for (std::string& address : result.resolved) cut(address, kCodeBytes);
    result.concurrency = report.concurrency;
    if (!report.detail.empty()) finished.detail = dump_json(report.detail);
    if (finished.detail.size() > kDetailBytes) {
        finished.detail.clear();
        result.truncated = true;
    }
    if (report.detail.is_object() && report.detail.size() == 1 &&
        report.detail.contains("truncated")) {  // cut by the worker's frame
        finished.detail.clear();
        result.truncated = true;
    }
    result.detail_bytes = static_cast<std::uint32_t>(finished.detail.size());
    return finished;
}

}  // namespace edge::agent
