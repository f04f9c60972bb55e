#include "broker/domain/lending.hpp"

#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

std::vector<IpPrefix> prefixes(const std::vector<std::string>& texts) {
    std::vector<IpPrefix> all;
    for (const auto& text : texts) {
        if (const auto prefix = IpPrefix::parse(text)) all.push_back(prefix.value());
    }
    return all;
}

void add_addresses(const std::vector<std::string>& texts, std::vector<IpAddress>& out) {
    for (const auto& text : texts) {
        if (const auto address = IpAddress::parse(text)) out.push_back(address.value());
    }
}

}  // namespace

TargetPolicy target_policy_of(const link::Policy& policy) {
    TargetPolicy targets;
    for (const auto& name : policy.services) {
        if (const auto service = enum_value<Service>(name)) targets.services.push_back(*service);
    }
    targets.ports = policy.targets.ports;
    targets.allow = prefixes(policy.targets.allow);
    targets.deny = prefixes(policy.targets.deny);
    for (const auto& text : policy.targets.only) {
        if (const auto open = TargetPort::parse(text)) targets.only.push_back(open.value());
    }
    return targets;
}

Lending::Lending(const ProbeSpec& spec, EnforcedBy least)
    : service_(service_of(spec)), destination_(destination_of(spec)), least_(least) {}

std::optional<std::string> Lending::refusal(const NodeRecord& node, const link::LineReport& line) {
    if (line.state == link::LineState::disabled || line.state == link::LineState::draining)
        return "the line is " + std::string(enum_text(line.state)) + (line.reason.empty() ? "" : ": " + line.reason);
    if (line.enforced_by < least_) {  // the weakest is the first
        const bool guarded = line.enforced_by == EnforcedBy::nft || line.enforced_by == EnforcedBy::bpf;
        return "the line is held by " + std::string(enum_text(line.enforced_by)) + (guarded ? "-guard" : "") +
               ", less than require_level asks";
    }
    if (!node.policy) return std::nullopt;
    if (node_ != &node) {
        node_ = &node;
        policy_ = target_policy_of(*node.policy);
        for (const auto& own : node.lines) add_addresses(own.addresses, policy_.own_addresses);
    }
    if (!policy_.runs(service_)) return "the node does not lend " + std::string(enum_text(service_));
    return target_refusal(line);
}

std::optional<std::string> Lending::target_refusal(const link::LineReport& line) {
    if (!destination_) return std::nullopt;
    if (!destination_->address) return destination_->port ? policy_.port_refusal(*destination_->port) : std::nullopt;
    policy_.resolvers.clear();
    add_addresses(line.resolvers, policy_.resolvers);
    return policy_.refusal(*destination_->address, destination_->port);
}

}  // namespace edge::broker
