#include "agent/link/node_keys.hpp"

#include <openssl/crypto.h>

#include <charconv>

namespace edge::agent {
namespace {

constexpr std::string_view kKeyPrefix = "ed25519 ";

std::string_view chars(const PublicKey& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

/// None where there is none, or what is there is another one's copy.
Result<std::optional<SigningKey>> load_other(Disk& state, const char* file, const SigningKey& current) {
    auto key = load_key(state, file);
    if (!key && key.error().code == Errc::not_found) return std::optional<SigningKey>();
    if (!key) return key.error();
    if (key.value().public_key() == current.public_key()) return std::optional<SigningKey>();
    return std::optional(std::move(key.value()));
}

}  // namespace

Result<SigningKey> load_key(Disk& state, const char* file) {
    EDGE_TRY(auto text, state.read(file));
    std::string_view line = line_in(text);
    const bool tagged = line.starts_with(kKeyPrefix);
    if (tagged) line.remove_prefix(kKeyPrefix.size());
    auto secret = from_base64(line);
    OPENSSL_cleanse(text.data(), text.size());
    if (!tagged || !secret) return Error{Errc::bad_syntax, file, "not a node's key"};
    auto key = SigningKey::from_secret(*secret);
    OPENSSL_cleanse(secret->data(), secret->size());
    return key;
}

Result<> save_key(Disk& state, const SigningKey& key, const char* file) {
    auto secret = key.secret();
    std::string text = std::string(kKeyPrefix) + to_base64(secret) + "\n";
    auto saved = state.replace(file, text);
    OPENSSL_cleanse(secret.data(), secret.size());
    OPENSSL_cleanse(text.data(), text.size());
    return saved;
}

NodeKeys::NodeKeys(Disk& state, SigningKey current) : state_(&state), current_(std::move(current)) {}

Result<NodeKeys> NodeKeys::load(Disk& state) {
    EDGE_TRY(auto current, load_key(state));
    NodeKeys keys(state, std::move(current));
    EDGE_TRY(keys.next_, load_other(state, kNextKeyFile, keys.current_));
    EDGE_TRY(keys.old_, load_other(state, kOldKeyFile, keys.current_));
    return keys;
}

const SigningKey& NodeKeys::hello_key() const {
    if (tried_ == Tried::next && next_) return *next_;
    if (tried_ == Tried::old && old_) return *old_;
    return current_;
}

bool NodeKeys::refused() {
    if (!next_ && !old_) return false;
    if (tried_ == Tried::current)
        tried_ = next_ ? Tried::next : Tried::old;
    else
        tried_ = tried_ == Tried::next && old_ ? Tried::old : Tried::current;
    return tried_ != Tried::current;  // then all were tried
}

Result<> NodeKeys::accepted(std::uint64_t wall_us) {
    if (tried_ == Tried::next && next_) return promote(wall_us);
    if (tried_ == Tried::old && old_) {
        // The broker came back from a backup: it is offered the newer one again.
        EDGE_TRY(save_key(*state_, current_, kNextKeyFile));
        EDGE_TRY(save_key(*state_, *old_));
        EDGE_TRY(state_->remove(kOldKeyFile));
        next_ = std::move(current_);
        current_ = std::move(*old_);
        old_.reset();
    }
    tried_ = Tried::current;
    return ok();
}

Result<> NodeKeys::make_next() {
    if (next_) return ok();
    SigningKey fresh = SigningKey::generate();
    EDGE_TRY(save_key(*state_, fresh, kNextKeyFile));
    next_ = std::move(fresh);
    return ok();
}

std::optional<link::NewKey> NodeKeys::offer(const NodeId& node) const {
    if (!next_) return std::nullopt;
    const std::string input = link::new_key_signing_input(node, chars(next_->public_key()));
    return link::NewKey{to_base64(next_->public_key()), to_base64(current_.sign(as_bytes(input))),
                        to_base64(next_->sign(as_bytes(input)))};
}

Result<> NodeKeys::taken(const std::string& public_key, std::uint64_t wall_us) {
    if (!next_ || public_key != to_base64(next_->public_key())) return ok();  // told twice
    return promote(wall_us);
}

/// node.key is one of both at every step, and both are on the disk until it is the new one.
Result<> NodeKeys::promote(std::uint64_t wall_us) {
    EDGE_TRY(save_key(*state_, current_, kOldKeyFile));
    EDGE_TRY(save_key(*state_, *next_));
    old_ = std::move(current_);
    current_ = std::move(*next_);
    next_.reset();
    tried_ = Tried::current;
    made_s_ = wall_us / 1'000'000;
    EDGE_TRY(state_->remove(kNextKeyFile));
    return state_->replace(kKeyMadeFile, std::to_string(*made_s_) + "\n");
}

Result<bool> NodeKeys::is_older_than(std::uint64_t seconds, std::uint64_t wall_us) {
    const std::uint64_t now_s = wall_us / 1'000'000;
    if (!made_s_) {
        const auto text = state_->read(kKeyMadeFile);
        if (!text && text.error().code != Errc::not_found) return text.error();
        std::uint64_t made = 0;
        const std::string_view line = text ? line_in(text.value()) : std::string_view();
        const auto [end, failed] = std::from_chars(line.begin(), line.end(), made);
        if (failed != std::errc() || end != line.end() || made == 0) {
            made = now_s;
            EDGE_TRY(state_->replace(kKeyMadeFile, std::to_string(made) + "\n"));
        }
        made_s_ = made;
    }
    return now_s >= *made_s_ && now_s - *made_s_ >= seconds;
}

}  // namespace edge::agent
