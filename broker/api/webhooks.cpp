#include <algorithm>

#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"
#include "broker/api/webhook_call.hpp"
#include "broker/api/webhooks_json.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/webhooks.
struct WebhookBody {
    std::string url;
    std::optional<std::string> description;
    std::optional<std::vector<std::string>> events;
    std::optional<std::string> selector;
    std::optional<std::uint64_t> ttl_ms;
};
BOOST_DESCRIBE_STRUCT(WebhookBody, (), (url, description, events, selector, ttl_ms))

/// … of PATCH.
struct WebhookPatch {
    std::optional<std::string> url;
    std::optional<std::string> description;
    std::optional<std::vector<std::string>> events;
    std::optional<std::string> selector;
    std::optional<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(WebhookPatch, (), (url, description, events, selector, enabled))

/// … of POST /api/v1/webhooks/{id}/replay.
struct ReplayBody {
    std::optional<DeliveryState> state;
    std::optional<std::uint64_t> since_ms;
    std::optional<std::uint64_t> until_ms;
};
BOOST_DESCRIBE_STRUCT(ReplayBody, (), (state, since_ms, until_ms))

namespace {

constexpr std::size_t kLongestWords = 1'024;
constexpr std::uint64_t kLongestLifeMs = 30ULL * 24 * 3'600 * 1'000;

Error bad_value(std::string where, std::string detail) {
    return Error{Errc::bad_value, std::move(where), std::move(detail)};
}

std::string all_event_types() {
    std::string all;
    for (const auto& [kind, type] : kEventTypes) all.append(all.empty() ? "" : ", ").append(type);
    return all;
}

Result<std::vector<EventKind>> kinds_of(const std::vector<std::string>& types) {
    std::vector<EventKind> kinds;
    for (std::size_t i = 0; i < types.size(); ++i) {
        const auto kind = event_kind(types[i]);
        if (!kind) return bad_value("/events/" + std::to_string(i), "expected one of " + all_event_types());
        if (std::ranges::find(kinds, *kind) == kinds.end()) kinds.push_back(*kind);
    }
    return kinds;
}

/// The URL as it will be spoken to.
Result<std::string> url_of(const std::string& text, const webhooks::ReceiverRule& rule) {
    EDGE_TRY(const auto url, webhooks::parse_receiver(text));
    if (const auto why = rule.refusal(url)) return bad_value("/url", *why);
    return url.text;
}

Result<std::string> short_text(const char* where, std::string text) {
    const bool is_plain = std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (text.size() > kLongestWords || !is_plain)
        return bad_value(where, "at most 1024 characters, none of them a control character");
    return text;
}

Result<WebhookRequest> request_of(WebhookBody body, const webhooks::ReceiverRule& rule) {
    WebhookRequest request;
    EDGE_TRY(request.url, url_of(body.url, rule));
    EDGE_TRY(request.description, short_text("/description", body.description.value_or("")));
    EDGE_TRY(request.selector, short_text("/selector", body.selector.value_or("")));
    EDGE_TRY(request.events, kinds_of(body.events.value_or(std::vector<std::string>())));
    if (body.ttl_ms && (*body.ttl_ms < 1'000 || *body.ttl_ms > kLongestLifeMs))
        return bad_value("/ttl_ms", "expected 1000 to 2592000000, thirty days");
    request.ttl_ms = body.ttl_ms;
    return request;
}

Result<WebhookChange> change_of(const WebhookPatch& patch, const webhooks::ReceiverRule& rule) {
    WebhookChange change;
    change.enabled = patch.enabled;
    if (patch.url) {
        EDGE_TRY(change.url, url_of(*patch.url, rule));
    }
    if (patch.description) {
        EDGE_TRY(change.description, short_text("/description", *patch.description));
    }
    if (patch.selector) {
        EDGE_TRY(change.selector, short_text("/selector", *patch.selector));
    }
    if (patch.events) {
        EDGE_TRY(change.events, kinds_of(*patch.events));
    }
    return change;
}

template <class T>
Reply<T> answered_with(CallPtr call, int status) {
    return when_known<T>(std::move(call), [status](const Call& asked, const T& value) {
        asked.reply(status, dump_json(to_json(value)));
    });
}

}  // namespace

void create_webhook(CallPtr call) {
    if (!is_admin(*call)) return;
    auto body = body_as<WebhookBody>(*call);
    if (!body) return;
    auto request = request_of(std::move(*body), call->options->receivers);
    if (!request) return call->refuse(request.error());
    call->domain.webhooks().create(std::move(request.value()), answered_with<NewWebhook>(call, 201));
}

void get_webhook(CallPtr call) {
    if (const auto id = webhook_in_path(*call)) call->domain.webhooks().get(*id, answered_with<WebhookView>(call, 200));
}

void change_webhook(CallPtr call) {
    const auto id = webhook_in_path(*call);
    if (!id) return;
    const auto patch = body_as<WebhookPatch>(*call);
    if (!patch) return;
    auto change = change_of(*patch, call->options->receivers);
    if (!change) return call->refuse(change.error());
    call->domain.webhooks().change(*id, std::move(change.value()), answered_with<WebhookView>(call, 200));
}

void delete_webhook(CallPtr call) {
    const auto id = webhook_in_path(*call);
    if (!id) return;
    call->domain.webhooks().remove(*id, when_known<bool>(call, [](const Call& asked, bool) {
        asked.exchange->reply({204, {}, {}, {}});
    }));
}

void rotate_webhook_secret(CallPtr call) {
    if (const auto id = webhook_in_path(*call))
        call->domain.webhooks().rotate(*id, answered_with<NewWebhook>(call, 200));
}

void test_webhook(CallPtr call) {
    if (const auto id = webhook_in_path(*call))
        call->domain.webhooks().test(*id, answered_with<DeliveryView>(call, 202));
}

void replay_webhook(CallPtr call) {
    const auto id = webhook_in_path(*call);
    if (!id) return;
    ReplayBody wanted;
    if (!call->request.body.empty()) {
        const auto body = body_as<ReplayBody>(*call);
        if (!body) return;
        wanted = *body;
    }
    for (const auto& [where, time] :
         {std::pair{"/since_ms", wanted.since_ms}, std::pair{"/until_ms", wanted.until_ms}}) {
        if (time && *time > kLatestMs) return call->refuse(bad_value(where, "expected milliseconds since 1970"));
    }
    if (wanted.state == DeliveryState::pending)
        return call->refuse(bad_value("/state", "what is pending is being tried already"));
    DeliveryFilter filter{.state = wanted.state, .since = wanted.since_ms.value_or(0) * 1'000, .until = {}};
    if (wanted.until_ms) filter.until = *wanted.until_ms * 1'000;
    // Without a range and a state: what failed.
    if (!wanted.state && !wanted.since_ms && !wanted.until_ms) filter.state = DeliveryState::failed;
    call->domain.webhooks().replay_all(*id, filter,
                                       when_known<std::uint32_t>(call, [](const Call& asked, std::uint32_t n) {
                                           asked.reply(202, dump_json(Json{{"replayed", n}}));
                                       }));
}

void get_delivery(CallPtr call) {
    const auto id = delivery_in_path(*call);
    if (!id) return;
    call->domain.webhooks().delivery(
        *id, when_known<DeliveryDetail>(
                 call, [](const Call& asked, const DeliveryDetail& it) { asked.reply(200, delivery_text(it)); }));
}

void replay_delivery(CallPtr call) {
    if (const auto id = delivery_in_path(*call))
        call->domain.webhooks().replay(*id, answered_with<DeliveryView>(call, 202));
}

}  // namespace edge::broker::api
