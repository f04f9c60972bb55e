#include "broker/api/sign_in_codes.hpp"

#include <algorithm>

#include "protocol/crypto/keys.hpp"
#include "protocol/ids.hpp"

namespace edge::broker::api {

std::string SignInCodes::issue(std::string token, Time now) {
    Uuid chance{};
    fill_random(chance);
    std::string code = to_base32(chance);
    const std::lock_guard lock(mutex_);
    if (issued_.size() == kMost) issued_.pop_front();
    issued_.push_back({code, std::move(token), now + kLifetime});
    return code;
}

std::optional<std::string> SignInCodes::redeem(std::string_view code, Time now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(issued_, [now](const Issued& one) { return one.good_until <= now; });
    const auto found = std::ranges::find(issued_, code, &Issued::code);
    if (found == issued_.end()) return std::nullopt;
    std::string token = std::move(found->token);
    issued_.erase(found);
    return token;
}

}  // namespace edge::broker::api
