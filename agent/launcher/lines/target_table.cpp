#include "agent/launcher/lines/target_table.hpp"

#include <algorithm>
#include <set>

#include "protocol/targets/special_ranges.hpp"

namespace edge::launcher {
namespace {

const IpPrefix& everything(bool v6) {
    static const IpPrefix four = IpPrefix::parse("0.0.0.0/0").value();
    static const IpPrefix six = IpPrefix::parse("::/0").value();
    return v6 ? six : four;
}

const IpPrefix& global_unicast() {
    static const IpPrefix prefix = IpPrefix::parse("2000::/3").value();
    return prefix;
}

IpPrefix host(const IpAddress& address) {
    return {address, static_cast<std::uint8_t>(address.v6 ? 128 : 32)};
}

bool inside(const IpPrefix& inner, const IpPrefix& outer) {
    return outer.length <= inner.length && outer.contains(inner.address);
}

bool inside_any(const IpPrefix& inner, const std::vector<IpPrefix>& outer) {
    return std::any_of(outer.begin(), outer.end(), [&](const IpPrefix& one) { return inside(inner, one); });
}

bool is_special(const IpPrefix& prefix) {
    const auto& ranges = special_ranges();
    if (prefix.address.v6 && !inside(prefix, global_unicast())) return true;
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const SpecialRange& range) { return inside(prefix, range.prefix); });
}

/// By its last address: a prefix wider than the range of an embedding ends elsewhere, and the range has its own entry.
TargetVerdict allowed(const IpPrefix& prefix) {
    switch (embedding_of(last_of(prefix))) {
        case Embedding::tail:
            return TargetVerdict::allow_tail;
        case Embedding::sixtofour:
            return TargetVerdict::allow_sixtofour;
        case Embedding::teredo:
            return TargetVerdict::allow_teredo;
        case Embedding::none:
            break;
    }
    return TargetVerdict::allow;
}

/// Of the addresses that no longer prefix of the table holds: what lies around this one decides.
TargetVerdict judge(const IpPrefix& prefix, const Targets& targets, const std::set<IpPrefix>& own) {
    const bool refused = own.contains(prefix) || inside_any(prefix, targets.deny) ||
                         (!inside_any(prefix, targets.allow) && is_special(prefix));
    return refused ? TargetVerdict::deny : allowed(prefix);
}

}  // namespace

IpAddress last_of(const IpPrefix& prefix) {
    IpAddress last = prefix.address;
    for (std::size_t bit = prefix.length; bit < (last.v6 ? 128U : 32U); ++bit)
        last.bytes[bit / 8] = static_cast<std::uint8_t>(last.bytes[bit / 8] | (0x80U >> (bit % 8)));
    return last;
}

TargetTable target_table(const Targets& targets, const std::vector<IpAddress>& resolvers,
                         const std::vector<IpAddress>& own) {
    std::set<IpPrefix> own_hosts;
    for (const auto& address : own) own_hosts.insert(host(address));

    std::set<IpPrefix> prefixes{everything(false), everything(true), global_unicast()};
    for (const auto& range : special_ranges()) prefixes.insert(range.prefix);
    prefixes.insert(targets.allow.begin(), targets.allow.end());
    prefixes.insert(targets.deny.begin(), targets.deny.end());
    prefixes.insert(own_hosts.begin(), own_hosts.end());

    TargetTable table;
    table.entries.reserve(prefixes.size());
    for (const auto& prefix : prefixes) table.entries.push_back({prefix, judge(prefix, targets, own_hosts)});
    for (const auto& address : resolvers)
        for (const bool udp : {false, true}) table.open.push_back({{address, 53}, udp});
    for (const auto& target : targets.only)
        if (!own_hosts.contains(host(target.address))) table.open.push_back({target, false});
    return table;
}

}  // namespace edge::launcher
