#include "broker/domain/join_terms.hpp"

#include <algorithm>
#include <set>

#include "protocol/json/described.hpp"
#include "protocol/link/labels.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kHourMs = 60ULL * 60 * 1'000;
constexpr std::uint64_t kDefaultTtlMs = kHourMs / 4;
constexpr std::uint64_t kLeastTtlMs = 1'000;
constexpr std::uint64_t kMostTtlMs = 24 * kHourMs;
constexpr std::uint64_t kMostTtlOfAddressesMs = 30 * 24 * kHourMs;
constexpr std::size_t kMostCidrs = 64;

bool are_preset_labels(const std::map<std::string, std::string>& labels) {
    return link::are_labels(labels) && !labels.contains("");
}

/// ::ffff:192.0.2.1, as a socket for both families has it.
IpAddress without_mapping(const IpAddress& address) {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!address.v6 || !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return address;
    IpAddress v4;
    std::copy(address.bytes.begin() + 12, address.bytes.end(), v4.bytes.begin());
    return v4;
}

const NamedNode* named(const JoinTokenTerms& terms, const NodeName& name) {
    const auto at = std::ranges::find(terms.nodes, name, &NamedNode::name);
    return at == terms.nodes.end() ? nullptr : &*at;
}

}  // namespace

Result<> check(const JoinTokenTerms& terms) {
    if (terms.uses < 1 || terms.uses > kMostUses) return Error{Errc::bad_value, "/uses", "expected 1 to 10000"};
    if (terms.node && terms.uses != 1)
        return Error{Errc::bad_value, "/node", "a name is one node's: leave it out, or make a token of one use"};
    if (terms.node && !terms.nodes.empty())
        return Error{Errc::bad_value, "/node", "the token has names already, in nodes"};
    if (terms.cidrs.size() > kMostCidrs) return Error{Errc::bad_value, "/cidrs", "at most 64"};
    if (!are_preset_labels(terms.labels)) return Error{Errc::bad_value, "/labels", link::kLabelBounds};
    if (terms.nodes.size() > kMostUses) return Error{Errc::bad_value, "/nodes", "at most 10000"};
    std::set<NodeName> names;
    for (std::size_t i = 0; i < terms.nodes.size(); ++i) {
        const std::string where = "/nodes/" + std::to_string(i);
        if (!names.insert(terms.nodes[i].name).second)
            return Error{Errc::bad_value, where + "/name", terms.nodes[i].name.text() + " is there twice"};
        if (!are_preset_labels(preset_for(terms, terms.nodes[i].name)))
            return Error{Errc::bad_value, where + "/labels", link::kLabelBounds};
    }
    return ok();
}

Result<std::uint64_t> life_of(const JoinTokenTerms& terms, std::uint64_t ttl_ms) {
    if (ttl_ms == 0) return kDefaultTtlMs;
    const bool is_bound = !terms.cidrs.empty();
    if (ttl_ms >= kLeastTtlMs && ttl_ms <= (is_bound ? kMostTtlOfAddressesMs : kMostTtlMs)) return ttl_ms;
    return Error{Errc::bad_value, "/ttl_ms",
                 is_bound ? "expected 1000 to 2592000000 (30 days)"
                          : "expected 1000 to 86400000 (a day); with cidrs up to 2592000000 (30 days)"};
}

bool admits_address(const JoinTokenTerms& terms, std::string_view peer) {
    if (terms.cidrs.empty()) return true;
    const auto parsed = IpAddress::parse(peer.substr(0, peer.find('%')));  // fe80::1%wan0
    if (!parsed) return false;
    const IpAddress address = without_mapping(parsed.value());
    return std::ranges::any_of(terms.cidrs, [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

Result<NodeName> name_for(const JoinTokenTerms& terms, const std::string& wish) {
    if (terms.node) {
        const std::string& name = terms.node->text();
        if (wish.empty() || wish == name) return *terms.node;
        return Error{Errc::denied,
                     {},
                     "this join token is for node " + name + ", and this one asks to be " + described::quote_key(wish) +
                         ": set [node] name = \"" + name + "\" in agent.toml, or make a token for that name"};
    }
    auto name = NodeName::parse(wish);
    if (!name)
        return Error{Errc::bad_value, "/name",
                     wish.empty() ? "the token names no node: set [node] name in agent.toml" : name.error().detail};
    if (!terms.nodes.empty() && !named(terms, name.value()))
        return Error{Errc::denied, {}, "this join token is for a list of nodes, and none of it is named " + wish};
    return name;
}

std::map<std::string, std::string> preset_for(const JoinTokenTerms& terms, const NodeName& name) {
    const NamedNode* node = named(terms, name);
    return node ? with_preset(terms.labels, node->labels) : terms.labels;
}

std::map<std::string, std::string> with_preset(std::map<std::string, std::string> labels,
                                               const std::map<std::string, std::string>& preset) {
    for (const auto& [key, value] : preset) labels[key] = value;
    return labels;
}

}  // namespace edge::broker
