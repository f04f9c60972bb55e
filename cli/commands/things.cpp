#include "cli/commands/things.hpp"

#include <chrono>

#include "cli/api/problem.hpp"
#include "cli/show/figures.hpp"

namespace edge::cli {
namespace {

const Json* find(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto at = object.find(key);
    return at == object.end() ? nullptr : &*at;
}

}  // namespace

std::string text_at(const Json& object, const char* key) {
    const Json* value = find(object, key);
    return value && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<std::uint64_t> number_at(const Json& object, const char* key) {
    const Json* value = find(object, key);
    return value && value->is_number_unsigned() ? std::optional(value->get<std::uint64_t>()) : std::nullopt;
}

const Json& member(const Json& object, const char* key) {
    static const Json kNothing;
    const Json* value = find(object, key);
    return value ? *value : kNothing;
}

std::string list_at(const Json& object, const char* key) {
    std::string text;
    for (const auto& item : member(object, key)) {
        if (item.is_string()) text += (text.empty() ? "" : ", ") + item.get<std::string>();
    }
    return text;
}

std::string labels_at(const Json& object, const char* key) {
    std::string text;
    for (const auto& [name, value] : member(object, key).items())
        text += (text.empty() ? "" : ", ") + name + "=" + (value.is_string() ? value.get<std::string>() : "");
    return text;
}

std::string terms_at(const Json& object, const char* key) {
    std::string text;
    for (const auto& [name, value] : member(object, key).items())
        text += (text.empty() ? "" : " ") + name + ":" + (value.is_string() ? value.get<std::string>() : "");
    return text;
}

std::string duration_at(const Json& object, const char* key) {
    const auto us = number_at(object, key);
    return us ? duration_text(*us) : std::string();
}

std::string age_at(const Json& object, const char* key) {
    const auto then = seconds_of(text_at(object, key));
    return then ? age_text(now_seconds() - *then) : std::string();
}

Answer<Json> asked(Client& client, const std::string& method, const std::string& path, int expected, const Json& body) {
    const auto reply = client.call({.method = method, .path = path, .body = body.is_null() ? "" : dump_json(body)});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status != expected) return trouble_of(reply.value().status, reply.value().body);
    if (expected == 204) return Json::object();
    return json_of(reply.value().body);
}

std::optional<Trouble> no_run(const std::string& id, Client& client) {
    if (id.starts_with("run_") || id.find('_') == std::string::npos) return std::nullopt;
    const std::string kind = id.substr(0, id.find('_'));
    if (kind != "job") {
        if (kind != "task" && kind != "res" && kind != "node" && kind != "tok") return std::nullopt;
        return Trouble{ExitCode::not_found, "\"" + id + "\" is no run's id; those begin with run_", "edgectl get runs"};
    }
    const auto job = client.get("/api/v1/jobs/" + percent_encoded(id));
    const auto run = job ? text_at(job.value(), "last_run") : std::string();
    if (run.empty())
        return Trouble{ExitCode::not_found, "\"" + id + "\" is no run's id but a job's", "edgectl get jobs"};
    return Trouble{ExitCode::not_found, "\"" + id + "\" is a job; its last run is " + run,
                   "edgectl describe run " + run};
}

std::string time_and_age(const Json& object, const char* key) {
    const auto time = printable(text_at(object, key));
    return time.empty() ? time : time + " (" + age_at(object, key) + " ago)";
}

std::int64_t now_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Tone tone_of_state(std::string_view state) {
    if (state == "up" || state == "connected" || state == "ok" || state == "match") return Tone::good;
    for (const std::string_view bad : {"down", "disconnected", "revoked", "locked", "failed", "mismatch"}) {
        if (state == bad) return Tone::bad;
    }
    if (state == "degraded" || state == "draining" || state == "pending") return Tone::warn;
    return Tone::dim;
}

std::string json_text(const std::vector<Json>& items, Format format) {
    std::string text;
    for (const auto& item : items) {
        const std::string one = printable_json(dump_json(item));
        if (format == Format::jsonl) {
            text += one + "\n";
        } else {
            text += (text.empty() ? "[\n  " : ",\n  ") + one;
        }
    }
    if (format == Format::jsonl) return text;
    return text.empty() ? "[]\n" : text + "\n]\n";
}

}  // namespace edge::cli
