// SHA-256, HMAC-SHA-256 and Ed25519 over OpenSSL 3, as values.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/codings.hpp"
#include "protocol/result.hpp"

namespace edge {

using Digest = std::array<std::uint8_t, 32>;
using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

Digest sha256(std::span<const std::uint8_t> bytes);
Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> bytes);
/// Same bytes? Takes the same time whatever the answer.
bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);
/// Bytes from the system's generator; ends the process if there are none.
void fill_random(std::span<std::uint8_t> out);

/// Does `signature` of `message` belong to `key`? A malformed key verifies nothing.
bool verify_ed25519(const PublicKey& key, std::span<const std::uint8_t> message, const Signature& signature);

/// A node's identity. Move-only; the secret is cleared on destruction.
class SigningKey {
  public:
    static SigningKey generate();
    /// From the 32 secret bytes. Errors: bad_value.
    static Result<SigningKey> from_secret(std::span<const std::uint8_t> secret);

    SigningKey(SigningKey&&) noexcept = default;
    SigningKey& operator=(SigningKey&&) noexcept = default;
    ~SigningKey();

    const PublicKey& public_key() const { return public_; }
    std::array<std::uint8_t, 32> secret() const { return *secret_; }
    Signature sign(std::span<const std::uint8_t> message) const;

  private:
    SigningKey() = default;
    std::unique_ptr<std::array<std::uint8_t, 32>> secret_;
    PublicKey public_{};
};

}  // namespace edge
