// A broker that runs: store, domain, two servers, until SIGTERM.
#pragma once
#include "broker/config.hpp"

namespace edge::broker {

/// What else the start would stumble over: certificates, keys and the store that the configuration names. All of it.
std::vector<Error> check_files(const BrokerConfig& config);

/// Returns after a drain. Errors: why it could not start, nothing being left half-made.
Result<> serve(const BrokerConfig& config);

}  // namespace edge::broker
