// Webhooks and their deliveries as the API's JSON.
#pragma once
#include <string>

#include "broker/domain/webhook_calls.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::broker::api {

Json to_json(const WebhookView& webhook);
/// With its secret.
Json to_json(const NewWebhook& made);
Json to_json(const DeliveryView& delivery);
Json to_json(const AttemptView& attempt);
/// Text, because the message is put in as it was sent.
std::string delivery_text(const DeliveryDetail& detail);

}  // namespace edge::broker::api
