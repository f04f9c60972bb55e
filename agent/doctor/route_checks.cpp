#include "agent/doctor/checks.hpp"
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

/// What is root's or the operator's to add, the launcher tells.
bool leads_out(const Routed& routed, const launcher::Lacking& lacking) {
    const auto& [line, v6, gateway, diagnosis] = routed;
    bool leads = true;
    const auto lacks = [&](const std::string& what, const std::string& command) {
        routed.add(FindingLevel::fail, what, command);
        leads = false;
    };
    const auto lacks_rule = [&](const std::string& selector) {
        lacks(std::string(routed.family()) + " does not go by table " + routed.table() + ": a rule is missing",
              launcher::rule_command(v6, selector, line.facts.table));
    };
    if ((lacking.by_device >> v6 & 1) != 0) lacks_rule("oif " + line.facts.ifname);
    for (std::size_t i = 0; i < line.facts.addresses.size(); ++i)
        if ((lacking.by_address >> i & 1) != 0 && is_v6(line.facts.addresses[i]) == v6)
            lacks_rule("from " + line.facts.addresses[i]);
    if ((lacking.default_route >> v6 & 1) != 0)
        lacks("table " + routed.table() + " has no default route for " + routed.family(), routed.route_command());
    return leads;
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
        if (!has_its_addresses(routed) || !leads_out(routed, info.lacking)) continue;
        const auto route = launcher.route(info.name, *address_from(v6 ? kFarAway6 : kFarAway4));
        if (!route)
            routed.add(FindingLevel::fail, route.error().message());
        else
            check_answer(routed, route_from(route.value()).route);
    }
}

}  // namespace edge::agent
