// `edge-broker init`: a broker's folder from nothing.
#pragma once
#include <string>

#include "protocol/result.hpp"

namespace edge::broker {

struct InitOptions {
    std::string dir;
    std::string gateway = "0.0.0.0:7443";
    std::string api = "127.0.0.1:8080";
    std::string public_url;  // empty: from `gateway`, or this machine's name
};

struct Made {
    std::string api;         // URL
    std::string ca_file;     // to be trusted for it; empty: it is plain HTTP
    std::string token;       // of the administrator; kept nowhere else
    std::string public_url;  // where agents reach the gateway
    std::string pin;         // of the gateway's key
    std::string config;      // path of broker.toml
};

/// Makes the folder (0700), gateway.crt, gateway.key (0600), edge.db and broker.toml; on failure takes back what it
/// made. Errors: conflict (something is there already), bad_value (an option; `where` names it), io.
Result<Made> init(const InitOptions& options);

}  // namespace edge::broker
