#include "agent/settings.hpp"

#include <set>

#include "agent/health/prefix_lines.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/proxy.hpp"
#include "protocol/config/toml.hpp"
#include "protocol/link/labels.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/systemd/credentials.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostBrokers = 8;
constexpr std::size_t kMostUplinks = 8;

/// What a probe would refuse later, said where it stands.
bool is_echo(const std::string& url) {
    HttpSpec http;
    http.target = url;
    return url.starts_with("http://") && url.size() <= 128 && check(ProbeSpec(http));
}

void check(const HealthSettings& health, TomlChecker& checker) {
    if (health.interval_ms != 0) checker.range(health.interval_ms, 1'000, 3'600'000, "/health/interval_ms");
    checker.need(health.anchors.size() <= kMostAnchors, "/health/anchors", "at most 8 anchors");
    for (const std::string& anchor : health.anchors)
        checker.need(static_cast<bool>(IpAddress::parse(anchor)), "/health/anchors",
                     "\"" + anchor.substr(0, 64) + "\" is no address; names are not resolved here");
    checker.need(health.echo.empty() || is_echo(health.echo), "/health/echo",
                 "expected http://HOST:PORT/PATH of at most 128 characters, the broker's [echo]");
    checker.need(health.prefix_file.empty() || health.prefix_file.starts_with('/'), "/health/prefix_file",
                 "expected an absolute path");
    checker.need(health.prefix_file.empty() || !health.echo.empty(), "/health/prefix_file",
                 "is of no use without [health] echo, which tells the address a line leaves by");
    for (const auto& [line, asn] : health.expect) {
        checker.need(static_cast<bool>(LineName::parse(line)), "/health/expect", "\"" + line + "\" is no line's name");
        checker.need(asn.starts_with("AS") && parse_asn(asn) && asn == asn_text(*parse_asn(asn)),
                     "/health/expect/" + line, "expected an AS number, as AS4134");
    }
    checker.need(health.expect.empty() || !health.prefix_file.empty(), "/health/expect",
                 "is of no use without [health] prefix_file");
}

void check(const LinkTable& link, TomlChecker& checker) {
    checker.range(link.first_retry_ms, 0, 30'000, "/link/first_retry_ms");
    checker.need(link.brokers.size() <= kMostBrokers, "/link/brokers", "at most 8 brokers");
    for (std::size_t i = 0; i < link.brokers.size(); ++i) {
        const auto broker = parse_broker(link.brokers[i], {});
        checker.need(static_cast<bool>(broker), "/link/brokers/" + std::to_string(i),
                     broker ? "" : "\"" + link.brokers[i].substr(0, 128) + "\": " + broker.error().detail);
    }
    checker.need(link.uplinks.size() <= kMostUplinks, "/link/uplinks", "at most 8 uplinks");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < link.uplinks.size(); ++i) {
        const std::string& uplink = link.uplinks[i];
        const std::string at = "/link/uplinks/" + std::to_string(i);
        checker.need(static_cast<bool>(LineName::parse(uplink)), at,
                     "\"" + uplink.substr(0, 64) + "\" is neither mgmt nor a line's name");
        checker.need(seen.insert(uplink).second, at, "\"" + uplink.substr(0, 64) + "\" stands there twice");
    }
    checker.range(link.better_steady_ms, 1'000, 3'600'000, "/link/better_steady_ms");
    checker.range(link.better_every_ms, 0, 86'400'000, "/link/better_every_ms");
    const auto proxy = link.proxy.empty() ? Result<Proxy>(Proxy{}) : parse_proxy_url(link.proxy);
    checker.need(static_cast<bool>(proxy), "/link/proxy", proxy ? "" : proxy.error().detail);
    const std::string& file = link.proxy_password_file;
    checker.need(file.empty() || file.starts_with('/') || systemd::is_credential(file), "/link/proxy_password_file",
                 "expected an absolute path, or credential:NAME");
    checker.need(file.empty() || (proxy && !proxy.value().user.empty() && proxy.value().password.empty()),
                 "/link/proxy_password_file", "is of use only with a [link] proxy that has a user and no password");
}

void check(const Settings& settings, TomlChecker& checker) {
    const AgentSettings& agent = settings.agent;
    checker.need(agent.state_dir.starts_with('/'), "/agent/state_dir", "expected an absolute path");
    checker.need(agent.launcher.starts_with('/') && agent.launcher.size() < 108, "/agent/launcher",
                 "expected an absolute path of at most 107 bytes");
    checker.range(agent.workers_per_line, 1, 16, "/agent/workers_per_line");
    checker.range(agent.tasks_per_worker, 1, 1024, "/agent/tasks_per_worker");
    checker.range(agent.drain_ms, 0, 300'000, "/agent/drain_ms");
    checker.range(agent.spool_mb, 16, 65'536, "/agent/spool_mb");
    checker.range(agent.spool_kept_mb, 0, 65'536, "/agent/spool_kept_mb");
    checker.range(agent.spool_kept_h, 0, 720, "/agent/spool_kept_h");
    check(settings.health, checker);
    checker.range(settings.identity.rotate_days, 0, 3'650, "/identity/rotate_days");
    check(settings.link, checker);
    checker.need(settings.node.labels.size() <= link::kMostLabels, "/node/labels", "more than 32 labels");
    for (const auto& [key, value] : settings.node.labels) {
        const bool fits = !key.empty() && key.size() <= link::kLongestLabel && value.size() <= link::kLongestLabel;
        checker.need(fits, "/node/labels", "label \"" + key.substr(0, 63) + "\": key and value are at most 63 bytes");
    }
}

}  // namespace

boost::outcome_v2::basic_result<Settings, std::vector<Error>, boost::outcome_v2::policy::terminate> parse_settings(
    std::string_view text, const std::string& file) {
    return decode_toml<Settings>(text, file, check);
}

}  // namespace edge::agent
