// A node's key and the one that takes its place: what a hello may be signed with, and when that changes.
#pragma once
#include <optional>
#include <string>

#include "broker/domain/domain_state.hpp"

namespace edge::broker {

/// The old key is good for so long beside a new one that was not used yet. Units: microseconds.
inline constexpr std::uint64_t kOldKeyLastsUs = 24ULL * 3'600 * 1'000'000;

class NodeKeys {
  public:
    explicit NodeKeys(DomainState& state) : state_(state) {}

    static NodeKey valid(const NodeRecord& node, WallTime at);
    static bool is_valid(const NodeRecord& node, const PublicKey& key, WallTime at);
    /// A hello came with this key. From the first with the new one on, the old one is none; that is put into `batch`.
    void used(Node& node, const PublicKey& key, Now now, Batch& batch, Actions& out) const;
    /// Stored, then confirmed. What is wrong with it, or nothing.
    const char* offered(Session& session, const link::NewKey& offer, Now now, Actions& out);
    /// What a session is told of keys once it is confirmed: the gateway's, and that it should change its own.
    void greet(const Session& session, Actions& out) const;

  private:
    DomainState& state_;
};

}  // namespace edge::broker
