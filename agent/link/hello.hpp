// The signed hello. Pure.
#pragma once
#include <string>

#include "protocol/crypto/keys.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

/// The message: the hello's line and the line of its signature over nonce ‖ binding ‖ SHA-256(line).
std::string signed_hello(const link::Hello& hello, const SigningKey& key, const std::string& nonce,
                         const std::string& binding);

}  // namespace edge::agent
