#include "broker/webhooks/signature.hpp"

#include "protocol/crypto/keys.hpp"

namespace edge::broker::webhooks {

std::string signatures(std::span<const std::array<std::uint8_t, 32>> secrets, std::string_view id,
                       std::uint64_t timestamp, std::string_view body) {
    std::string signed_text(id);
    signed_text.append(".").append(std::to_string(timestamp)).append(".").append(body);
    std::string all;
    for (const auto& secret : secrets) {
        if (!all.empty()) all += ' ';
        all.append("v1,").append(to_base64(hmac_sha256(secret, as_bytes(signed_text))));
    }
    return all;
}

}  // namespace edge::broker::webhooks
