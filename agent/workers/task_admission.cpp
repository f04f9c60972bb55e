#include "agent/workers/task_admission.hpp"

#include <algorithm>

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostDestinations = 4096;

bool holds(const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

void TaskAdmission::policy(const link::Policy& policy) {
    services_ = policy.services;
    const auto& fresh = policy.destination;
    if (fresh.probes_per_s == limits_.probes_per_s && fresh.burst == limits_.burst) return;  // keep what was counted
    limits_ = fresh;
    destinations_ = TargetBuckets(fresh.probes_per_s, fresh.burst, kMostDestinations);
}

/// None as well where the params are wrong: the worker says so.
const std::optional<Destination>& TaskAdmission::destination(const link::Task& task) {
    if (task.service == last_service_ && task.params == last_params_) return last_destination_;
    const auto spec = decode_spec(task.service, task.params);
    last_destination_ = spec ? destination_of(spec.value()) : std::nullopt;
    last_service_ = task.service;
    last_params_ = task.params;
    return last_destination_;
}

std::optional<ProbeReport> TaskAdmission::refusal(const link::Task& task, const Line& line, Moment now) {
    const auto refused = [](Source source, const char* phase, const char* code, std::string text) {
        return failed_report(Status::refused, source, phase, code, std::move(text));
    };
    if (services_ && !holds(*services_, enum_text(task.service)))
        return refused(Source::policy, "spec", "denied", "the node's policy does not run this service");
    if (!busy_.empty()) return refused(Source::agent, "start", "busy", busy_);
    const auto& destination = this->destination(task);
    if (!destination || holds(line.report.resolvers, destination->host)) return std::nullopt;
    const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now.steady.time_since_epoch()).count();
    if (destinations_.take(destination->host, 1, static_cast<std::uint64_t>(now_us))) return std::nullopt;
    return refused(Source::agent, "start", "rate_limited",
                   destination->host + " was probed enough for now: the node's policy has probes_per_s = " +
                       std::to_string(limits_.probes_per_s));
}

}  // namespace edge::agent
