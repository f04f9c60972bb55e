#include "broker/api/webhooks_json.hpp"

#include "broker/api/views_json.hpp"
#include "protocol/json/described.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {
namespace {

void put_moment(Json& object, const char* name, const std::optional<WallTime>& time) {
    if (time) object[name] = rfc3339_ms(*time);
}

}  // namespace

Json to_json(const WebhookView& webhook) {
    Json events = Json::array();
    for (const EventKind kind : webhook.events) events.push_back(event_type(kind));
    Json json = {{"id", webhook.id.text()},
                 {"url", webhook.url},
                 {"description", webhook.description},
                 {"events", std::move(events)},
                 {"selector", webhook.selector},
                 {"enabled", webhook.enabled},
                 {"created_at", rfc3339_ms(webhook.created_at)}};
    if (!webhook.disabled_reason.empty()) json["disabled_reason"] = webhook.disabled_reason;
    put_moment(json, "failing_since", webhook.failing_since);
    put_moment(json, "old_secret_until", webhook.old_secret_until);
    put_moment(json, "expires_at", webhook.expires_at);
    return json;
}

Json to_json(const NewWebhook& made) {
    Json json = to_json(made.webhook);
    json["secret"] = made.secret;
    return json;
}

Json to_json(const DeliveryView& delivery) {
    Json json = {{"id", delivery.id.text()},
                 {"webhook_id", delivery.webhook.text()},
                 {"message_id", delivery.message.text()},
                 {"type", event_type(delivery.kind)},
                 {"subject", delivery.subject},
                 {"state", enum_text(delivery.state)},
                 {"attempts", delivery.attempts},
                 {"created_at", rfc3339_ms(delivery.created_at)}};
    put_moment(json, "next_attempt_at", delivery.next_attempt_at);
    if (delivery.last_status != 0) json["last_status"] = delivery.last_status;
    if (!delivery.last_error.empty()) json["last_error"] = delivery.last_error;
    return json;
}

Json to_json(const AttemptView& attempt) {
    Json request = Json::array();
    for (const HeaderField& field : attempt.request_headers)
        request.push_back({{"name", field.name}, {"value", field.value}});
    Json json = {{"attempt", attempt.n},
                 {"at", rfc3339_ms(attempt.at)},
                 {"url", attempt.url},
                 {"request_headers", std::move(request)},
                 {"times", encode(attempt.times)}};
    if (!attempt.peer.empty()) json["peer"] = attempt.peer;
    if (attempt.status != 0) json["status"] = attempt.status;
    if (!attempt.response_head.empty()) json["response_head"] = attempt.response_head;
    if (!attempt.response_body.empty()) json["response_body"] = attempt.response_body;
    if (!attempt.error.empty()) json["error"] = attempt.error;
    return json;
}

std::string delivery_text(const DeliveryDetail& detail) {
    Json json = to_json(detail.delivery);
    Json& list = json["attempt_list"] = Json::array();
    for (const AttemptView& attempt : detail.attempts) list.push_back(to_json(attempt));
    return with_member(dump_json(json), "message", detail.body.empty() ? "null" : detail.body);
}

}  // namespace edge::broker::api
