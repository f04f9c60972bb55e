// Webhooks for tests of the API: one endpoint, one delivery, as webhook_calls.hpp promises.
#pragma once
#include "broker/domain/webhook_calls.hpp"

namespace edge::broker::test {

class FakeWebhooks final : public WebhookCalls {
  public:
    static constexpr WallTime kAt = 1'763'802'000'125'000;
    static WebhookId webhook_id() { return WebhookId{{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 21}}; }
    static DeliveryId delivery_id() { return DeliveryId{{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22}}; }

    void create(WebhookRequest request, Reply<NewWebhook> reply) override {
        if (request.selector == "limit:3") return reply(Error{Errc::bad_value, "/selector", "limit: means nothing"});
        last_request = request;
        WebhookView made = view();
        made.url = request.url;
        made.events = request.events;
        made.selector = request.selector;
        if (request.ttl_ms) made.expires_at = kAt + *request.ttl_ms * 1'000;
        reply(NewWebhook{made, "whsec_AAAA"});
    }
    void list(Reply<std::vector<WebhookView>> reply) override { reply(std::vector<WebhookView>{view()}); }
    void get(WebhookId id, Reply<WebhookView> reply) override { answer<WebhookView>(id, view(), reply); }
    void change(WebhookId id, WebhookChange change, Reply<WebhookView> reply) override {
        WebhookView changed = view();
        if (change.enabled) changed.enabled = *change.enabled;
        if (change.url) changed.url = *change.url;
        answer<WebhookView>(id, changed, reply);
    }
    void remove(WebhookId id, Reply<bool> reply) override { answer<bool>(id, true, reply); }
    void rotate(WebhookId id, Reply<NewWebhook> reply) override {
        WebhookView rotated = view();
        rotated.old_secret_until = kAt + 1;
        answer<NewWebhook>(id, {rotated, "whsec_BBBB"}, reply);
    }
    void test(WebhookId id, Reply<DeliveryView> reply) override {
        if (is_disabled) return reply(Error{Errc::conflict, {}, "the webhook is disabled; enable it first"});
        answer<DeliveryView>(id, delivery_view(), reply);
    }
    /// Two pages.
    void deliveries(WebhookId id, DeliveryFilter filter, PageRequest page, Reply<Page<DeliveryView>> reply) override {
        last_filter = filter;
        const auto next = page.cursor.empty() ? std::optional<std::string>("next") : std::nullopt;
        answer<Page<DeliveryView>>(id, {{delivery_view()}, next}, reply);
    }
    void delivery(DeliveryId id, Reply<DeliveryDetail> reply) override {
        if (id != delivery_id()) return reply(Error{Errc::not_found, {}, "no such delivery"});
        AttemptView attempt{.n = 1,
                            .at = kAt,
                            .url = "https://ops.example/",
                            .peer = "198.51.100.1:443",
                            .request_headers = {{"webhook-id", "msg_1"}},
                            .status = 500,
                            .response_head = "HTTP/1.1 500 \xff\r\n\r\n",
                            .response_body = "<script>alert(1)</script>\xfe",
                            .error = "the receiver answered 500",
                            .times = {}};
        reply(DeliveryDetail{delivery_view(), R"({"specversion":"1.0"})", {attempt}});
    }
    void replay(DeliveryId id, Reply<DeliveryView> reply) override {
        if (id != delivery_id()) return reply(Error{Errc::not_found, {}, "no such delivery"});
        reply(delivery_view());
    }
    void replay_all(WebhookId id, DeliveryFilter filter, Reply<std::uint32_t> reply) override {
        last_filter = filter;
        answer<std::uint32_t>(id, 7, reply);
    }
    void totals(Reply<WebhookTotals> reply) override { reply(WebhookTotals{.disabled = 2, .pending = 41}); }
    void watch(WebhookId id, std::shared_ptr<DeliveryWatcher> watcher, Reply<bool> reply) override {
        if (id == webhook_id()) watchers.push_back(watcher);
        answer<bool>(id, true, reply);
    }
    void unwatch(std::shared_ptr<DeliveryWatcher> watcher) override { std::erase(watchers, watcher); }
    void delivery_views(std::vector<DeliveryRow> rows, Reply<std::vector<DeliveryView>> reply) override {
        ++reads;
        std::vector<DeliveryView> found;
        for (const DeliveryRow row : rows) {
            found.push_back(delivery_view());
            found.back().id.bytes[14] = static_cast<std::uint8_t>(row);
            found.back().attempts = attempts;
        }
        reply(std::move(found));
    }
    void serve(std::shared_ptr<DeliverySink>) override {}
    void due(WebhookRow, std::uint32_t, Reply<DueDeliveries> reply) override { reply(DueDeliveries{}); }
    void outgoing(DueDelivery, Reply<Outgoing> reply) override { reply(Error{Errc::not_found, {}, "none"}); }
    void record(Attempted, Reply<bool> reply) override { reply(true); }

    /// What an attempt, or its end, would cause.
    void tell(const std::vector<DeliveryRow>& deliveries) {
        for (const auto& watcher : watchers) watcher->changed(deliveries);
    }
    void end_watchers() {
        for (const auto& watcher : std::exchange(watchers, {})) watcher->end();
    }

    bool is_disabled = false;
    std::vector<std::shared_ptr<DeliveryWatcher>> watchers;
    std::size_t reads = 0;       // of views
    std::uint32_t attempts = 0;  // of every delivery
    WebhookRequest last_request;
    DeliveryFilter last_filter;

  private:
    static WebhookView view() {
        WebhookView one;
        one.id = webhook_id();
        one.url = "https://ops.example/";
        one.events = {EventKind::result};
        one.created_at = kAt;
        return one;
    }
    static DeliveryView delivery_view() {
        DeliveryView one;
        one.id = delivery_id();
        one.webhook = webhook_id();
        one.kind = EventKind::result;
        one.subject = "res_1";
        one.created_at = kAt;
        one.next_attempt_at = kAt;
        return one;
    }
    template <class T>
    static void answer(WebhookId id, T value, const Reply<T>& reply) {
        if (id != webhook_id()) return reply(Error{Errc::not_found, {}, "no such webhook"});
        reply(std::move(value));
    }
};

}  // namespace edge::broker::test
