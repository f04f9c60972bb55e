// A broker that runs: store, domain, two servers, until SIGTERM.
#pragma once
#include "broker/config.hpp"

namespace edge::broker {

/// What else the start would stumble over: certificates, keys, the store and the module file that the configuration
/// names. All of it.
struct FilesChecked {
    std::vector<Error> problems;
    std::vector<std::string> notes;  // what cannot be used, and keeps nothing from starting
};
FilesChecked check_files(const BrokerConfig& config);

/// Returns after a drain. Sockets, credentials and a notification socket that the service manager handed over are used.
/// Errors: why it could not start, nothing being left half-made.
Result<> serve(const BrokerConfig& config);

}  // namespace edge::broker
