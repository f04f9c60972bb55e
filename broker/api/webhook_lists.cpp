#include "broker/api/keyed_page.hpp"
#include "broker/api/lists.hpp"
#include "broker/api/operations.hpp"
#include "broker/api/webhook_call.hpp"
#include "broker/api/webhooks_json.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {
namespace {

std::string time_cell(const std::optional<WallTime>& time) {
    return time ? rfc3339_ms(*time) : std::string();
}

std::string types_cell(const std::vector<EventKind>& kinds) {
    std::string text;
    for (const EventKind kind : kinds) text.append(text.empty() ? "" : " ").append(event_type(kind));
    return text;
}

const ListShape<WebhookView> kWebhooks{{"id", "state", "url", "description", "events", "selector", "created_at",
                                        "failing_since", "disabled_reason", "expires_at"},
                                       [](const WebhookView& webhook) { return dump_json(to_json(webhook)); },
                                       [](const WebhookView& webhook) {
                                           return std::vector<std::string>{webhook.id.text(),
                                                                           !webhook.enabled        ? "disabled"
                                                                           : webhook.failing_since ? "failing"
                                                                                                   : "enabled",
                                                                           webhook.url,
                                                                           webhook.description,
                                                                           types_cell(webhook.events),
                                                                           webhook.selector,
                                                                           rfc3339_ms(webhook.created_at),
                                                                           time_cell(webhook.failing_since),
                                                                           webhook.disabled_reason,
                                                                           time_cell(webhook.expires_at)};
                                       }};

const ListShape<DeliveryView> kDeliveries{
    {"id", "webhook_id", "message_id", "state", "type", "subject", "attempts", "created_at", "next_attempt_at",
     "last_status", "last_error"},
    [](const DeliveryView& delivery) { return dump_json(to_json(delivery)); },
    [](const DeliveryView& delivery) {
        return std::vector<std::string>{delivery.id.text(),
                                        delivery.webhook.text(),
                                        delivery.message.text(),
                                        std::string(enum_text(delivery.state)),
                                        std::string(event_type(delivery.kind)),
                                        delivery.subject,
                                        std::to_string(delivery.attempts),
                                        rfc3339_ms(delivery.created_at),
                                        time_cell(delivery.next_attempt_at),
                                        delivery.last_status ? std::to_string(delivery.last_status) : std::string(),
                                        delivery.last_error};
    }};

/// A parameter that is a time; `time` stays as it is without one. False: refused.
bool time_in_query(const Call& call, const char* name, std::optional<WallTime>& time) {
    const auto found = call.query.find(name);
    if (found == call.query.end()) return true;
    const auto ms = number<std::uint64_t>(found->second);
    if (!ms || *ms > kLatestMs) {
        const std::string message = "expected milliseconds since 1970";
        call.refuse(http::Problem{
            http::Code::bad_parameter, std::string(name) + ": " + message, {{name, "bad_value", message}}});
        return false;
    }
    time = *ms * 1'000;
    return true;
}

}  // namespace

void list_webhooks(CallPtr call) {
    if (!is_admin(*call)) return;
    reply_list(std::move(call), kWebhooks, [](Domain& domain, const ListRequest& list, Reply<Page<WebhookView>> reply) {
        domain.webhooks().list([page = list.page, reply = std::move(reply)](Result<std::vector<WebhookView>> all) {
            if (!all) return reply(all.error());
            reply(keyed_page(std::move(all.value()), page));
        });
    });
}

void list_webhook_deliveries(CallPtr call) {
    const auto id = webhook_in_path(*call);
    if (!id) return;
    DeliveryFilter filter;
    if (const auto state = call->query.find("state"); state != call->query.end()) {
        filter.state = enum_value<DeliveryState>(state->second);
        if (!filter.state)
            return call->refuse(Error{Errc::bad_value, "/state", "expected pending, delivered or failed"});
    }
    std::optional<WallTime> since;
    if (!time_in_query(*call, "since_ms", since) || !time_in_query(*call, "until_ms", filter.until)) return;
    filter.since = since.value_or(0);
    reply_list(std::move(call), kDeliveries,
               [id = *id, filter](Domain& domain, ListRequest list, Reply<Page<DeliveryView>> reply) {
                   domain.webhooks().deliveries(id, filter, std::move(list.page), std::move(reply));
               });
}

}  // namespace edge::broker::api
