// The node's key, the one that is to take its place, and the one before: each durable before it is told of, so that
// whatever is killed in between, one of them is the broker's. Files: node.key, node.key.next, node.key.old, key_made.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/disk/disk.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

inline constexpr const char* kKeyFile = "node.key";
inline constexpr const char* kNextKeyFile = "node.key.next";
inline constexpr const char* kOldKeyFile = "node.key.old";
inline constexpr const char* kKeyMadeFile = "key_made";
inline constexpr const char* kEnrolKeyFile = "node.key.enroll";  // asked to be enrolled in the place of node.key

/// Errors: not_found when there is none, bad_syntax when it is not one.
Result<SigningKey> load_key(Disk& state, const char* file = kKeyFile);
Result<> save_key(Disk& state, const SigningKey& key, const char* file = kKeyFile);

/// Owns: the keys in memory. `state` must outlive it.
class NodeKeys {
  public:
    /// Errors: as load_key says, of node.key.
    static Result<NodeKeys> load(Disk& state);
    NodeKeys(Disk& state, SigningKey current);

    /// What the next hello is signed with.
    const SigningKey& hello_key() const;
    /// The broker did not take it: the next hello is signed with another one. False: all were tried.
    bool refused();
    /// The broker took it: that one is the node's. Errors: of the disk.
    Result<> accepted(std::uint64_t wall_us);

    /// A new key is on the disk; the same one until the broker has it. Errors: of the disk.
    Result<> make_next();
    /// The new key for the broker, signed by both; nothing while there is none.
    std::optional<link::NewKey> offer(const NodeId& node) const;
    /// The broker has stored this new key: it is the node's. Errors: of the disk.
    Result<> taken(const std::string& public_key, std::uint64_t wall_us);

    /// Is the key that old? A key of which that is not known counts from now on. Errors: of the disk.
    Result<bool> is_older_than(std::uint64_t seconds, std::uint64_t wall_us);

  private:
    Result<> promote(std::uint64_t wall_us);

    Disk* state_;
    SigningKey current_;
    std::optional<SigningKey> next_;
    std::optional<SigningKey> old_;  // a broker that came back from a backup may know no other
    enum class Tried { current, next, old } tried_ = Tried::current;
    std::optional<std::uint64_t> made_s_;
};

}  // namespace edge::agent
