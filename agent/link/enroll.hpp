// Joining a broker: a key made here, a token from the operator, an identity back.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "agent/disk/disk.hpp"
#include "agent/link/https_post.hpp"
#include "agent/link/identity.hpp"

namespace edge::agent {

struct EnrollOrder {
    std::string url;
    std::string token;
    std::string name;  // wished; empty: the token's
    std::map<std::string, std::string> labels;
};

using Post =
    std::function<Result<HttpAnswer>(const Endpoint& endpoint, const std::string& path, const std::string& body)>;

/// Writes node.key first, asks, writes identity.json last. A reply that is lost leaves the key: the same command with
/// the same key is the same node. A refusal leaves nothing. Errors: conflict (already enrolled), denied (the broker or
/// the pin said no), unavailable (no broker, or it asks to come later), io (no reply, or the disk), bad_value (URL or
/// token).
Result<Identity> enroll(Disk& state, const EnrollOrder& order, const Post& post);

}  // namespace edge::agent
