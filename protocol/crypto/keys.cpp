#include "protocol/crypto/keys.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace edge {
namespace {

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

}  // namespace

Digest sha256(std::span<const std::uint8_t> bytes) {
    Digest digest{};
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest;
}

Digest hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> bytes) {
    Digest digest{};
    unsigned length = digest.size();
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), digest.data(), &length);
    return digest;
}

bool equal_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(std::span<std::uint8_t> out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();
}

bool verify_ed25519(const PublicKey& key, std::span<const std::uint8_t> message, const Signature& signature) {
    const Key handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
    const Context context(EVP_MD_CTX_new());
    return handle && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

SigningKey SigningKey::generate() {
    std::array<std::uint8_t, 32> secret{};
    fill_random(secret);
    auto key = from_secret(secret);
    OPENSSL_cleanse(secret.data(), secret.size());
    if (!key) std::abort();
    return std::move(key.value());
}

Result<SigningKey> SigningKey::from_secret(std::span<const std::uint8_t> secret) {
    const Key handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
    if (secret.size() != 32 || !handle) return Error{Errc::bad_value, {}, "an Ed25519 secret is 32 bytes"};
    SigningKey key;
    key.secret_ = std::make_unique<std::array<std::uint8_t, 32>>();
    std::copy(secret.begin(), secret.end(), key.secret_->begin());
    std::size_t length = key.public_.size();
    EVP_PKEY_get_raw_public_key(handle.get(), key.public_.data(), &length);
    return key;
}

SigningKey::~SigningKey() {
    if (secret_) OPENSSL_cleanse(secret_->data(), secret_->size());
}

Signature SigningKey::sign(std::span<const std::uint8_t> message) const {
    const Key handle(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret_->data(), secret_->size()));
    const Context context(EVP_MD_CTX_new());
    Signature signature{};
    std::size_t length = signature.size();
    if (!handle || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) != 1) {
        std::abort();
    }
    return signature;
}

}  // namespace edge
