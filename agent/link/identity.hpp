// What makes this node itself: its key, the broker it joined, and the join counter that tells a copy from the original.
// And the generation of the broker's store, by which it tells that it came back from a backup. Files of the state
// directory: identity.json, join_counter, generation, uplink.json; and those of node_keys.hpp.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/disk/disk.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/node_keys.hpp"
#include "protocol/ids.hpp"
#include "protocol/link/uplink.hpp"

namespace edge::agent {

inline constexpr const char* kIdentityFile = "identity.json";
inline constexpr const char* kCounterFile = "join_counter";
inline constexpr const char* kGenerationFile = "generation";
inline constexpr const char* kUplinkFile = "uplink.json";

struct Identity {
    NodeId node_id;
    NodeName name;
    std::string url;
    std::string pin;
    std::optional<std::string> next_pin{};     // of the key that will take that one's place, as the broker announced it
    std::optional<std::string> console_url{};  // of the broker's console, if it told one
};
BOOST_DESCRIBE_STRUCT(Identity, (), (node_id, name, url, pin, next_pin, console_url))

/// Errors: not_found when there is none, bad_syntax or bad_value when it is not one.
Result<Identity> load_identity(Disk& state);
Result<> save_identity(Disk& state, const Identity& identity);
Result<Endpoint> endpoint_of(const Identity& identity);
/// What the broker told of its keys becomes part of `identity`; false: it is already. Errors: denied (the key that it
/// calls its own is neither the pinned one nor the next), bad_value.
Result<bool> take_pins(Identity& identity, const link::Pins& told);
/// 0 where none was written yet. What it says is on the medium, and so may be told.
Result<std::uint64_t> load_counter(Disk& state);
Result<> save_counter(Disk& state, std::uint64_t counter);
/// Of the broker's store, as the last session told it; none where none did.
Result<std::optional<GenerationId>> load_generation(Disk& state);
Result<> save_generation(Disk& state, const GenerationId& generation);

/// What the last session was on; for doctor. Errors: not_found when there is none, bad_syntax or bad_value.
Result<link::Uplink> load_uplink(Disk& state);
Result<> save_uplink(Disk& state, const link::Uplink& uplink);

}  // namespace edge::agent
