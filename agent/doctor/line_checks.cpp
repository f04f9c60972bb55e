#include <net/if.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "agent/doctor/checks.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/launcher/netns_command.hpp"
#include "protocol/launcher/sysctl_name.hpp"
#include "protocol/nearest.hpp"

namespace edge::agent {
namespace {

/// Of the two settings, `all` and the device's own, the kernel takes the larger.
int setting_of(const std::string& device, const std::string& name) {
    int most = 0;
    for (const std::string& one : {std::string("all"), device}) {
        std::ifstream in("/proc/sys/net/ipv4/conf/" + one + "/" + name);
        int value = 0;
        if (in >> value) most = std::max(most, value);
    }
    return most;
}

void check_parent(const Line& line, bool v4, Diagnosis& diagnosis) {
    const std::string about = "line " + line.facts.name, parent = line.parent;
    if (!v4) return;
    if (setting_of(parent, "arp_ignore") == 0)
        return diagnosis.add(
            FindingLevel::warn, about,
            parent + " answers ARP for the macvlan's address, too: answers come in by the wrong device",
            "sysctl -w net.ipv4.conf." + launcher::sysctl_name(parent) + ".arp_ignore=1");
    diagnosis.add(FindingLevel::ok, about, "a macvlan of EDGE's on " + parent);
}

const char* level_of(launcher::Enforcement by) {
    switch (by) {
        case launcher::Enforcement::bpf_guard:
            return "bpf-guard";
        case launcher::Enforcement::nft_guard:
            return "nft-guard";
        case launcher::Enforcement::cooperative:
            return "cooperative";
        case launcher::Enforcement::none:
            break;
    }
    return "none";
}

void check_route(LauncherQuestions& launcher, const launcher::LineInfo& info, const Line& line, const char* target,
                 Diagnosis& diagnosis) {
    const auto to = address_from(target);
    const auto route = launcher.route(info.name, *to);
    const std::string about = "line " + line.facts.name;
    const bool v6 = std::string_view(target).find(':') != std::string_view::npos;
    if (!route) return diagnosis.add(FindingLevel::fail, about, route.error().message());
    const RouteAnswer answer = route_from(route.value());
    const std::string family = v6 ? "IPv6" : "IPv4";
    const bool by_line = answer.route.error.empty() && answer.route.oif == line.facts.ifname;
    // Rules are the operator's where the launcher is an ordinary user's; elsewhere they are put back.
    if (by_line && answer.route.table != line.facts.table)
        return diagnosis.add(FindingLevel::fail, about,
                             family + " leaves by " + answer.route.oif + ", but from table " +
                                 std::to_string(answer.route.table) + ", not " + std::to_string(line.facts.table),
                             "the commands that edge-launcher prints as line_incomplete");
    if (by_line)
        return diagnosis.add(
            FindingLevel::ok, about,
            family + " leaves by " + answer.route.oif + (answer.route.gw.empty() ? "" : " to " + answer.route.gw));
    const auto& gateway = v6 ? info.gateway6 : info.gateway4;
    const RouteAnswer by = route_from(launcher::Route{.gateway = gateway});
    diagnosis.add(FindingLevel::fail, about, "no route for " + family + ": " + answer.route.error,
                  launcher::inside_netns(line.netns) + "ip " + (v6 ? "-6 " : "") + "route add default " +
                      (by.route.gw.empty() ? "" : "via " + by.route.gw + " ") + "dev " + line.facts.ifname + " table " +
                      std::to_string(line.facts.table));
}

void check_line(LauncherQuestions& launcher, const launcher::LineInfo& info, Diagnosis& diagnosis) {
    const auto line = line_from(info);
    if (!line) return diagnosis.add(FindingLevel::fail, "line", line.error().message());
    const auto& facts = line.value().facts;
    const std::string about = "line " + facts.name;
    if (info.ifindex == 0 && info.kind == launcher::LineBy::macvlan)
        return diagnosis.add(FindingLevel::fail, about,
                             "its macvlan " + facts.ifname + " is not made; the launcher's log says why",
                             "journalctl -u edge-launcher | grep -e line_incomplete -e network_refused");
    if (info.closed == launcher::Closed::no_namespace)
        return diagnosis.add(FindingLevel::fail, about, "its network namespace " + line.value().netns + " is not there",
                             "ip netns add " + line.value().netns);
    if (info.ifindex == 0)
        return diagnosis.add(FindingLevel::fail, about, "its device " + facts.ifname + " is not there",
                             launcher::inside_netns(line.value().netns) + "ip link show");
    if (!line.value().up)
        return diagnosis.add(FindingLevel::fail, about, facts.ifname + " is down or has no carrier",
                             launcher::inside_netns(line.value().netns) + "ip link set " + facts.ifname + " up");
    char mark[16] = "no mark";  // as `ip rule` prints it
    if (facts.mark != 0) std::snprintf(mark, sizeof mark, "mark 0x%x", facts.mark);
    diagnosis.add(FindingLevel::ok, about,
                  facts.ifname + " is up, " + mark + ", held by " + level_of(info.enforced_by));
    // Public addresses that nothing is sent to: what is asked is the kernel's table.
    const bool v4 = std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                [](const std::string& one) { return one.find(':') == std::string::npos; });
    const bool v6 = std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                [](const std::string& one) { return one.find(':') != std::string::npos; });
    if (v4) check_route(launcher, info, line.value(), "1.1.1.1", diagnosis);
    if (v6) check_route(launcher, info, line.value(), "2606:4700:4700::1111", diagnosis);
    if (!line.value().netns.empty()) return;  // the settings that can be read are of another namespace
    if (v4 && facts.mark != 0 && setting_of(facts.ifname, "rp_filter") == 1)  // without a mark the rule is not ours
        diagnosis.add(FindingLevel::ok, about, "rp_filter is strict; the rule `from` its address lets answers in");
    if (!line.value().parent.empty()) check_parent(line.value(), v4, diagnosis);
}

}  // namespace

void check_lines(LauncherQuestions& launcher, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis) {
    auto lowest = launcher::Enforcement::bpf_guard;
    for (const auto& info : lines) {
        check_line(launcher, info, diagnosis);
        lowest = std::min(lowest, info.enforced_by);
    }
    diagnosis.level = lines.empty() ? "none" : level_of(lowest);
}

void check_disabled(const LineSettings& settings, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis) {
    std::vector<std::string> names;
    for (const auto& info : lines) names.emplace_back(info.name.text, strnlen(info.name.text, sizeof info.name.text));
    for (const LineName& name : settings.disabled) {
        if (std::ranges::find(names, name.text()) != names.end())
            diagnosis.add(
                FindingLevel::warn, "line " + name.text(),
                "takes no tasks: [lines] disabled of agent.toml names it; after a change there, reload the agent",
                unit_command("reload", "edge-agent"));
        else
            diagnosis.add(
                FindingLevel::warn, "line " + name.text(),
                "[lines] disabled of agent.toml names it, and lines.toml does not" + did_you_mean(name.text(), names));
    }
}

}  // namespace edge::agent
