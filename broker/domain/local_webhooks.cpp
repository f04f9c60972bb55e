#include "broker/domain/local_webhooks.hpp"

#include <algorithm>
#include <utility>

namespace edge::broker {
namespace {

Error no_such_delivery() {
    return Error{Errc::not_found, {}, "no such delivery; they are kept for 14 days"};
}

Reply<NewWebhook> without_secret(Reply<WebhookView> reply) {
    return [reply = std::move(reply)](Result<NewWebhook> made) {
        if (!made) return reply(made.error());
        reply(std::move(made.value().webhook));
    };
}

}  // namespace

Ticket LocalWebhooks::wait_for(Reply<NewWebhook> reply) {
    webhook_replies_[++last_ticket_] = std::move(reply);
    return Ticket{last_ticket_};
}

Ticket LocalWebhooks::wait_for(Reply<DeliveryId> reply) {
    delivery_replies_[++last_ticket_] = std::move(reply);
    return Ticket{last_ticket_};
}

Reply<DeliveryId> LocalWebhooks::shown(Reply<DeliveryView> reply) {
    return [this, reply = std::move(reply)](Result<DeliveryId> id) {
        if (!id) return reply(id.error());
        delivery(id.value(), [reply](Result<DeliveryDetail> detail) {
            if (!detail) return reply(detail.error());
            reply(std::move(detail.value().delivery));
        });
    };
}

void LocalWebhooks::create(WebhookRequest request, Reply<NewWebhook> reply) {
    mailbox_.post([this, request = std::move(request), reply = std::move(reply)](Now at, Actions& out) mutable {
        fsm_.webhooks().create(wait_for(std::move(reply)), std::move(request), at, out);
    });
}

void LocalWebhooks::list(Reply<std::vector<WebhookView>> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) { reply(fsm_.webhooks().list()); });
}

void LocalWebhooks::get(WebhookId id, Reply<WebhookView> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now, Actions&) {
        const auto found = fsm_.webhooks().get(id);
        if (!found) return reply(found.error());
        reply(found.value().view);
    });
}

void LocalWebhooks::change(WebhookId id, WebhookChange change, Reply<WebhookView> reply) {
    mailbox_.post([this, id, change = std::move(change), reply = std::move(reply)](Now at, Actions& out) mutable {
        fsm_.webhooks().change(wait_for(without_secret(std::move(reply))), id, change, at, out);
    });
}

void LocalWebhooks::remove(WebhookId id, Reply<bool> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = wait_for([reply = std::move(reply)](Result<NewWebhook> removed) {
            if (!removed) return reply(removed.error());
            reply(true);
        });
        fsm_.webhooks().remove(ticket, id, at, out);
    });
}

void LocalWebhooks::rotate(WebhookId id, Reply<NewWebhook> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now at, Actions& out) mutable {
        fsm_.webhooks().rotate(wait_for(std::move(reply)), id, at, out);
    });
}

void LocalWebhooks::test(WebhookId id, Reply<DeliveryView> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now at, Actions& out) mutable {
        fsm_.webhooks().test(wait_for(shown(std::move(reply))), id, at, out);
    });
}

void LocalWebhooks::deliveries(WebhookId id, DeliveryFilter filter, PageRequest page, Reply<Page<DeliveryView>> reply) {
    page.limit = std::clamp<std::uint32_t>(page.limit, 1, 500);
    mailbox_.post([this, id, filter, page = std::move(page), reply = std::move(reply)](Now, Actions&) {
        const auto found = fsm_.webhooks().get(id);
        if (!found) return reply(found.error());
        reads_->ask([row = found.value().row, filter, page, reply](Store& store) {
            reply(store.deliveries(row, filter, page));
        });
    });
}

void LocalWebhooks::delivery(DeliveryId id, Reply<DeliveryDetail> reply) {
    reads_->ask([id, reply = std::move(reply)](Store& store) {
        auto found = store.delivery(id);
        if (!found) return reply(found.error());
        if (!found.value()) return reply(no_such_delivery());
        reply(std::move(*found.value()));
    });
}

void LocalWebhooks::replay(DeliveryId id, Reply<DeliveryView> reply) {
    reads_->ask([this, id, reply = std::move(reply)](Store& store) {
        const auto found = store.find_delivery(id);
        if (!found) return reply(found.error());
        if (!found.value()) return reply(no_such_delivery());
        mailbox_.post([this, id, reply, found = *found.value()](Now at, Actions& out) {
            fsm_.webhooks().replay(wait_for(shown(reply)), id, found, at, out);
        });
    });
}

void LocalWebhooks::replay_all(WebhookId id, DeliveryFilter filter, Reply<std::uint32_t> reply) {
    mailbox_.post([this, id, filter, reply = std::move(reply)](Now, Actions&) {
        const auto found = fsm_.webhooks().get(id);
        if (!found) return reply(found.error());
        reads_->ask([this, id, filter, reply, row = found.value().row](Store& store) {
            const auto count = store.replayable(row, filter);
            if (!count) return reply(count.error());
            mailbox_.post([this, id, filter, reply, many = count.value()](Now at, Actions& out) {
                const Ticket ticket = wait_for([reply, many](Result<DeliveryId> done) {
                    if (!done) return reply(done.error());
                    reply(many);
                });
                fsm_.webhooks().replay_all(ticket, id, filter, at, out);
            });
        });
    });
}

