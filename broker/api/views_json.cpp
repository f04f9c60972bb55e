#include "broker/api/views_json.hpp"

#include <algorithm>

#include "broker/api/schedules.hpp"
#include "protocol/json/described.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {
namespace {

// Beyond it, its times are not to be compared with another node's.
constexpr std::int64_t kMostOffUs = 1'000'000;

void put_clock(Json& json, const std::optional<std::int64_t>& offset_us) {
    if (!offset_us) return;
    json["clock_offset_us"] = *offset_us;
    if (*offset_us > kMostOffUs || *offset_us < -kMostOffUs) json["clock_unsynced"] = true;
}

void put_time(Json& object, const char* name, const std::optional<WallTime>& time) {
    if (time) object[name] = rfc3339_ms(*time);
}

Json labels_json(const std::map<std::string, std::string>& labels) {
    Json object = Json::object();
    for (const auto& [key, value] : labels) object[key] = value;
    return object;
}

}  // namespace

std::string_view level_name(EnforcedBy level) {
    switch (level) {
        case EnforcedBy::bpf:
            return "bpf-guard";
        case EnforcedBy::nft:
            return "nft-guard";
        case EnforcedBy::cooperative:
            return "cooperative";
        case EnforcedBy::none:
            break;
    }
    return {};
}

Json to_json(const NodeRef& node) {
    return {{"id", node.id.text()}, {"name", node.name.text()}};
}

Json to_json(const LineRef& line) {
    return {{"name", line.name.text()}, {"carrier", line.carrier}};
}

void put_notes(Json& json, const RunNotes& notes) {
    if (notes.left_out_total > 0) {
        Json lines = Json::array();
        for (const auto& one : notes.left_out)
            lines.push_back({{"node", to_json(one.node)}, {"line", to_json(one.line)}, {"reason", one.why}});
        json["left_out"] = {{"total", notes.left_out_total}, {"lines", std::move(lines)}};
    }
    if (notes.away_total > 0) {
        Json nodes = Json::array();
        for (const auto& one : notes.away) nodes.push_back(to_json(one));
        json["away"] = {{"total", notes.away_total}, {"nodes", std::move(nodes)}};
    }
}

Json to_json(const RunView& run) {
    Json json = {{"id", run.id.text()},
                 {"job_id", run.job_id.text()},
                 {"origin", enum_text(run.origin)},
                 {"service", enum_text(run.service)},
                 {"target", run.target},
                 {"selector", run.selector},
                 {"state", enum_text(run.state)},
                 {"created_at", rfc3339_ms(run.created_at)}};
    put_time(json, "finished_at", run.finished_at);
    put_time(json, "tick", run.tick);
    json["tasks"] = encode(run.tasks);
    json["timeouts"] = encode(run.timeouts);
    if (run.recovered) json["recovered"] = true;
    put_notes(json, run.notes);
    return json;
}

Json to_json(const JobView& job) {
    Json json = {{"id", job.id.text()},
                 {"origin", enum_text(job.origin)},
                 {"service", enum_text(job.service)},
                 {"params", job.params},
                 {"selector", job.selector},
                 {"start_within_ms", job.terms.start_within_ms},
                 {"repeat", job.terms.repeat},
                 {"labels", labels_json(job.labels)},
                 {"created_at", rfc3339_ms(job.created_at)}};
    if (job.terms.require_level != EnforcedBy::none) json["require_level"] = level_name(job.terms.require_level);
    if (job.terms.align) json["align"] = true;
    if (job.terms.run_within_ms != 0) json["run_within_ms"] = job.terms.run_within_ms;
    if (job.terms.when_unknown != WhenUnknown::wait) json["when_unknown"] = enum_text(job.terms.when_unknown);
    if (job.last_run) json["last_run"] = job.last_run->text();
    if (job.recovered) json["recovered"] = true;
    if (!job.plan) return json;
    json["schedule"] = to_json(job.plan->schedule);
    json["state"] = enum_text(job.plan->state);
    json["revision"] = job.plan->revision;
    json["revised_at"] = rfc3339_ms(job.plan->revised_at);
    if (job.plan->state != JobState::active) return json;
    json["lines"] = job.plan->lines;
    json["next_ticks"] = Json::array();
    for (const WallTime tick : job.plan->next_ticks) json["next_ticks"].push_back(rfc3339_ms(tick));
    return json;
}

Json to_json(const TaskView& task) {
    return {{"id", task.id.text()},
            {"node", to_json(task.node)},
            {"line", to_json(task.line)},
            {"state", enum_text(task.state)},
            {"attempt", task.attempt}};
}

Json to_json(const NodeView& node) {
    Json json = to_json(node.node);
    json["state"] = enum_text(node.state);
    if (!node.reason.empty()) json["reason"] = node.reason;
    json["labels"] = labels_json(node.labels);
    json["agent_version"] = node.agent_version;
    json["policy_hash"] = node.policy_hash;
    json["enrolled_at"] = rfc3339_ms(node.enrolled_at);
    if (node.token) json["join_token"] = node.token->text();
    put_time(json, "connected_at", node.connected_at);
    put_time(json, "last_seen_at", node.last_seen_at);
    put_time(json, "new_key_at", node.new_key_at);
    if (node.rtt_us) json["rtt_us"] = *node.rtt_us;
    put_clock(json, node.clock_offset_us);
    Json lines = Json::array();
    for (const auto& line : node.lines) lines.push_back(encode(line));
    json["lines"] = std::move(lines);
    if (node.uplink) json["uplink"] = encode(*node.uplink);
    if (!node.busy.empty()) json["busy"] = node.busy;
    if (node.policy) json["policy"] = encode(*node.policy);
    return json;
}

