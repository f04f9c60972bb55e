#include "broker/domain/webhooks.hpp"

#include <utility>

#include "broker/domain/outbox.hpp"

namespace edge::broker {
namespace {

constexpr WallTime kSecond = 1'000'000;
constexpr WallTime kHour = 3'600 * kSecond;
constexpr WallTime kRotationOverlap = 24 * kHour;
constexpr WallTime kFailingTooLong = 5 * 24 * kHour;
/// A message that used up its attempts while others were delivered is its own fault, not the endpoint's.
constexpr WallTime kFailingForOneMessage = 60 * kHour;

Error no_such() {
    return Error{Errc::not_found, {}, "no such webhook"};
}

Error is_disabled() {
    return Error{Errc::conflict, {}, "the webhook is disabled; enable it first"};
}

DeliveryState state_after(AttemptOutcome outcome) {
    if (outcome == AttemptOutcome::delivered) return DeliveryState::delivered;
    return outcome == AttemptOutcome::retry ? DeliveryState::pending : DeliveryState::failed;
}

/// Empty: it goes on.
std::string why_to_disable(const WebhookView& webhook, AttemptOutcome outcome, WallTime now) {
    const WallTime failing = now > *webhook.failing_since ? now - *webhook.failing_since : 0;
    if (outcome == AttemptOutcome::gone) return "the receiver answered 410, gone";
    if (failing >= kFailingTooLong) return "no attempt has succeeded for 5 days";
    if (outcome == AttemptOutcome::used_up && failing >= kFailingForOneMessage)
        return "all attempts of a message have failed, and no other has succeeded meanwhile";
    return {};
}

}  // namespace

std::string secret_text(const WebhookSecret& secret) {
    return "whsec_" + to_base64(secret);
}

void Webhooks::load(std::vector<WebhookRecord> webhooks, Now now) {
    for (auto& record : webhooks) {
        const WebhookView view = record.view;
        if (state_.endpoints.put(std::move(record))) set_expiry(view, now);
    }
}

void Webhooks::tell_all(Actions& out) const {
    for (const auto& [id, endpoint] : state_.endpoints.all())
        out.effects.push_back(EndpointTold{endpoint.record.row, endpoint.record.view.enabled});
}

std::vector<WebhookView> Webhooks::list() const {
    std::vector<WebhookView> views;
    for (const auto& [id, endpoint] : state_.endpoints.all()) {
        if (!endpoint.is_going) views.push_back(endpoint.record.view);
    }
    return views;
}

Result<WebhookRecord> Webhooks::get(WebhookId id) const {
    const Endpoint* endpoint = state_.endpoints.find(id);
    if (!endpoint || endpoint->is_going) return no_such();
    return endpoint->written;
}

Result<WebhookRecord> Webhooks::get(WebhookRow row) const {
    const Endpoint* endpoint = state_.endpoints.find(row);
    if (!endpoint || endpoint->is_going) return no_such();
    return endpoint->written;
}

WebhookSecret Webhooks::new_secret() {
    WebhookSecret secret{};
    state_.entropy.fill(secret);
    return secret;
}

void Webhooks::set_expiry(const WebhookView& webhook, Now now) {
    if (!webhook.expires_at) return;
    const WallTime left = *webhook.expires_at > now.wall ? *webhook.expires_at - now.wall : 0;
    state_.timers.set(now.mono + left, [this, id = webhook.id](Now at, Actions& out) {
        if (const auto record = get(id)) remove(Ticket{}, id, at, out);
    });
}

/// It is in the store: shown, and told to the sender.
void Webhooks::written(const WebhookRecord& latest, Actions& out) {
    (void)state_.endpoints.put(latest);  // its selector was parsed before it was written
    out.effects.push_back(EndpointTold{latest.row, latest.view.enabled});
}

void Webhooks::refused(WebhookId id) {
    if (Endpoint* known = state_.endpoints.find(id)) known->written = known->record;
}

void Webhooks::keep(Ticket ticket, WebhookRecord record, std::string secret, std::string action, Now now,
                    Actions& out) {
    Endpoint* known = state_.endpoints.find(record.view.id);
    if (known) known->written = record;
    Batch batch{PutWebhook{record}, AddAudit{{now.wall, "api", std::move(action), record.view.id.text()}}};
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, record, secret = std::move(secret), is_new = !known](Now at, Actions& after) {
            // Something else may have been made of it meanwhile, or nothing be left of it.
            const Endpoint* latest = state_.endpoints.find(record.view.id);
            if (!latest && !is_new) return after.effects.push_back(WebhookAnswer{ticket, no_such()});
            written(latest ? WebhookRecord(latest->written) : record, after);
            if (is_new) set_expiry(record.view, at);
            after.effects.push_back(WebhookAnswer{ticket, NewWebhook{record.view, secret}});
        },
        [this, ticket, id = record.view.id](const Error& error, Now, Actions& after) {
            refused(id);
            after.effects.push_back(WebhookAnswer{ticket, error});
        });
}

