#include <sstream>

#include "agent/site_report/site_page.hpp"

namespace edge::agent {
namespace {

/// Without the ` proto 237` by which ours are known: ip(8) takes it for a selector only in newer versions.
std::string without_proto(std::string line) {
    if (const auto at = line.find(" proto "); at != std::string::npos) {
        const auto end = line.find(' ', at + 7);
        line.erase(at, end == std::string::npos ? end : end - at);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

/// A word of a shell's, whatever is in it.
std::string quoted(const std::string& word) {
    constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

/// `command` and the paths of that kind; empty where there is none.
std::string of_kind(const SiteFacts& facts, const std::string& command, std::initializer_list<SiteFileKind> kinds) {
    std::string words;
    for (const auto kind : kinds)
        for (const auto& file : facts.files)
            if (file.kind == kind) words += " " + quoted(file.path);
    return words.empty() ? words : command + words;
}

}  // namespace

std::string undo_of_rule(const std::string& line, bool v6) {
    const auto colon = line.find(':');
    const auto rest = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (rest == std::string::npos) return {};
    return std::string("ip ") + (v6 ? "-6 " : "") + "rule del pref " + line.substr(0, colon) + " " +
           without_proto(line.substr(rest));
}

std::string undo_of_route(const std::string& line, bool v6) {
    if (line.empty()) return {};
    const std::string rest = without_proto(line);
    const auto extras = rest.find(" pref ");  // ip -6 prints the router preference, and does not take it back
    return std::string("ip ") + (v6 ? "-6 " : "") + "route del " + rest.substr(0, extras);
}

std::string undo_of(const SiteFile& file, const SiteFacts& facts) {
    switch (file.kind) {
        case SiteFileKind::node_state:
        case SiteFileKind::line_counts:
        case SiteFileKind::unit_changes:
            return "rm -r " + quoted(file.path);
        case SiteFileKind::socket:
            return facts.launcher.pid != 0 ? stop_command(facts) : "rm " + quoted(file.path);
        case SiteFileKind::folder:
            return "rmdir " + quoted(file.path);
        case SiteFileKind::configuration:
        case SiteFileKind::unit:
        case SiteFileKind::program:
            break;
    }
    return "rm " + quoted(file.path);
}

std::string stop_command(const SiteFacts& facts) {
    std::string units, pids, states;
    for (const auto* program : {&facts.agent, &facts.launcher}) {  // the agent first: it would ask for the other
        if (program->pid == 0) continue;
        if (!program->unit.empty()) {
            units += " " + program->unit;
            continue;
        }
        pids += " " + std::to_string(program->pid);
        states += " /proc/" + std::to_string(program->pid) + "/status";
    }
    std::string command = units.empty() ? "" : "systemctl stop" + units;
    // They tidy up, which is waited for; a dead process that nobody collects counts as gone.
    if (!pids.empty())
        command += (command.empty() ? "" : "; ") + ("kill" + pids) +
                   "; for i in $(seq 60); do grep -qs '^State:.[^Z]'" + states + " || break; sleep 1; done";
    return command;
}

std::string undo_of_ping(const SiteFacts& facts) {
    // From 0 is how a distribution opens ping to everybody: not EDGE's, and not to be closed for its sake.
    std::istringstream range(facts.ping_group_range);
    std::uint32_t first = 0, last = 0;
    range >> first >> last;
    const bool not_for_workers = facts.first_uid != 0 && (first > facts.first_uid || last < facts.last_uid);
    return first == 0 || last < first || not_for_workers ? "" : "sysctl -w net.ipv4.ping_group_range='1 0'";
}

std::string cleanup_command(const SiteFacts& facts) {
    // A unit's group goes with the unit, and any name finds the rest.
    const bool by_hand = facts.launcher.unit.empty() && !facts.group_name.empty();
    return quoted(facts.launcher.file.empty() ? "edge-launcher" : facts.launcher.file) + " --cleanup --cgroup " +
           (by_hand ? quoted(facts.group_name) : "edge");
}

std::vector<std::string> removal_commands(const SiteFacts& facts) {
    std::vector<std::string> commands{stop_command(facts)};
    std::string units;
    for (const auto* program : {&facts.agent, &facts.launcher})
        if (!program->unit.empty()) units += " " + program->unit;
    if (!units.empty()) commands.push_back("systemctl disable" + units);
    if (!facts.by_user) commands.push_back(cleanup_command(facts));
    commands.push_back(
        of_kind(facts, "rm -rf", {SiteFileKind::node_state, SiteFileKind::line_counts, SiteFileKind::unit_changes}));
    commands.push_back(
        of_kind(facts, "rm -f",
                {SiteFileKind::socket, SiteFileKind::configuration, SiteFileKind::unit, SiteFileKind::program}));
    commands.push_back(of_kind(facts, "rmdir --ignore-fail-on-non-empty", {SiteFileKind::folder}));
    if (!units.empty()) commands.push_back("systemctl daemon-reload");
    commands.push_back(undo_of_ping(facts));
    if (!facts.agent_user.empty() && facts.agent_user != "root")
        commands.push_back("userdel " + quoted(facts.agent_user));
    std::erase(commands, "");
    return commands;
}

}  // namespace edge::agent
