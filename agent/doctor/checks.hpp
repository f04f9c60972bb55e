// The parts of doctor, each adding what it found.
#pragma once
#include <string>
#include <vector>

#include "agent/doctor/findings.hpp"
#include "agent/doctor/launcher_questions.hpp"
#include "agent/settings.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/link/node_policy.hpp"

namespace edge::agent {

/// sd_booted(3)
bool systemd_runs();
/// `systemctl VERB UNITS`; without the first word where no systemd runs.
std::string unit_command(const std::string& verb, const std::string& units);

/// As `--require-level` has it.
const char* level_of(launcher::Enforcement by);
/// Where edge-launcher says what it lacks.
std::string launcher_log_command();

/// Of the kernel and its settings: version, control groups, user namespaces, seccomp, Landlock, clock, strict
/// rp_filter.
void check_kernel(Diagnosis& diagnosis);
/// Ping sockets are given by group id; the workers' must be among them.
void check_ping(const launcher::HostInfo& host, Diagnosis& diagnosis);
/// The capabilities of who serves `socket`, which /proc shows to everybody.
void check_launcher(const std::string& socket, const launcher::HostInfo& host, Diagnosis& diagnosis);
/// Device, link, route, guard of each; sets the diagnosis' level to the lowest.
void check_lines(LauncherQuestions& launcher, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis);
/// Of a line whose device is up: its addresses, and the rules and routes of each family. What is missing comes with
/// the command that edge-launcher logs for it.
void check_routing(LauncherQuestions& launcher, const launcher::LineInfo& info, const Line& line, Diagnosis& diagnosis);
/// Lines that take no tasks because `[lines] disabled` names them, and names in it that no line has.
void check_disabled(const LineSettings& settings, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis);
/// Uplinks of the link that are no lines, or down; and what the link's last session was on.
void check_uplinks(const Settings& settings, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis);
/// Whether an agent runs: it holds the lock of its state. Source: proc(5), /proc/locks.
void check_agent(const Settings& settings, Diagnosis& diagnosis);
/// Gateways that policy.toml denies: health does without their pings.
void check_gateways(const std::vector<launcher::LineInfo>& lines, const link::Policy& policy, Diagnosis& diagnosis);
/// A TLS connection to the broker with the pinned key.
void check_broker(const Settings& settings, Diagnosis& diagnosis);
/// Every attempt of protocol/launcher/payloads.hpp, in a sandbox of the first line that is up; but none to use up the
/// machine where nothing limits it. What `cooperative` does not hold is a warning, what policy.toml lends is told.
void check_escapes(LauncherQuestions& launcher, const launcher::HostInfo& host,
                   const std::vector<launcher::LineInfo>& lines, const link::Policy& policy, Diagnosis& diagnosis);

}  // namespace edge::agent
