#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "agent/doctor/checks.hpp"
#include "agent/doctor/escape_verdict.hpp"
#include "agent/fd.hpp"
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

bool is_put_up(const std::string& device) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq asked{};
    device.copy(asked.ifr_name, sizeof asked.ifr_name - 1);
    return ::ioctl(socket.number(), SIOCGIFFLAGS, &asked) == 0 && (asked.ifr_flags & IFF_UP) != 0;
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

/// What keeps EDGE's own device from being there, or up: what lines.toml names, and what the launcher could not do.
void check_macvlan(const launcher::LineInfo& info, const Line& line, Diagnosis& diagnosis) {
    const std::string about = "line " + line.facts.name, device = line.facts.ifname;
    const auto fail = [&](const std::string& what, const std::string& fix) {
        diagnosis.add(FindingLevel::fail, about, what, fix);
    };
    if (::if_nametoindex(line.parent.c_str()) == 0)
        return fail("its parent " + line.parent + " is not there", "ip link show " + line.parent);
    if (info.ifindex == 0 && ::if_nametoindex(device.c_str()) != 0)
        return fail("its device " + device + " is somebody else's",
                    "give line " + line.facts.name + " another device in lines.toml");
    if (info.ifindex == 0) return fail("its macvlan " + device + " is not made", launcher_log_command());
    if (!is_put_up(device)) return fail("its macvlan " + device + " is down", "ip link del " + device);
    fail("its macvlan " + device + " has no carrier", "ip link set " + line.parent + " up");
}

void check_line(LauncherQuestions& launcher, const launcher::LineInfo& info, Diagnosis& diagnosis) {
    const auto line = line_from(info);
    if (!line) return diagnosis.add(FindingLevel::fail, "line", line.error().message());
    const auto& facts = line.value().facts;
    const std::string about = "line " + facts.name;
    const std::string inside = launcher::inside_netns(line.value().netns);
    if (info.closed == launcher::Closed::no_namespace)
        return diagnosis.add(FindingLevel::fail, about, "its network namespace " + line.value().netns + " is not there",
                             "ip netns add " + line.value().netns);
    if (!line.value().parent.empty() && (info.ifindex == 0 || info.link_up == 0))
        return check_macvlan(info, line.value(), diagnosis);
    if (info.ifindex == 0)
        return diagnosis.add(FindingLevel::fail, about, "its device " + facts.ifname + " is not there",
                             inside + "ip link show");
    if (info.link_up == 0)
        return diagnosis.add(FindingLevel::fail, about, facts.ifname + " is down or has no carrier",
                             inside + "ip link set " + facts.ifname + " up");
    if (info.closed == launcher::Closed::day_spent)
        return diagnosis.add(FindingLevel::fail, about,
                             "has spent its bytes_per_day of policy.toml; it is open again at midnight UTC");
    char mark[16] = "no mark";  // as `ip rule` prints it
    if (facts.mark != 0) std::snprintf(mark, sizeof mark, "mark 0x%x", facts.mark);
    diagnosis.add(FindingLevel::ok, about,
                  facts.ifname + " is up, " + mark + ", held by " + level_of(info.enforced_by));
    check_routing(launcher, info, line.value(), diagnosis);
    if (!line.value().netns.empty()) return;  // the settings that can be read are of another namespace
    const bool v4 = !of_family(facts.addresses, false).empty();
    if (v4 && facts.mark != 0 && setting_of(facts.ifname, "rp_filter") == 1)  // without a mark the rule is not ours
        diagnosis.add(FindingLevel::ok, about, "rp_filter is strict; the rule `from` its address lets answers in");
    if (!line.value().parent.empty()) check_parent(line.value(), v4, diagnosis);
}

}  // namespace

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

void check_lines(LauncherQuestions& launcher, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis) {
    auto lowest = launcher::Enforcement::bpf_guard;
    for (const auto& info : lines) {
        check_line(launcher, info, diagnosis);
        lowest = std::min(lowest, info.enforced_by);
    }
    diagnosis.level = lines.empty() ? "none" : level_of(lowest);
}

void check_gateways(const std::vector<launcher::LineInfo>& lines, const link::Policy& policy, Diagnosis& diagnosis) {
    const auto targets = targets_of(policy, {}, {});
    for (const auto& info : lines) {
        const auto line = line_from(info);
        if (!line) continue;
        for (const auto& gateway : line.value().gateways)
            if (const auto refusal = targets.refusal(IpAddress::parse(gateway).value(), std::nullopt))
                diagnosis.add(FindingLevel::info, "line " + line.value().facts.name,
                              "its gateway is not pinged, since policy denies it: " + *refusal +
                                  "; the kernel's neighbour table tells of it instead");
    }
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
