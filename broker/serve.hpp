// A broker that runs: store, domain, two servers, until SIGTERM.
#pragma once
#include "broker/config.hpp"

namespace edge::broker {

/// Returns after a drain. Errors: why it could not start, nothing being left half-made.
Result<> serve(const BrokerConfig& config);

}  // namespace edge::broker