void LocalWebhooks::totals(Reply<WebhookTotals> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) {
        WebhookTotals totals;
        for (const WebhookView& webhook : fsm_.webhooks().list())
            ++(!webhook.enabled ? totals.disabled : webhook.failing_since ? totals.failing : totals.working);
        reads_->ask([totals, reply](Store& store) mutable {
            const auto pending = store.pending_deliveries();
            if (!pending) return reply(pending.error());
            totals.pending = pending.value();
            reply(totals);
        });
    });
}

void LocalWebhooks::watch(WebhookId id, std::shared_ptr<DeliveryWatcher> watcher, Reply<bool> reply) {
    mailbox_.post([this, id, watcher = std::move(watcher), reply = std::move(reply)](Now, Actions&) {
        const auto found = fsm_.webhooks().get(id);
        if (!found) return reply(found.error());
        watchers_.emplace(found.value().row, watcher);
        reply(true);
    });
}

void LocalWebhooks::unwatch(std::shared_ptr<DeliveryWatcher> watcher) {
    mailbox_.post([this, watcher = std::move(watcher)](Now, Actions&) {
        std::erase_if(watchers_, [&](const auto& one) { return one.second == watcher; });
    });
}

void LocalWebhooks::delivery_views(std::vector<DeliveryRow> rows, Reply<std::vector<DeliveryView>> reply) {
    reads_->ask(
        [rows = std::move(rows), reply = std::move(reply)](Store& store) { reply(store.delivery_views(rows)); });
}

void LocalWebhooks::tell_watchers(const std::vector<DueDelivery>& deliveries) const {
    if (watchers_.empty()) return;
    std::map<WebhookRow, std::vector<DeliveryRow>> changed;
    for (const DueDelivery& one : deliveries) {
        if (watchers_.contains(one.webhook)) changed[one.webhook].push_back(one.row);
    }
    for (const auto& [webhook, rows] : changed) {
        const auto [begin, end] = watchers_.equal_range(webhook);
        for (auto at = begin; at != end; ++at) at->second->changed(rows);
    }
}

void LocalWebhooks::end_watchers(WebhookRow gone) {
    const auto [begin, end] = watchers_.equal_range(gone);
    for (auto at = begin; at != end; ++at) at->second->end();
    watchers_.erase(begin, end);
}

void LocalWebhooks::serve(std::shared_ptr<DeliverySink> sink) {
    mailbox_.post([this, sink = std::move(sink)](Now, Actions& out) mutable {
        sink_ = std::move(sink);
        fsm_.webhooks().tell_all(out);
    });
}

void LocalWebhooks::due(WebhookRow webhook, std::uint32_t limit, Reply<DueDeliveries> reply) {
    reads_->ask([webhook, limit, reply = std::move(reply)](Store& store) { reply(store.due(webhook, limit)); });
}

void LocalWebhooks::outgoing(DueDelivery delivery, Reply<Outgoing> reply) {
    mailbox_.post([this, delivery, reply = std::move(reply)](Now at, Actions&) {
        auto found = fsm_.webhooks().get(delivery.webhook);
        if (!found || !found.value().view.enabled)
            return reply(Error{Errc::not_found, {}, "the webhook is disabled or was removed"});
        const WebhookRecord& record = found.value();
        std::vector<WebhookSecret> secrets{record.secret};
        if (record.old_secret && record.view.old_secret_until > at.wall) secrets.push_back(*record.old_secret);
        reads_->ask([row = delivery.row, url = record.view.url, secrets = std::move(secrets), reply](Store& store) {
            auto message = store.outgoing(row);
            if (!message) return reply(message.error());
            if (!message.value()) return reply(no_such_delivery());
            Outgoing& out = *message.value();
            out.url = url;
            out.secrets = secrets;
            reply(std::move(out));
        });
    });
}

void LocalWebhooks::record(Attempted attempted, Reply<bool> reply) {
    mailbox_.post([this, attempted = std::move(attempted), reply = std::move(reply)](Now at, Actions& out) mutable {
        const DueDelivery delivery = attempted.delivery;
        fsm_.webhooks().record(std::move(attempted), at, out, [this, delivery, reply](Now, Actions&) {
            reply(true);
            tell_watchers({delivery});
        });
    });
}

void LocalWebhooks::carry_out(WebhookAnswer& effect) {
    auto waiting = webhook_replies_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (waiting) waiting.mapped()(std::move(effect.webhook));
}

void LocalWebhooks::carry_out(DeliveryAnswer& effect) {
    auto waiting = delivery_replies_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (waiting) waiting.mapped()(std::move(effect.delivery));
}

void LocalWebhooks::carry_out(EndpointTold& effect) {
    if (sink_) sink_->endpoint(effect.webhook, effect.is_enabled);
    if (!effect.is_enabled && !fsm_.webhooks().get(effect.webhook)) end_watchers(effect.webhook);
}

void LocalWebhooks::carry_out(DeliveriesTold& effect) {
    if (sink_) sink_->queued(effect.deliveries);
    tell_watchers(effect.deliveries);
}

void LocalWebhooks::refuse_all(const Error& error) {
    for (auto& [ticket, reply] : std::exchange(webhook_replies_, {})) reply(error);
    for (auto& [ticket, reply] : std::exchange(delivery_replies_, {})) reply(error);
}

}  // namespace edge::broker
