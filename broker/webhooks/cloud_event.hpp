// The body of a message: CloudEvents 1.0, structured JSON, with the `timestamp` that Standard Webhooks asks for. Pure.
// Source: CloudEvents 1.0.2 section 3; its extensions `sequence` and `dataref`; Standard Webhooks 1.0.0, "Payload".
#pragma once
#include <string>

#include "broker/domain/webhook_views.hpp"

namespace edge::broker::webhooks {

/// A body is smaller than this; what would be more is left out, and `dataref` says where it is.
inline constexpr std::size_t kMostBody = 20 * 1024;

/// `source` says which broker it was.
std::string cloud_event(const OutsideEvent& event, const std::string& source);

}  // namespace edge::broker::webhooks
