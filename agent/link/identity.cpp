#include "agent/link/identity.hpp"

#include <openssl/crypto.h>

#include <charconv>

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

constexpr std::string_view kKeyPrefix = "ed25519 ";

std::string_view line_of(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

}  // namespace

Result<SigningKey> load_key(Disk& state) {
    EDGE_TRY(auto text, state.read(kKeyFile));
    std::string_view line = line_of(text);
    const bool tagged = line.starts_with(kKeyPrefix);
    if (tagged) line.remove_prefix(kKeyPrefix.size());
    auto secret = from_base64(line);
    OPENSSL_cleanse(text.data(), text.size());
    if (!tagged || !secret) return Error{Errc::bad_syntax, kKeyFile, "not a node's key"};
    auto key = SigningKey::from_secret(*secret);
    OPENSSL_cleanse(secret->data(), secret->size());
    return key;
}

Result<> save_key(Disk& state, const SigningKey& key) {
    auto secret = key.secret();
    std::string text = std::string(kKeyPrefix) + to_base64(secret) + "\n";
    auto saved = state.replace(kKeyFile, text);
    OPENSSL_cleanse(secret.data(), secret.size());
    OPENSSL_cleanse(text.data(), text.size());
    return saved;
}

Result<Identity> load_identity(Disk& state) {
    EDGE_TRY(auto text, state.read(kIdentityFile));
    EDGE_TRY(auto json, parse_json(text));
    auto identity = decode<Identity>(json, UnknownFields::reject);
    if (!identity) return Error{Errc::bad_value, kIdentityFile + identity.error().where, identity.error().detail};
    return identity;
}

Result<> save_identity(Disk& state, const Identity& identity) {
    return state.replace(kIdentityFile, encode(identity).dump(2) + "\n");
}

Result<Endpoint> endpoint_of(const Identity& identity) {
    EDGE_TRY(auto endpoint, parse_broker_url(identity.url));
    EDGE_TRY(auto pin, parse_pin(identity.pin));
    endpoint.pin = pin;
    return endpoint;
}

Result<std::uint64_t> load_counter(Disk& state) {
    auto text = state.read(kCounterFile);
    if (!text && text.error().code == Errc::not_found) return std::uint64_t{0};
    if (!text) return text.error();
    const std::string_view line = line_of(text.value());
    std::uint64_t counter = 0;
    const auto [end, error] = std::from_chars(line.begin(), line.end(), counter);
    if (error != std::errc{} || end != line.end()) return Error{Errc::bad_syntax, kCounterFile, "not a number"};
    return counter;
}

Result<> save_counter(Disk& state, std::uint64_t counter) {
    return state.replace(kCounterFile, std::to_string(counter) + "\n");
}

Result<std::optional<GenerationId>> load_generation(Disk& state) {
    auto text = state.read(kGenerationFile);
    if (!text && text.error().code == Errc::not_found) return std::optional<GenerationId>();
    if (!text) return text.error();
    auto generation = GenerationId::parse(line_of(text.value()));
    // It is for a message only: what is damaged is written anew by the next session.
    return generation ? std::optional(generation.value()) : std::nullopt;
}

Result<> save_generation(Disk& state, const GenerationId& generation) {
    return state.replace(kGenerationFile, generation.text() + "\n");
}

Result<link::Uplink> load_uplink(Disk& state) {
    EDGE_TRY(auto text, state.read(kUplinkFile));
    EDGE_TRY(auto json, parse_json(text));
    return decode<link::Uplink>(json, UnknownFields::ignore);
}

Result<> save_uplink(Disk& state, const link::Uplink& uplink) {
    return state.replace(kUplinkFile, encode(uplink).dump(2) + "\n");
}

}  // namespace edge::agent
