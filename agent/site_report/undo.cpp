#include <sstream>

#include "agent/site_report/shell_word.hpp"
#include "agent/site_report/site_page.hpp"
#include "protocol/launcher/netns_command.hpp"
#include "protocol/launcher/sysctl_name.hpp"

namespace edge::agent {
namespace {

/// Without the ` proto 237` by which ours are known: ip(8) takes it for a selector only in newer versions.
std::string without_proto(std::string line) {
    if (const auto at = line.find(" proto "); at != std::string::npos) {
        const auto end = line.find(' ', at + 7);
        line.erase(at, end == std::string::npos ? end : end - at);
    }
    // What ip(8) says of the moment, and does not take back.
    std::istringstream words(line);
    std::string kept;
    for (std::string word; words >> word;) {
        if (word == "expires" || word == "error") {
            words >> word;
        } else if (word != "linkdown" && word != "dead" && word != "[detached]") {
            kept += (kept.empty() ? "" : " ") + word;
        }
    }
    return kept;
}

/// Of all rules and routes that stand in a network namespace.
std::vector<std::string> undo_of_routing(const SiteSpace& space) {
    std::vector<std::string> commands;
    const auto inside = launcher::inside_netns(space.netns);
    for (const bool v6 : {false, true})
        for (const auto& rule : v6 ? space.rules6 : space.rules4) commands.push_back(inside + undo_of_rule(rule, v6));
    for (const bool v6 : {false, true})
        for (const auto& route : v6 ? space.routes6 : space.routes4)
            commands.push_back(inside + undo_of_route(route, v6));
    return commands;
}

/// `command` and the paths of that kind; empty where there is none.
std::string of_kind(const SiteFacts& facts, const std::string& command, bool needs_root,
                    std::initializer_list<SiteFileKind> kinds) {
    std::string words;
    for (const auto kind : kinds)
        for (const auto& file : facts.files)
            if (file.kind == kind && file.needs_root == needs_root) words += " " + shell_word(file.path);
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
            return "rm -r " + shell_word(file.path);
        case SiteFileKind::socket:
        case SiteFileKind::lock:
            return facts.launcher.pid != 0 ? stop_command(facts) : "rm " + shell_word(file.path);
        case SiteFileKind::folder:
            return "rmdir " + shell_word(file.path);
        case SiteFileKind::configuration:
        case SiteFileKind::unit:
        case SiteFileKind::program:
            break;
    }
    return "rm " + shell_word(file.path);
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

std::string undo_of_ping(const SiteFacts& facts, const SiteSpace& space) {
    // From 0 is how a distribution opens ping to everybody: not EDGE's, and not to be closed for its sake.
    std::istringstream range(space.ping_group_range);
    std::uint32_t first = 0, last = 0;
    range >> first >> last;
    const bool not_for_workers = facts.first_uid != 0 && (first > facts.first_uid || last < facts.last_uid);
    if (first == 0 || last < first || not_for_workers) return {};
    return launcher::inside_netns(space.netns) + "sysctl -w net.ipv4.ping_group_range='1 0'";
}

std::string undo_of_arp(const std::string& device) {
    return "sysctl -w net.ipv4.conf." + launcher::sysctl_name(device) + ".arp_ignore=0";
}

std::string cleanup_command(const SiteFacts& facts) {
    // A unit's group goes with the unit, and any name finds the rest.
    const bool by_hand = facts.launcher.unit.empty() && !facts.group_name.empty();
    return shell_word(facts.launcher.file.empty() ? "edge-launcher" : facts.launcher.file) + " --cleanup --cgroup " +
           (by_hand ? shell_word(facts.group_name) : "edge");
}

std::vector<std::string> removal_commands(const SiteFacts& facts) {
    std::vector<std::string> commands{stop_command(facts)};
    std::string units;
    for (const auto* program : {&facts.agent, &facts.launcher})
        if (!program->unit.empty()) units += " " + program->unit;
    if (!units.empty()) commands.push_back("systemctl disable" + units);
    if (!facts.by_user) commands.push_back(cleanup_command(facts));
    const auto remove_files = [&](bool needs_root) {
        commands.push_back(of_kind(facts, "rm -rf", needs_root,
                                   {SiteFileKind::node_state, SiteFileKind::line_counts, SiteFileKind::unit_changes}));
        commands.push_back(of_kind(facts, "rm -f", needs_root,
                                   {SiteFileKind::socket, SiteFileKind::lock, SiteFileKind::configuration,
                                    SiteFileKind::unit, SiteFileKind::program}));
        commands.push_back(of_kind(facts, "rmdir --ignore-fail-on-non-empty", needs_root, {SiteFileKind::folder}));
    };
    remove_files(false);
    if (!units.empty()) commands.push_back("systemctl daemon-reload");
    std::erase(commands, "");
    const auto users = commands.size();
    remove_files(true);
    for (const auto& space : facts.spaces) {
        // Others go with the launcher, or by its cleanup, which knows no namespace that is bound elsewhere.
        if (facts.by_user || facts.unheard.empty() || !space.netns.starts_with('/')) continue;
        for (auto& command : undo_of_routing(space)) commands.push_back(std::move(command));
    }
    for (const auto& space : facts.spaces) commands.push_back(undo_of_ping(facts, space));
    for (const auto& device : facts.arp_ignore) commands.push_back(undo_of_arp(device));
    if (!facts.agent_user.empty() && facts.agent_user != "root")
        commands.push_back("userdel " + shell_word(facts.agent_user));
    std::erase(commands, "");
    if (facts.by_user && commands.size() > users)
        commands.insert(commands.begin() + static_cast<std::ptrdiff_t>(users), "# as root:");
    if (!facts.by_user) return commands;
    // Who else uses them only their owner knows: a tunnel's own default route looks like one that was added for EDGE.
    std::vector<std::string> roots;
    for (const auto& space : facts.spaces)
        for (const auto& command : undo_of_routing(space)) roots.push_back("# " + command);
    if (!roots.empty()) commands.push_back("# as root, each that was added for EDGE alone:");
    commands.insert(commands.end(), roots.begin(), roots.end());
    return commands;
}

}  // namespace edge::agent
