// What makes this node itself: its key, the broker it joined, and the join counter that tells a copy from the original.
// Files of the state directory: node.key, identity.json, join_counter.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <string>

#include "agent/disk/disk.hpp"
#include "agent/link/endpoint.hpp"
#include "protocol/ids.hpp"

namespace edge::agent {

inline constexpr const char* kKeyFile = "node.key";
inline constexpr const char* kIdentityFile = "identity.json";
inline constexpr const char* kCounterFile = "join_counter";

struct Identity {
    NodeId node_id;
    NodeName name;
    std::string url;
    std::string pin;
};
BOOST_DESCRIBE_STRUCT(Identity, (), (node_id, name, url, pin))

/// Errors: not_found when there is none, bad_syntax or bad_value when it is not one.
Result<SigningKey> load_key(Disk& state);
Result<> save_key(Disk& state, const SigningKey& key);
Result<Identity> load_identity(Disk& state);
Result<> save_identity(Disk& state, const Identity& identity);
Result<Endpoint> endpoint_of(const Identity& identity);
/// 0 where none was written yet.
Result<std::uint64_t> load_counter(Disk& state);
Result<> save_counter(Disk& state, std::uint64_t counter);

}  // namespace edge::agent
