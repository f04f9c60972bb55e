#include "agent/doctor/escape_verdict.hpp"

#include <algorithm>
#include <optional>

namespace edge::agent {
namespace {

using launcher::Enforcement;
using launcher::PayloadAim;

bool is_on_network(PayloadAim aim) {
    return aim == PayloadAim::line || aim == PayloadAim::target;
}

/// nftables holds packets and no calls: of an attempt on lines and targets only what was sent tells, and a socket of a
/// protocol that the sandbox refuses.
bool tells(const std::string& way, PayloadAim aim, Enforcement by) {
    if (!is_on_network(aim) || by != Enforcement::nft_guard) return true;
    return way.starts_with("send") || way.starts_with("sent") || way.starts_with("an echo") || way == "a socket";
}

std::string allowed_by(const TargetPolicy& policy, const IpAddress& to) {
    for (const auto& prefix : policy.allow)
        if (prefix.contains(to)) return "policy.toml allows " + prefix.text();
    return "policy.toml does not deny it";
}

/// Of one way out, such as `sendto to 192.0.2.1:80`: why policy.toml lets every probe take it, where it does.
std::optional<std::string> lent(const std::string& way, const TargetPolicy& policy) {
    const std::string where = way.substr(way.rfind(' ') + 1);
    const bool tcp = way.starts_with("connect") || way.starts_with("a SYN");
    std::optional<std::uint16_t> port;
    auto to = IpAddress::parse(where);
    if (const auto with_port = TargetPort::parse(where); with_port) {
        port = with_port.value().port;
        to = with_port.value().address;
    }
    if (!to || policy.refusal(to.value(), port, tcp ? Transport::tcp : Transport::udp)) return std::nullopt;
    return "reaches " + to.value().text() + ": " + allowed_by(policy, to.value());
}

void append(std::string& text, const std::string& more) {
    text += (text.empty() ? "" : ", ") + more;
}

}  // namespace

JudgedEscape judge_escape(const std::vector<std::string>& said, bool ran_out, PayloadAim aim, Enforcement by,
                          const TargetPolicy& policy) {
    constexpr std::string_view kThrough = "through ";
    if (said.empty() || said[0] != "trying") return {EscapeVerdict::escaped, "it could not be tried"};
    if (said.size() < 2)
        return ran_out ? JudgedEscape{EscapeVerdict::escaped, "it ran something else"} : JudgedEscape{};
    const std::string& outcome = said[1];
    if (outcome.starts_with("stopped skipped ")) return {EscapeVerdict::not_tried};
    if (!outcome.starts_with(kThrough)) return {};
    std::string ways, reasons;
    for (std::size_t at = kThrough.size(); at < outcome.size();) {
        const auto end = std::min(outcome.find(", ", at), outcome.size());
        const std::string way = outcome.substr(at, end - at);
        at = end + 2;
        const auto reason = aim == PayloadAim::target ? lent(way, policy) : std::nullopt;
        if (reason)
            append(reasons, *reason);
        else if (tells(way, aim, by))
            append(ways, way);
    }
    if (!ways.empty() && is_on_network(aim) && by == Enforcement::cooperative) return {EscapeVerdict::not_held, ways};
    if (!ways.empty()) return {EscapeVerdict::escaped, "through " + ways};
    return reasons.empty() ? JudgedEscape{} : JudgedEscape{EscapeVerdict::allowed, reasons};
}

TargetPolicy targets_of(const link::Policy& policy, const std::vector<std::string>& resolvers,
                        const std::vector<std::string>& own_addresses) {
    TargetPolicy targets;
    targets.ports = policy.targets.ports;
    const auto add = [](const auto& texts, auto parse, auto& values) {
        for (const auto& text : texts)
            if (auto value = parse(text)) values.push_back(std::move(value.value()));
    };
    add(policy.targets.allow, IpPrefix::parse, targets.allow);
    add(policy.targets.deny, IpPrefix::parse, targets.deny);
    add(policy.targets.only, TargetPort::parse, targets.only);
    add(resolvers, IpAddress::parse, targets.resolvers);
    add(own_addresses, IpAddress::parse, targets.own_addresses);
    return targets;
}

}  // namespace edge::agent