Json line_json(const NodeRef& node, const link::LineReport& line) {
    Json json = encode(line);
    json["node"] = to_json(node);
    return json;
}

Json usage_json(const UsageView& usage) {
    return {{"node", to_json(usage.node)},
            {"told_at", rfc3339_ms(usage.told_at)},
            {"interval_ms", usage.facts.interval_ms},
            {"host", encode(usage.facts.host)},
            {"sent_bytes", sent_bytes(usage.facts)},
            {"received_bytes", received_bytes(usage.facts)}};
}

Json usage_json(const UsageView& usage, const link::LineUsage& line) {
    Json json = encode(line);
    json["node"] = to_json(usage.node);
    json["told_at"] = rfc3339_ms(usage.told_at);
    json["interval_ms"] = usage.facts.interval_ms;
    return json;
}

Json whole_usage_json(const UsageView& usage) {
    Json json = usage_json(usage);
    json["lines"] = encode(usage.facts.lines);
    json["sandboxes"] = encode(usage.facts.sandboxes);
    Json& history = json["history"] = Json::array();
    for (const auto& point : usage.history) {
        Json one = {{"told_at", rfc3339_ms(point.told_at)},
                    {"interval_ms", point.interval_ms},
                    {"memory_free_bytes", point.memory_free_bytes},
                    {"sent_bytes", point.sent_bytes},
                    {"received_bytes", point.received_bytes}};
        if (point.cpu_permille) one["cpu_permille"] = *point.cpu_permille;
        history.push_back(std::move(one));
    }
    return json;
}

Json to_json(const NodeEvent& event) {
    Json json = {{"at", rfc3339_ms(event.at)}, {"kind", enum_text(event.kind)}};
    if (event.became.empty()) return json;  // of the node itself, whose state is the kind
    if (!event.line.empty()) json["line"] = event.line;
    if (!event.was.empty()) json["was"] = event.was;
    json["became"] = event.became;
    json["reason"] = event.reason;
    return json;
}

Json to_json(const JoinTokenView& token) {
    const JoinTokenTerms& terms = token.terms;
    Json json = {{"id", token.id.text()}};
    if (terms.node) json["node"] = terms.node->text();
    if (!terms.nodes.empty()) json["names"] = terms.nodes.size();
    json["uses"] = terms.uses;
    json["used"] = token.used;
    if (!terms.cidrs.empty()) {
        json["cidrs"] = Json::array();
        for (const auto& prefix : terms.cidrs) json["cidrs"].push_back(prefix.text());
    }
    if (!terms.labels.empty()) json["labels"] = labels_json(terms.labels);
    if (terms.approve) json["approve"] = true;
    json["created_at"] = rfc3339_ms(token.created_at);
    json["expires_at"] = rfc3339_ms(token.expires_at);
    put_time(json, "used_at", token.used_at);
    put_time(json, "revoked_at", token.revoked_at);
    return json;
}

Json to_json(const RunProgress& progress) {
    return {{"task_id", progress.task_id.text()},
            {"node", to_json(progress.node)},
            {"line", to_json(progress.line)},
            {"data", progress.data}};
}

std::string result_text(const ResultView& view) {
    const link::TaskResult& result = view.result;
    Json json = {{"id", result.rid.text()},
                 {"run_id", result.run_id.text()},
                 {"task_id", result.task_id.text()},
                 {"attempt", result.attempt},
                 {"node", to_json(view.node)},
                 {"line", to_json(view.line)},
                 {"service", enum_text(result.service)},
                 {"target", result.target},
                 {"status", enum_text(result.status)}};
    if (result.failure) json["failure"] = encode(*result.failure);
    json["started_at"] = rfc3339_ms(result.started_us);
    json["ended_at"] = rfc3339_ms(result.ended_us);
    json["queued_us"] = result.queued_us;
    put_clock(json, view.clock_offset_us);
    json["summary"] = encode(result.summary);
    json["evidence"] = encode(result.evidence);
    json["resolved"] = result.resolved;
    json["concurrency"] = result.concurrency;
    json["superseded"] = view.superseded;
    json["truncated"] = result.truncated;
    if (view.detail.empty()) return with_member(dump_json(json), "detail", "{}");
    // A line break can only stand between tokens here, and would end an event's data line.
    std::string detail = view.detail;
    std::replace_if(
        detail.begin(), detail.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return with_member(dump_json(json), "detail", detail);
}

std::string page_text(const std::vector<std::string>& items, const std::optional<std::string>& next_cursor,
                      std::optional<std::uint64_t> total) {
    std::size_t size = 64;
    for (const auto& item : items) size += item.size() + 1;
    std::string text;
    text.reserve(size);
    text = "{\"items\":[";
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) text += ',';
        text += items[i];
    }
    text += "]}";
    if (total) text = with_member(std::move(text), "total", std::to_string(*total));
    return next_cursor ? with_member(std::move(text), "next_cursor", dump_json(Json(*next_cursor))) : text;
}

std::string with_member(std::string object, std::string_view name, std::string_view value) {
    object.pop_back();
    if (object.size() > 1) object += ',';
    object.append("\"").append(name).append("\":").append(value).append("}");
    return object;
}

}  // namespace edge::broker::api
