// Whose an uplink may be: a guess, with what it is from. Pure.
#pragma once
#include <string>

#include "agent/enrolment/network_facts.hpp"

namespace edge::agent {

struct CarrierGuess {
    std::string carrier = "other";  // as lines.toml names it; `other`: not known
    std::string from{};             // what it is guessed from, for a person; empty where it is not known
};

/// By the prefix file where it knows an address, else by words in the names of the line's own device, if it has one:
/// `wan-ct0`, `unicom`. Words of two carriers say nothing.
CarrierGuess guess_carrier(const NetworkFacts& facts, const std::vector<FoundAddress>& addresses,
                           const FoundDevice* device);

/// What people call its lines: telecom, unicom, mobile, …; empty for `other`.
std::string usual_name(const std::string& carrier);

}  // namespace edge::agent
