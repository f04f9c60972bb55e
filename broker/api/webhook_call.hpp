// How every operation on webhooks begins: by an administrator, with the id in its path.
#pragma once
#include "broker/api/call.hpp"

namespace edge::broker::api {

inline constexpr std::uint64_t kLatestMs = 253'402'300'799'999;  // the year 9999

/// Secrets are made, and somebody's network is spoken to. Answers 403 itself.
inline bool is_admin(const Call& call) {
    return is_admin(call, "handles webhooks");
}

/// Answers 403 and 404 itself.
inline std::optional<WebhookId> webhook_in_path(const Call& call) {
    if (!is_admin(call)) return std::nullopt;
    return id_in_path<WebhookId>(call);
}
inline std::optional<DeliveryId> delivery_in_path(const Call& call) {
    if (!is_admin(call)) return std::nullopt;
    return id_in_path<DeliveryId>(call);
}

}  // namespace edge::broker::api
