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
    bool replace = false;  // the identity that there is, once the broker has given another one
};

using Post =
    std::function<Result<HttpAnswer>(const Endpoint& endpoint, const std::string& path, const std::string& body)>;

/// Puts everything of the node that this was out of the way, the identity last; asked again after a kill it goes on.
/// `old` is null where identity.json does not say who it was.
using SetAside = std::function<Result<>(const Identity* old)>;

/// Writes the new key first, asks, writes identity.json last. Only a refusal (401, 403, 409, 422) removes the key:
/// after a lost reply or a 503 the same command with the same key is the same node. An identity that is replaced stays
/// whole until the broker has answered; what belongs to another node than the new one is set aside. Errors: conflict
/// (already enrolled), denied (the broker or the pin said no), unavailable (no broker, or it asks to come later), io
/// (no reply, or the disk), bad_value (URL or token).
Result<Identity> enroll(Disk& state, const EnrollOrder& order, const Post& post, const SetAside& set_aside = {});

}  // namespace edge::agent
