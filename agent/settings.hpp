// agent.toml, as a struct of defaults. The commented example is config/agent.toml.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/health/health_settings.hpp"
#include "protocol/ids.hpp"
#include "protocol/link/uplink.hpp"

namespace edge::agent {

enum class LogLevel { debug, info, warn, error };
BOOST_DESCRIBE_ENUM(LogLevel, debug, info, warn, error)

struct NodeSettings {
    static constexpr bool fields_have_defaults = true;
    std::optional<NodeName> name;  // wished at enrolment; a token for a name takes no other
    std::map<std::string, std::string> labels;
};
BOOST_DESCRIBE_STRUCT(NodeSettings, (), (name, labels))

struct AgentSettings {
    static constexpr bool fields_have_defaults = true;
    std::string state_dir = "/var/lib/edge-agent";
    std::string launcher = "/run/edge/launcher.sock";
    std::uint32_t workers_per_line = 1;    // 1..16
    std::uint32_t tasks_per_worker = 256;  // 1..1024
    std::uint32_t drain_ms = 10'000;       // 0..300000
    std::uint32_t spool_mb = 256;          // MiB, 16..65536
    std::uint32_t spool_kept_mb = 256;     // MiB of acknowledged results besides, 0..65536
    std::uint32_t spool_kept_h = 24;       // hours that they stay, 0..720
};
BOOST_DESCRIBE_STRUCT(AgentSettings, (),
                      (state_dir, launcher, workers_per_line, tasks_per_worker, drain_ms, spool_mb, spool_kept_mb,
                       spool_kept_h))

struct IdentitySettings {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t rotate_days = 90;  // a key that is older is replaced; 0..3650, 0: never
};
BOOST_DESCRIBE_STRUCT(IdentitySettings, (), (rotate_days))

struct LinkTable {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t first_retry_ms = 30'000;           // 0..30000
    std::vector<std::string> brokers;                // URLs, at most 8; none: the one that the node joined
    std::vector<std::string> uplinks;                // mgmt and names of lines, at most 8; none: mgmt
    std::uint32_t better_steady_ms = 60'000;         // 1000..3600000
    std::uint32_t better_every_ms = 300'000;         // 0..86400000
    std::string proxy;                               // URL; empty: none
    std::string proxy_password_file;                 // absolute, or credential:NAME; empty: in the URL, or none
    std::optional<link::LinkTransport> transport{};  // none: a WebSocket, and requests where none is to be had
};
BOOST_DESCRIBE_STRUCT(LinkTable, (),
                      (first_retry_ms, brokers, uplinks, better_steady_ms, better_every_ms, proxy, proxy_password_file,
                       transport))

struct LogSettings {
    static constexpr bool fields_have_defaults = true;
    LogLevel level = LogLevel::info;
};
BOOST_DESCRIBE_STRUCT(LogSettings, (), (level))

struct Settings {
    static constexpr bool fields_have_defaults = true;
    NodeSettings node;
    AgentSettings agent;
    IdentitySettings identity;
    LinkTable link;
    LineSettings lines;
    HealthSettings health;
    LogSettings log;
};
BOOST_DESCRIBE_STRUCT(Settings, (), (node, agent, identity, link, lines, health, log))

/// Errors: all that is wrong, each with FILE:LINE:COLUMN.
boost::outcome_v2::basic_result<Settings, std::vector<Error>, boost::outcome_v2::policy::terminate> parse_settings(
    std::string_view text, const std::string& file);

}  // namespace edge::agent
