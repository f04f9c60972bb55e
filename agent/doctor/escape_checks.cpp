#include <unistd.h>

#include <algorithm>

#include "agent/doctor/checks.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/launcher/payloads.hpp"

namespace edge::agent {
namespace {

using launcher::PayloadAim;
constexpr std::chrono::seconds kMustAnswer{10};
constexpr std::chrono::milliseconds kBombBurns{300};  // contained or not shows at once; the host has other work

/// What a hostile worker would have found out about the machine.
std::string facts_for(const launcher::LineInfo& own, const launcher::LineInfo* other) {
    std::string text = "own_index=" + std::to_string(own.ifindex) + " port=53 paths=/etc/shadow,/etc/edge/policy.toml" +
                       " pids=1,2," + std::to_string(::getpid());
    const auto add = [&](const std::string& prefix, const launcher::LineInfo& info) {
        const auto line = line_from(info);
        if (!line) return;
        for (const auto& address : line.value().facts.addresses)
            text += " " + prefix + (address.find(':') == std::string::npos ? "address4=" : "address6=") + address;
        for (const auto* gateway : {&info.gateway4, &info.gateway6}) {
            const auto by = route_from(launcher::Route{.gateway = *gateway}).route.gw;
            if (!by.empty())
                text += " " + prefix + (by.find(':') == std::string::npos ? "gateway4=" : "gateway6=") + by;
        }
    };
    add("own_", own);
    const auto own_line = line_from(own);
    if (!own_line) return text;
    for (const auto& resolver : own_line.value().report.resolvers)
        text += (resolver.find(':') == std::string::npos ? " target4=" : " target6=") + resolver;
    if (other == nullptr) return text + " other_device=lo other_index=1 other_mark=1";
    add("other_", *other);
    const auto other_line = line_from(*other);
    return text + " other_device=" + (other_line ? other_line.value().facts.ifname : "lo") +
           " other_index=" + std::to_string(other->ifindex) + " other_mark=" + std::to_string(other->mark);
}

bool is_on_network(PayloadAim aim) {
    return aim == PayloadAim::line || aim == PayloadAim::target;
}

/// nftables holds packets and no calls: of an attempt on lines and targets only what was sent tells, and a socket of a
/// protocol that the sandbox refuses.
bool tells(const std::string& outcome, PayloadAim aim, launcher::Enforcement by) {
    if (!is_on_network(aim) || by != launcher::Enforcement::nft_guard) return true;
    return outcome.starts_with("through send") || outcome.starts_with("through sent") ||
           outcome.starts_with("through an echo") || outcome == "through a socket";
}

/// Why it is an escape, or nothing.
std::string escape_in(const LauncherQuestions::Attempted& attempted, PayloadAim aim, launcher::Enforcement by) {
    if (attempted.said.empty() || attempted.said[0] != "trying") return "it could not be tried";
    const std::string outcome = attempted.said.size() > 1 ? attempted.said[1] : std::string();
    if (outcome.starts_with("through") && tells(outcome, aim, by)) return outcome;
    const bool answered = attempted.said.size() > 1;
    if (!answered && attempted.end.reason == launcher::ExitReason::exited) return "it ran something else";
    return {};
}

}  // namespace

void check_escapes(LauncherQuestions& launcher, const launcher::HostInfo& host,
                   const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis) {
    const auto is_up = [](const launcher::LineInfo& line) { return line.ifindex != 0 && line.link_up != 0; };
    const auto own = std::find_if(lines.begin(), lines.end(), is_up);
    if (own == lines.end())
        return diagnosis.add(FindingLevel::fail, "escape", "no line is up, so no sandbox can be tried");
    const auto other =
        std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.ifindex != 0 && &line != &*own; });
    const std::string facts = facts_for(*own, other == lines.end() ? nullptr : &*other);
    const bool limited = host.cgroup_mode != launcher::CgroupMode::none;
    int tried = 0, escaped = 0, not_held = 0;
    for (std::uint32_t i = 0; i < launcher::kPayloads.size(); ++i) {
        const auto& payload = launcher::kPayloads[i];
        if (payload.aim == PayloadAim::honest) continue;  // it would send to somebody
        if (payload.aim == PayloadAim::host && !limited) continue;
        const auto patience = payload.aim == PayloadAim::host ? kBombBurns : std::chrono::milliseconds(kMustAnswer);
        const auto attempted = launcher.attempt({own->name, i, 1}, facts, patience);
        if (!attempted)
            return diagnosis.add(FindingLevel::fail, "escape",
                                 std::string(payload.name) + " could not be tried: " + attempted.error().message());
        ++tried;
        const std::string why = escape_in(attempted.value(), payload.aim, own->enforced_by);
        if (why.empty()) continue;
        if (is_on_network(payload.aim) && own->enforced_by == launcher::Enforcement::cooperative) {
            ++not_held;
            continue;
        }
        ++escaped;
        diagnosis.add(FindingLevel::fail, "escape", std::string(payload.name) + ": " + why,
                      unit_command("stop", "edge-agent edge-launcher"));
    }
    if (not_held != 0)
        diagnosis.add(FindingLevel::warn, "escape",
                      std::to_string(not_held) +
                          " attempts to leave the line or to reach what policy denies got through: "
                          "level cooperative does not hold a prober that is not edge-probe's own code",
                      "run edge-launcher as root with a guard: docs/lines.md");
    if (!limited)
        diagnosis.add(FindingLevel::warn, "escape",
                      "attempts to use up the machine were not tried: nothing limits them");
    if (escaped == 0) diagnosis.add(FindingLevel::ok, "escape", std::to_string(tried - not_held) + " tried, 0 escaped");
}

}  // namespace edge::agent
