// `edge-broker init`: a broker's folder from nothing.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "protocol/result.hpp"

namespace edge::broker {

/// Whose the broker's files are.
struct BrokerUser {
    uid_t uid = 0;
    gid_t gid = 0;
};

struct InitOptions {
    std::string dir;
    std::string gateway = "0.0.0.0:7443";
    std::string api = "127.0.0.1:8080";
    std::string public_url{};   // empty: from `gateway`, or this machine's name
    std::string console_url{};  // where people open the console; empty: the API's, unless that is on loopback
    std::string config{};       // path of broker.toml; empty: it stands in `dir`
    std::optional<BrokerUser>
        owner{};  // of `dir` and all in it; broker.toml elsewhere is root's, and its group's to read
};

/// Where the package has its files: /var/lib/edge-broker of the user edge-broker, /etc/edge/broker.toml, and port 443,
/// which edge-broker.socket gives. Errors: denied (not root), not_found (no user edge-broker).
Result<InitOptions> installed_layout();

struct Made {
    std::string api;         // URL
    std::string ca_file;     // to be trusted for it; empty: it is plain HTTP
    std::string token;       // of the administrator; kept nowhere else
    std::string public_url;  // where agents reach the gateway
    std::string pin;         // of the gateway's key
    std::string config;      // path of broker.toml
};

/// Makes the folder (0700), gateway.crt, gateway.key (0600), edge.db and broker.toml; on failure takes back what it
/// made. Nothing is overwritten. Errors: conflict (something is there already), bad_value (an option; `where` names
/// it), io.
Result<Made> init(const InitOptions& options);

}  // namespace edge::broker
