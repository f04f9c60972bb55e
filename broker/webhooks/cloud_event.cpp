#include "broker/webhooks/cloud_event.hpp"

#include <array>
#include <cstdio>

#include "broker/api/views_json.hpp"
#include "protocol/cut_text.hpp"
#include "protocol/json/described.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::webhooks {
namespace {

using api::to_json;

// What stands around the data, with the longest source and subject there are.
constexpr std::size_t kEnvelope = 1'024;
constexpr std::size_t kLongestReason = 1'024;

/// Wide enough that the texts sort as the numbers do.
std::string sequence_text(std::uint64_t number) {
    std::array<char, 24> text{};
    const int size = std::snprintf(text.data(), text.size(), "%016llu", static_cast<unsigned long long>(number));
    return std::string(text.data(), static_cast<std::size_t>(size));
}

struct Data {
    std::string text;
    std::string ref{};  // where all of it is
};

Data data_of(const std::shared_ptr<const ResultView>& result, WallTime) {
    const std::string ref = "/api/v1/results/" + result->result.rid.text();
    std::string whole = api::result_text(*result);
    if (whole.size() + kEnvelope < kMostBody) return {std::move(whole), ref};
    const link::TaskResult& r = result->result;
    std::string target = r.target;
    cut_text(target, 255);
    Json thin = {{"id", r.rid.text()},
                 {"run_id", r.run_id.text()},
                 {"task_id", r.task_id.text()},
                 {"attempt", r.attempt},
                 {"node", to_json(result->node)},
                 {"line", to_json(result->line)},
                 {"service", enum_text(r.service)},
                 {"target", target},
                 {"status", enum_text(r.status)},
                 {"started_at", rfc3339_ms(r.started_us)},
                 {"ended_at", rfc3339_ms(r.ended_us)},
                 {"summary", encode(r.summary)},
                 {"thin", true}};
    if (r.failure) {
        Failure failure = *r.failure;
        cut_text(failure.text, kLongestReason);
        thin["failure"] = encode(failure);
    }
    return {dump_json(thin), ref};
}

Data data_of(const RunView& run, WallTime) {
    Json json = to_json(run);
    return {dump_json(json), "/api/v1/runs/" + run.id.text()};
}

Json labels_json(const std::map<std::string, std::string>* labels) {
    return encode(*labels);
}

Data data_of(const NodeHappening& happening, WallTime) {
    Json json = {{"node", to_json(happening.node)}, {"labels", labels_json(happening.labels)}};
    const NodeEvent& event = happening.event;
    if (event.kind != NodeEventKind::line_state) {
        json["state"] = enum_text(event.kind);
        if (!event.reason.empty()) json["reason"] = event.reason;
        return {dump_json(json), "/api/v1/nodes/" + happening.node.id.text()};
    }
    json["line"] = {{"name", event.line}, {"carrier", happening.carrier}};
    if (!event.was.empty()) json["was"] = event.was;
    json["state"] = event.became;
    json["reason"] = event.reason;
    return {dump_json(json), "/api/v1/nodes/" + happening.node.id.text()};
}

Data data_of(const Enrolled& enrolled, WallTime) {
    const Json json = {{"node", to_json(enrolled.node)},
                       {"labels", labels_json(enrolled.labels)},
                       {"state", enum_text(enrolled.state)}};
    return {dump_json(json), "/api/v1/nodes/" + enrolled.node.id.text()};
}

/// Scheme, host and port. What follows often is a credential, and is not told to others.
std::string origin_of(const std::string& url) {
    const auto scheme = url.find("://");
    return scheme == std::string::npos ? std::string() : url.substr(0, url.find_first_of("/?#", scheme + 3));
}

Data data_of(const WebhookView& webhook, WallTime) {
    Json json = {
        {"webhook_id", webhook.id.text()}, {"origin", origin_of(webhook.url)}, {"reason", webhook.disabled_reason}};
    if (webhook.failing_since) json["failing_since"] = rfc3339_ms(*webhook.failing_since);
    return {dump_json(json), "/api/v1/webhooks/" + webhook.id.text()};
}

Data data_of(const Tested&, WallTime at) {
    const Json json = {{"text", "this is a test"}, {"sent_at", rfc3339_ms(at)}};
    return {dump_json(json)};
}

}  // namespace

std::string cloud_event(const OutsideEvent& event, const std::string& source) {
    Data data = std::visit([&](const auto& about) { return data_of(about, event.at); }, event.about);
    const std::string at = rfc3339_ms(event.at);
    Json json = {{"specversion", "1.0"},
                 {"id", event.id.text()},
                 {"source", source},
                 {"type", event_type(event.kind)},
                 {"time", at},
                 {"timestamp", at},
                 {"subject", event.subject},
                 {"sequence", sequence_text(event.sequence)},
                 {"datacontenttype", "application/json"}};
    if (!data.ref.empty()) json["dataref"] = data.ref;
    if (data.text.size() + kEnvelope >= kMostBody) data.text = R"({"thin":true})";
    return api::with_member(dump_json(json), "data", data.text);
}

}  // namespace edge::broker::webhooks
