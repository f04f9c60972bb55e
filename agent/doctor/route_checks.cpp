#include <algorithm>

#include "agent/command_output.hpp"
#include "agent/doctor/checks.hpp"
#include "agent/doctor/shown_routing.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/launcher/line_commands.hpp"

namespace edge::agent {
namespace {

// Public addresses that nothing is sent to: what is asked is the kernel's table.
constexpr const char* kFarAway4 = "1.1.1.1";
constexpr const char* kFarAway6 = "2606:4700:4700::1111";

/// One family of a line, and where what is found about it goes.
struct Routed {
    const Line& line;
    bool v6;
    std::string gateway;
    Diagnosis& diagnosis;

    const char* family() const { return v6 ? "IPv6" : "IPv4"; }
    std::string table() const { return std::to_string(line.facts.table); }
    std::string ip(const std::string& words) const {
        return launcher::inside_netns(line.netns) + "ip " + (v6 ? "-6 " : "") + words;
    }
    void add(FindingLevel level, const std::string& what, const std::string& fix = {}) const {
        diagnosis.add(level, "line " + line.facts.name, what, fix);
    }
    std::string route_command() const {
        return launcher::default_route_command(line.netns, v6, gateway, line.facts.ifname, line.facts.table);
    }
};

/// Without its address a line sends nothing, whatever its routes are.
bool has_its_addresses(const Routed& routed) {
    const auto absent = of_family(routed.line.absent, routed.v6);
    for (const auto& address : absent) {
        const std::string what = "its address " + address + " is not on " + routed.line.facts.ifname;
        if (routed.line.parent.empty())
            routed.add(FindingLevel::fail, what,
                       launcher::address_command(routed.line.netns, address, routed.line.facts.ifname));
        else
            routed.add(FindingLevel::fail, what + "; edge-launcher could not put it back", launcher_log_command());
    }
    return absent.empty();
}

/// What ip(8) prints, for a program.
std::string shown(const Routed& routed, const std::string& words) {
    std::string text;
    for (const auto& line : lines_of_command(std::string("ip -N -j ") + (routed.v6 ? "-6 " : "-4 ") + words))
        text += line;
    return text;
}

/// Where the launcher is an ordinary user's, rules and routes are root's to add, and the kernel tells which are not
/// there.
bool has_its_rules(const Routed& routed) {
    const auto rules = missing_rules(shown(routed, "rule show"), routed.line, routed.v6);
    if (!rules) return true;  // an ip(8) that cannot tell: the kernel's answer for a route has to do
    for (const auto& command : *rules)
        routed.add(FindingLevel::fail,
                   std::string(routed.family()) + " does not go by table " + routed.table() + ": a rule is missing",
                   command);
    const bool leads_out = has_default_route(shown(routed, "route show table " + routed.table()));
    if (!leads_out)
        routed.add(FindingLevel::fail, "table " + routed.table() + " has no default route for " + routed.family(),
                   routed.route_command());
    return rules->empty() && leads_out;
}

void check_answer(const Routed& routed, const RouteGet& route) {
    const std::string family = routed.family();
    if (!route.error.empty())
        return routed.add(FindingLevel::fail, "no route for " + family + ": " + route.error, routed.route_command());
    if (route.oif == routed.line.facts.ifname && route.table == routed.line.facts.table)
        return routed.add(FindingLevel::ok,
                          family + " leaves by " + route.oif + (route.gw.empty() ? "" : " to " + route.gw));
    routed.add(FindingLevel::fail,
               family + " leaves by " + route.oif + " from table " + std::to_string(route.table) + ", not by " +
                   routed.line.facts.ifname + " from table " + routed.table() +
                   ": another rule stands before the line's",
               routed.ip("rule show"));
}

}  // namespace

void check_routing(LauncherQuestions& launcher, const launcher::LineInfo& info, const Line& line,
                   Diagnosis& diagnosis) {
    for (const bool v6 : {false, true}) {
        if (of_family(line.facts.addresses, v6).empty()) continue;
        const Routed routed{line, v6, address_text(v6 ? info.gateway6 : info.gateway4), diagnosis};
        const bool rules_are_roots = line.facts.mark == 0;  // a launcher that may add rules marks, too
        if (!has_its_addresses(routed) || (rules_are_roots && !has_its_rules(routed))) continue;
        const auto route = launcher.route(info.name, *address_from(v6 ? kFarAway6 : kFarAway4));
        if (!route)
            routed.add(FindingLevel::fail, route.error().message());
        else
            check_answer(routed, route_from(route.value()).route);
    }
}

}  // namespace edge::agent