Result<> Webhooks::check_selector(const std::string& text) const {
    EDGE_TRY(const auto selector, parse_event_selector(text));
    return check_keys(selector, state_.fleet.label_keys());
}

void Webhooks::create(Ticket ticket, WebhookRequest request, Now now, Actions& out) {
    const auto refuse = [&](Error error) { out.effects.push_back(WebhookAnswer{ticket, std::move(error)}); };
    if (state_.endpoints.all().size() >= kMostWebhooks)
        return refuse({Errc::too_large, {}, "there are 1000 webhooks already; remove some"});
    if (const auto checked = check_selector(request.selector); !checked) return refuse(checked.error());
    WebhookRecord record;
    record.row = take_key(state_.next.next_webhook);
    record.secret = new_secret();
    WebhookView& view = record.view;
    view.id = state_.make_id<WebhookId>(now);
    view.url = std::move(request.url);
    view.description = std::move(request.description);
    view.events = std::move(request.events);
    view.selector = std::move(request.selector);
    view.created_at = now.wall;
    if (request.ttl_ms) view.expires_at = now.wall + *request.ttl_ms * 1'000;
    const std::string secret = secret_text(record.secret);
    keep(ticket, std::move(record), secret, "webhook.created", now, out);
}

void Webhooks::change(Ticket ticket, WebhookId id, const WebhookChange& change, Now now, Actions& out) {
    const auto refuse = [&](Error error) { out.effects.push_back(WebhookAnswer{ticket, std::move(error)}); };
    auto found = get(id);
    if (!found) return refuse(found.error());
    WebhookView& view = found.value().view;
    if (change.selector && *change.selector != view.selector) {
        if (const auto checked = check_selector(*change.selector); !checked) return refuse(checked.error());
        view.selector = *change.selector;
    }
    if (change.url) view.url = *change.url;
    if (change.description) view.description = *change.description;
    if (change.events) view.events = *change.events;
    if (change.enabled && *change.enabled != view.enabled) {
        view.enabled = *change.enabled;
        view.disabled_reason.clear();
        if (view.enabled) view.failing_since.reset();
    }
    keep(ticket, std::move(found.value()), {}, "webhook.changed", now, out);
}

void Webhooks::rotate(Ticket ticket, WebhookId id, Now now, Actions& out) {
    auto found = get(id);
    if (!found) return out.effects.push_back(WebhookAnswer{ticket, found.error()});
    WebhookRecord& record = found.value();
    record.old_secret = std::exchange(record.secret, new_secret());
    record.view.old_secret_until = now.wall + kRotationOverlap;
    const std::string secret = secret_text(record.secret);
    keep(ticket, std::move(record), secret, "webhook.rotated", now, out);
}

void Webhooks::remove(Ticket ticket, WebhookId id, Now now, Actions& out) {
    const auto found = get(id);
    if (!found) return out.effects.push_back(WebhookAnswer{ticket, found.error()});
    const WebhookRow row = found.value().row;
    state_.endpoints.find(id)->is_going = true;
    Batch batch{DropWebhook{row, now.wall}, AddAudit{{now.wall, "api", "webhook.removed", id.text()}}};
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, id, row](Now, Actions& after) {
            state_.endpoints.erase(id);
            after.effects.push_back(EndpointTold{row, false});
            after.effects.push_back(WebhookAnswer{ticket, NewWebhook{}});
        },
        [this, ticket, id](const Error& error, Now, Actions& after) {
            if (Endpoint* stays = state_.endpoints.find(id)) {
                stays->is_going = false;
                after.effects.push_back(EndpointTold{stays->record.row, stays->record.view.enabled});
            }
            after.effects.push_back(WebhookAnswer{ticket, error});
        });
}

