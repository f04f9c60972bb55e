#include "probes/resolve/target.hpp"

#include "probes/failures.hpp"

namespace edge::probes {
namespace {

Failure unresolved(const std::string& name, const std::string& code) {
    const bool not_the_resolver = code == "no_resolver" || code == "bad_name";
    const Source source = not_the_resolver ? Source::agent : Source::resolver;
    std::string why = "no address for " + name + ": " + code;
    if (code == "no_resolver") why = name + " is a name and there is no resolver to ask";
    if (code == "NODATA") why = name + " has no address of the family asked for";
    return Failure{source, "resolve", code, std::move(why)};
}

}  // namespace

std::variant<IpAddress, NoTarget> choose_target(const std::string& name, const Lookup& lookup,
                                                const TargetPolicy& policy, std::optional<std::uint16_t> port) {
    if (lookup.addresses.empty())
        return NoTarget{Status::failed, unresolved(name, lookup.code.empty() ? "NODATA" : lookup.code)};
    std::optional<std::string> first_refusal;
    for (const IpAddress& address : lookup.addresses) {
        auto refusal = policy.refusal(address, port);
        if (!refusal) return address;
        if (!first_refusal) first_refusal = std::move(refusal);
    }
    return NoTarget{Status::refused, denied(IpAddress::parse(name) ? "connect" : "resolve", *first_refusal)};
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> all;
    for (const IpAddress& address : addresses) all.push_back(address.text());
    return all;
}

}  // namespace edge::probes
