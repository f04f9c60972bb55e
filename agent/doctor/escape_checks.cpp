#include <unistd.h>

#include <algorithm>

#include "agent/doctor/checks.hpp"
#include "agent/doctor/escape_verdict.hpp"
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

std::vector<std::string> addresses_of(const std::vector<launcher::LineInfo>& lines) {
    std::vector<std::string> all;
    for (const auto& info : lines)
        for (const auto& address : info.addresses)
            if (auto text = address_text(address); !text.empty()) all.push_back(std::move(text));
    return all;
}

TargetPolicy targets_over(const launcher::LineInfo& own, const std::vector<launcher::LineInfo>& lines,
                          const link::Policy& policy) {
    const auto line = line_from(own);
    return targets_of(policy, line ? line.value().report.resolvers : std::vector<std::string>(), addresses_of(lines));
}

/// The sums of all attempts, which add up.
struct Tally {
    launcher::Enforcement by;
    int blocked = 0, allowed = 0, not_held = 0, escaped = 0;

    void count(EscapeVerdict verdict) {
        blocked += verdict == EscapeVerdict::blocked;
        allowed += verdict == EscapeVerdict::allowed;
        not_held += verdict == EscapeVerdict::not_held;
        escaped += verdict == EscapeVerdict::escaped;
    }
    std::string text() const {
        return std::to_string(blocked + allowed + not_held + escaped) + " tried, " + std::to_string(blocked) +
               " blocked, " + (allowed == 0 ? "" : std::to_string(allowed) + " allowed by policy.toml, ") +
               std::to_string(not_held) + " not held at level " + level_of(by) + ", " + std::to_string(escaped) +
               " escaped";
    }
};

}  // namespace

void check_escapes(LauncherQuestions& launcher, const launcher::HostInfo& host,
                   const std::vector<launcher::LineInfo>& lines, const link::Policy& policy, Diagnosis& diagnosis) {
    const auto is_up = [](const launcher::LineInfo& line) { return line.ifindex != 0 && line.link_up != 0; };
    const auto own = std::find_if(lines.begin(), lines.end(), is_up);
    if (own == lines.end())
        return diagnosis.add(FindingLevel::fail, "escape", "no line is up, so no sandbox can be tried");
    const auto other =
        std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.ifindex != 0 && &line != &*own; });
    const std::string facts = facts_for(*own, other == lines.end() ? nullptr : &*other);
    const TargetPolicy targets = targets_over(*own, lines, policy);
    const bool limited = host.cgroup_mode != launcher::CgroupMode::none;
    Tally tally{own->enforced_by};
    for (std::uint32_t i = 0; i < launcher::kPayloads.size(); ++i) {
        const auto& payload = launcher::kPayloads[i];
        if (payload.aim == PayloadAim::honest) continue;  // it would send to somebody
        if (payload.aim == PayloadAim::host && !limited) continue;
        const auto patience = payload.aim == PayloadAim::host ? kBombBurns : std::chrono::milliseconds(kMustAnswer);
        const auto attempted = launcher.attempt({own->name, i, 1}, facts, patience);
        if (!attempted)
            return diagnosis.add(FindingLevel::fail, "escape",
                                 std::string(payload.name) + " could not be tried: " + attempted.error().message());
        const bool ran_out = attempted.value().end.reason == launcher::ExitReason::exited;
        const auto judged = judge_escape(attempted.value().said, ran_out, payload.aim, own->enforced_by, targets);
        tally.count(judged.verdict);
        if (judged.verdict == EscapeVerdict::allowed)
            diagnosis.add(FindingLevel::info, "escape", std::string(payload.name) + " " + judged.why);
        if (judged.verdict == EscapeVerdict::escaped)
            diagnosis.add(FindingLevel::fail, "escape", std::string(payload.name) + ": " + judged.why,
                          unit_command("stop", "edge-agent edge-launcher"));
    }
    if (tally.not_held != 0)
        diagnosis.add(FindingLevel::warn, "escape",
                      std::to_string(tally.not_held) +
                          " attempts to leave the line or to reach what policy denies got through: "
                          "level cooperative does not hold a prober that is not edge-probe's own code",
                      "run edge-launcher as root with a guard: docs/lines.md");
    if (!limited)
        diagnosis.add(FindingLevel::warn, "escape",
                      "attempts to use up the machine were not tried: nothing limits them");
    diagnosis.add(tally.escaped == 0 ? FindingLevel::ok : FindingLevel::info, "escape", tally.text());
}

}  // namespace edge::agent
