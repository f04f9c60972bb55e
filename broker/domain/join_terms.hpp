// What a join token may say, and what it says of one machine. Pure.
#pragma once
#include "broker/domain/views.hpp"
#include "protocol/link/envelopes.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// Errors: bad_value, with its place.
Result<> check(const JoinTokenTerms& terms);
/// `ttl_ms` 0 is a quarter of an hour. Up to a day, and up to thirty where only known addresses may use it.
/// Errors: bad_value.
Result<std::uint64_t> life_of(const JoinTokenTerms& terms, std::uint64_t ttl_ms);

/// `peer`: an address as text; an IPv4 address inside an IPv6 one is that IPv4 address.
bool admits_address(const JoinTokenTerms& terms, std::string_view peer);

/// The name that the machine gets, which wishes for `wish`. Errors: denied, bad_value (/name).
Result<NodeName> name_for(const JoinTokenTerms& terms, const std::string& wish);
/// The labels that are preset for it.
std::map<std::string, std::string> preset_for(const JoinTokenTerms& terms, const NodeName& name);
/// The agent's labels, and over them what is preset.
std::map<std::string, std::string> with_preset(std::map<std::string, std::string> labels,
                                               const std::map<std::string, std::string>& preset);

}  // namespace edge::broker
