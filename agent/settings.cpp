#include "agent/settings.hpp"

#include "protocol/config/toml.hpp"

namespace edge::agent {
namespace {

void check_range(TomlChecker& checker, std::uint32_t value, std::uint32_t least, std::uint32_t most,
                 std::string_view pointer) {
    checker.need(
        value >= least && value <= most, pointer,
        std::to_string(value) + " is out of range; expected " + std::to_string(least) + " to " + std::to_string(most));
}

void check(const Settings& settings, TomlChecker& checker) {
    const AgentSettings& agent = settings.agent;
    checker.need(agent.state_dir.starts_with('/'), "/agent/state_dir", "expected an absolute path");
    checker.need(agent.launcher.starts_with('/') && agent.launcher.size() < 108, "/agent/launcher",
                 "expected an absolute path of at most 107 bytes");
    check_range(checker, agent.workers_per_line, 1, 16, "/agent/workers_per_line");
    check_range(checker, agent.tasks_per_worker, 1, 1024, "/agent/tasks_per_worker");
    check_range(checker, agent.drain_ms, 0, 300'000, "/agent/drain_ms");
    check_range(checker, agent.spool_mb, 16, 65'536, "/agent/spool_mb");
    check_range(checker, settings.link.first_retry_ms, 0, 30'000, "/link/first_retry_ms");
    checker.need(settings.node.labels.size() <= 32, "/node/labels", "more than 32 labels");
    for (const auto& [key, value] : settings.node.labels) {
        const bool fits = !key.empty() && key.size() <= 63 && value.size() <= 63;
        checker.need(fits, "/node/labels", "label \"" + key.substr(0, 63) + "\": key and value are at most 63 bytes");
    }
}

}  // namespace

boost::outcome_v2::basic_result<Settings, std::vector<Error>, boost::outcome_v2::policy::terminate> parse_settings(
    std::string_view text, const std::string& file) {
    return decode_toml<Settings>(text, file, check);
}

}  // namespace edge::agent