void Webhooks::test(Ticket ticket, WebhookId id, Now now, Actions& out) {
    const auto refuse = [&](Error error) { out.effects.push_back(DeliveryAnswer{ticket, std::move(error)}); };
    const auto found = get(id);
    if (!found) return refuse(found.error());
    if (!found.value().view.enabled) return refuse(is_disabled());
    Batch batch;
    const DeliveryId delivery = outbox::tell_test(state_, found.value(), now, batch);
    state_.journal.ask(
        out, std::move(batch),
        [ticket, delivery](Now, Actions& after) {
            after.effects.push_back(DeliveryAnswer{ticket, delivery});
        },
        [ticket](const Error& error, Now, Actions& after) {
            after.effects.push_back(DeliveryAnswer{ticket, error});
        });
}

void Webhooks::replay(Ticket ticket, DeliveryId id, const FoundDelivery& found, Now now, Actions& out) {
    const auto refuse = [&](Error error) { out.effects.push_back(DeliveryAnswer{ticket, std::move(error)}); };
    const auto webhook = get(found.due.webhook);
    if (!webhook) return refuse({Errc::conflict, {}, "its webhook was removed"});
    if (!webhook.value().view.enabled) return refuse(is_disabled());
    // What was found may have been so before another replay.
    if (found.state == DeliveryState::pending || replaying_.contains(found.due.row))
        return refuse({Errc::conflict, {}, "it is still being tried; next_attempt_at says when next"});
    replaying_.insert(found.due.row);
    DueDelivery due = found.due;
    due.due_at = now.wall;
    due.once = true;
    state_.journal.ask(
        out, Batch{ReplayDelivery{due}},
        [this, ticket, id, row = due.row](Now, Actions& after) {
            replaying_.erase(row);
            after.effects.push_back(DeliveryAnswer{ticket, id});
        },
        [this, ticket, row = due.row](const Error& error, Now, Actions& after) {
            replaying_.erase(row);
            after.effects.push_back(DeliveryAnswer{ticket, error});
        });
}

void Webhooks::replay_all(Ticket ticket, WebhookId id, const DeliveryFilter& filter, Now now, Actions& out) {
    const auto refuse = [&](Error error) { out.effects.push_back(DeliveryAnswer{ticket, std::move(error)}); };
    const auto found = get(id);
    if (!found) return refuse(found.error());
    if (!found.value().view.enabled) return refuse(is_disabled());
    const WebhookRow row = found.value().row;
    state_.journal.ask(
        out, Batch{ReplayDeliveries{row, filter, now.wall}},
        [ticket, row](Now, Actions& after) {
            after.effects.push_back(EndpointTold{row, true});
            after.effects.push_back(DeliveryAnswer{ticket, DeliveryId{}});
        },
        [ticket](const Error& error, Now, Actions& after) {
            after.effects.push_back(DeliveryAnswer{ticket, error});
        });
}

/// What the broker itself finds of an endpoint holds at once.
void Webhooks::put(const WebhookRecord& record, Batch& batch) {
    (void)state_.endpoints.put(record);
    batch.push_back(PutWebhook{record});
}

void Webhooks::disable(WebhookRecord record, std::string why, Now now, Batch& batch, Actions& out) {
    record.view.enabled = false;
    record.view.disabled_reason = std::move(why);
    put(record, batch);
    const WebhookView& view = record.view;
    batch.push_back(AddAudit{{now.wall, "broker", "webhook.disabled", view.id.text()}});
    outbox::tell_disabled(state_, view, now, batch);
    out.effects.push_back(
        Noted{"webhook.disabled", "webhook=" + view.id.text() + " reason=\"" + view.disabled_reason + "\""});
    out.effects.push_back(EndpointTold{record.row, false});
}

void Webhooks::record(Attempted attempted, Now now, Actions& out, Journal::Then then) {
    const AttemptOutcome outcome = attempted.outcome;
    Batch batch{
        AddAttempt{attempted.delivery.row, std::move(attempted.attempt), state_after(outcome), attempted.due_at}};
    if (auto found = get(attempted.delivery.webhook)) {
        WebhookRecord& record = found.value();
        std::optional<WallTime>& failing_since = record.view.failing_since;
        if (outcome == AttemptOutcome::delivered) {
            if (std::exchange(failing_since, std::nullopt)) put(record, batch);
        } else if (outcome != AttemptOutcome::failed || failing_since) {
            // A test or a replay that fails says nothing of what comes by itself: no failing begins with it.
            const bool is_first = !failing_since;
            if (is_first) failing_since = now.wall;
            const std::string why = why_to_disable(record.view, outcome, now.wall);
            if (!why.empty() && record.view.enabled)
                disable(std::move(record), why, now, batch, out);
            else if (is_first)
                put(record, batch);
        }
    }
    state_.journal.write(out, std::move(batch), std::move(then));
}

}  // namespace edge::broker
