// What every Store must do with webhooks, asked of the one in memory and of SQLite.
#include <doctest/doctest.h>

#include <chrono>

#include "broker/store/sqlite.hpp"
#include "broker/store/sqlite_store.hpp"
#include "protocol/json/described.hpp"
#include "tests/contract/store/memory_store.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {
namespace {

using samples::id;

constexpr WallTime kAt = 1'700'000'000'000'000;

struct WebhooksInMemory {
    std::unique_ptr<Store> open() { return std::make_unique<MemoryStore>(); }
};
struct WebhooksInSqlite {
    TemporaryFolder folder;
    std::unique_ptr<Store> open() { return std::move(open_sqlite_store(folder.path() + "/edge.db").value()); }
};

WebhookRecord webhook(std::int64_t row) {
    WebhookRecord record;
    record.row = WebhookRow{row};
    record.view.id = id<WebhookId>(static_cast<std::uint64_t>(row));
    record.view.url = "https://ops.example/edge";
    record.view.description = "night shift";
    record.view.events = {EventKind::result, EventKind::line_state};
    record.view.selector = "carrier:ct";
    record.view.created_at = kAt;
    record.secret[0] = 7;
    return record;
}

AddMessage message(std::int64_t row, WallTime at = kAt) {
    return {MessageRow{row}, id<MessageId>(static_cast<std::uint64_t>(row)), EventKind::result, at, "res_1",
            R"({"a":1})"};
}

AddDelivery delivery(std::int64_t row, std::int64_t of_message, WallTime due_at = kAt, std::int64_t to = 1) {
    return {id<DeliveryId>(static_cast<std::uint64_t>(row)), MessageRow{of_message},
            DueDelivery{.row = DeliveryRow{row}, .webhook = WebhookRow{to}, .due_at = due_at, .created_at = due_at}};
}

AddAttempt attempt(std::int64_t row, std::uint32_t n, DeliveryState state, WallTime due_at = kAt) {
    AddAttempt made{.delivery = DeliveryRow{row}, .attempt = {}, .state = state, .due_at = due_at};
    made.attempt.n = n;
    made.attempt.at = kAt;
    made.attempt.url = "https://ops.example/edge";
    made.attempt.peer = "198.51.100.1:443";
    made.attempt.request_headers = {{"webhook-id", "msg_1"}};
    made.attempt.status = state == DeliveryState::delivered ? 200 : 500;
    made.attempt.response_head = std::string("HTTP/1.1 500 \xff\r\n\r\n");
    made.attempt.response_body = std::string("a\0b\xfe", 4);
    made.attempt.error = state == DeliveryState::delivered ? "" : "the receiver answered 500";
    made.attempt.times = {.resolved_us = 1, .connected_us = 20, .secured_us = {}, .first_byte_us = 30, .total_us = 40};
    return made;
}

}  // namespace

TEST_CASE_TEMPLATE("webhooks come back as they were put, and not when they were dropped", Kind, WebhooksInMemory,
                   WebhooksInSqlite) {
    Kind kind;
    const auto store = kind.open();
    WebhookRecord changed = webhook(1);
    REQUIRE(store->apply(Batch{PutWebhook{changed}, PutWebhook{webhook(2)}}));
    changed.view.enabled = false;
    changed.view.disabled_reason = "the receiver answered 410, gone";
    changed.view.failing_since = 5;
    changed.view.old_secret_until = 9;
    changed.view.expires_at = 11;
    changed.old_secret = WebhookSecret{1, 2};
    REQUIRE(store->apply(Batch{PutWebhook{changed}, DropWebhook{WebhookRow{2}, 3}}));
    REQUIRE(store->apply(Batch{PutWebhook{webhook(2)}}));  // it does not come back
    const auto loaded = store->load().value();
    REQUIRE(loaded.webhooks.size() == 1);
    const WebhookRecord& w = loaded.webhooks[0];
    CHECK(w.view.id == changed.view.id);
    CHECK(w.view.url == changed.view.url);
    CHECK(w.view.events == changed.view.events);
    CHECK(w.view.selector == "carrier:ct");
    CHECK(!w.view.enabled);
    CHECK(w.view.disabled_reason == changed.view.disabled_reason);
    CHECK(w.view.failing_since == 5);
    CHECK(w.view.old_secret_until == 9);
    CHECK(w.view.expires_at == 11);
    CHECK(w.secret == changed.secret);
    CHECK(w.old_secret == changed.old_secret);
    CHECK(loaded.next_webhook == WebhookRow{3});
}

TEST_CASE_TEMPLATE("what is due comes by its time, as much as is asked for", Kind, WebhooksInMemory, WebhooksInSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutWebhook{webhook(1)}, PutWebhook{webhook(2)}, message(1), delivery(1, 1, kAt + 9),
                               delivery(2, 1, kAt + 3), delivery(3, 1, kAt + 6), delivery(4, 1, kAt, 2)}));
    auto due = store->due(WebhookRow{1}, 2).value();
    REQUIRE(due.items.size() == 2);
    CHECK(due.more);
    CHECK(due.items[0].row == DeliveryRow{2});
    CHECK(due.items[0].due_at == kAt + 3);
    CHECK(due.items[1].row == DeliveryRow{3});
    REQUIRE(
        store->apply(Batch{attempt(2, 1, DeliveryState::delivered), attempt(3, 1, DeliveryState::pending, kAt + 50)}));
    due = store->due(WebhookRow{1}, 9).value();
    REQUIRE(due.items.size() == 2);
    CHECK(!due.more);
    CHECK(due.items[0].row == DeliveryRow{1});
    CHECK(due.items[1].row == DeliveryRow{3});
    CHECK(due.items[1].attempts == 1);
    CHECK(store->pending_deliveries().value() == 3);
    REQUIRE(store->apply(Batch{DropWebhook{WebhookRow{2}, kAt}}));
    CHECK(store->pending_deliveries().value() == 2);
    const auto loaded = store->load().value();
    CHECK(loaded.next_message == MessageRow{2});
    CHECK(loaded.next_delivery == DeliveryRow{5});
}

TEST_CASE_TEMPLATE("a delivery is shown with its message and every attempt, whatever bytes came", Kind,
                   WebhooksInMemory, WebhooksInSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutWebhook{webhook(1)}, message(1), delivery(1, 1)}));
    const auto out = store->outgoing(DeliveryRow{1}).value();
    REQUIRE(out.has_value());
    CHECK(out->message == id<MessageId>(1));
    CHECK(out->body == R"({"a":1})");
    REQUIRE(
        store->apply(Batch{attempt(1, 1, DeliveryState::pending, kAt + 5), attempt(1, 2, DeliveryState::delivered)}));
    CHECK(!store->outgoing(DeliveryRow{1}).value());
    const auto detail = store->delivery(id<DeliveryId>(1)).value();
    REQUIRE(detail.has_value());
    CHECK(detail->body == R"({"a":1})");
    CHECK(detail->delivery.webhook == id<WebhookId>(1));
    CHECK(detail->delivery.state == DeliveryState::delivered);
    CHECK(detail->delivery.attempts == 2);
    CHECK(detail->delivery.last_status == 200);
    CHECK(!detail->delivery.next_attempt_at);
    const auto views = store->delivery_views({DeliveryRow{7}, DeliveryRow{1}}).value();  // one is not there
    REQUIRE(views.size() == 1);
    CHECK(views[0].id == detail->delivery.id);
    CHECK(views[0].attempts == 2);
    REQUIRE(detail->attempts.size() == 2);
    const AttemptView& first = detail->attempts[0];
    const AttemptView put = attempt(1, 1, DeliveryState::pending).attempt;
    CHECK(first.response_head == put.response_head);
    CHECK(first.response_body == put.response_body);
    CHECK(first.error == put.error);
    CHECK(first.request_headers.at(0).value == "msg_1");
    CHECK(first.times.first_byte_us == 30);
    CHECK(!first.times.secured_us);
    CHECK(!store->delivery(id<DeliveryId>(2)).value());
    CHECK(store->apply(Batch{attempt(77, 1, DeliveryState::delivered)}));  // it has gone: nothing
}

TEST_CASE("deliveries in one state are found without a look at those in another") {
    WebhooksInSqlite kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutWebhook{webhook(1)}, message(1)}));
    auto db = sqlite::Connection::open(kind.folder.path() + "/edge.db", sqlite::Connection::Mode::read_write).value();
    REQUIRE(
        db.execute("INSERT INTO deliveries (id, message, webhook, state, once, created_at, due_at)"
                   " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
                   " SELECT randomblob(16), 1, 1, 'delivered', 0, i, i FROM n"));
    using std::chrono::steady_clock;
    const auto time_of = [&](std::optional<DeliveryState> state) {
        auto best = steady_clock::duration::max();
        for (int i = 0; i < 3; ++i) {
            const auto begun = steady_clock::now();
            CHECK(
                store->deliveries(WebhookRow{1}, {.state = state, .since = 0, .until = {}}, {.limit = 1, .cursor = {}})
                    .has_value());
            best = std::min(best, steady_clock::now() - begun);
        }
        return best;
    };
    const auto any = time_of({});
    for (const auto state : {DeliveryState::pending, DeliveryState::failed, DeliveryState::delivered}) {
        CAPTURE(enum_text(state));
        CHECK(time_of(state) < 20 * any);  // hundreds of times as long, when all are read
    }
}

TEST_CASE_TEMPLATE("deliveries are paged newest first, by state, and replayed by state and time", Kind,
                   WebhooksInMemory, WebhooksInSqlite) {
    Kind kind;
    const auto store = kind.open();
    Batch batch{PutWebhook{webhook(1)}, message(1)};
    for (int i = 1; i <= 5; ++i) batch.push_back(delivery(i, 1, kAt + static_cast<WallTime>(i)));
    for (int i = 1; i <= 4; ++i)
        batch.push_back(attempt(i, 1, i == 4 ? DeliveryState::delivered : DeliveryState::failed));
    REQUIRE(store->apply(batch));
    const auto first = store->deliveries(WebhookRow{1}, {}, {.limit = 3, .cursor = {}}).value();
    REQUIRE(first.items.size() == 3);
    CHECK(first.items[0].id == id<DeliveryId>(5));
    REQUIRE(first.next_cursor);
    const auto second = store->deliveries(WebhookRow{1}, {}, {.limit = 3, .cursor = *first.next_cursor}).value();
    REQUIRE(second.items.size() == 2);
    CHECK(second.items[1].id == id<DeliveryId>(1));
    CHECK(!second.next_cursor);
    const DeliveryFilter failed{.state = DeliveryState::failed, .since = 0, .until = {}};
    CHECK(store->deliveries(WebhookRow{1}, failed, {.limit = 9, .cursor = {}}).value().items.size() == 3);
    CHECK(store->deliveries(WebhookRow{1}, {}, {.limit = 9, .cursor = "forged"}).error().code == Errc::bad_value);

    // Of a time, page by page; a clock that was set back makes no delivery vanish.
    REQUIRE(store->apply(Batch{delivery(6, 1, kAt + 3)}));
    const auto walk = [&](const DeliveryFilter& filter) {
        std::string rows, cursor;
        do {
            const auto page = store->deliveries(WebhookRow{1}, filter, {.limit = 1, .cursor = cursor}).value();
            for (const auto& one : page.items) rows += std::to_string(one.id.bytes[15]);
            cursor = page.next_cursor.value_or("");
        } while (!cursor.empty());
        return rows;
    };
    CHECK(walk({}) == "546321");
    CHECK(walk({.state = {}, .since = kAt + 2, .until = kAt + 4}) == "632");
    CHECK(walk({.state = DeliveryState::failed, .since = 0, .until = kAt + 3}) == "21");
    CHECK(walk({.state = {}, .since = 0, .until = kAt}) == "");

    const DeliveryFilter some{.state = {}, .since = kAt + 2, .until = kAt + 5};
    CHECK(store->replayable(WebhookRow{1}, some).value() == 3);
    CHECK(store->replayable(WebhookRow{1}, failed).value() == 3);
    REQUIRE(store->apply(Batch{ReplayDeliveries{WebhookRow{1}, some, kAt + 70}}));
    const auto due = store->due(WebhookRow{1}, 9).value();
    REQUIRE(due.items.size() == 5);  // and those that were pending
    CHECK(due.items[4].due_at == kAt + 70);
    CHECK(due.items[4].once);
    CHECK(store->replayable(WebhookRow{1}, {}).value() == 1);
    const auto found = store->find_delivery(id<DeliveryId>(1)).value();
    REQUIRE(found);
    CHECK(found->state == DeliveryState::failed);
    DueDelivery again = found->due;
    again.due_at = kAt + 90;
    REQUIRE(store->apply(Batch{ReplayDelivery{again}}));
    CHECK(store->find_delivery(id<DeliveryId>(1)).value()->state == DeliveryState::pending);
    again.due_at = kAt + 95;  // it is pending already: nothing
    REQUIRE(store->apply(Batch{ReplayDelivery{again}}));
    CHECK(store->find_delivery(id<DeliveryId>(1)).value()->due.due_at == kAt + 90);
}

TEST_CASE_TEMPLATE("messages go after 14 days with their deliveries and attempts, two for each that comes", Kind,
                   WebhooksInMemory, WebhooksInSqlite) {
    Kind kind;
    const auto store = kind.open();
    Batch batch{PutWebhook{webhook(1)}};
    for (int i = 1; i <= 3; ++i) {
        batch.push_back(message(i));
        batch.push_back(delivery(i, i));
        batch.push_back(attempt(i, 1, DeliveryState::failed));
    }
    REQUIRE(store->apply(batch));
    REQUIRE(store->apply(Batch{message(4, kAt + kMessagesKept)}));
    CHECK(store->delivery(id<DeliveryId>(1)).value().has_value());
    REQUIRE(store->apply(Batch{message(5, kAt + kMessagesKept + 1)}));
    CHECK(!store->delivery(id<DeliveryId>(1)).value());
    CHECK(!store->delivery(id<DeliveryId>(2)).value());
    CHECK(store->delivery(id<DeliveryId>(3)).value().has_value());
    REQUIRE(store->apply(Batch{message(6, kAt + kMessagesKept + 2)}));
    CHECK(!store->delivery(id<DeliveryId>(3)).value());
}

TEST_CASE("the row of a webhook that was dropped has neither URL nor secret, whatever is put afterwards") {
    WebhooksInSqlite kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutWebhook{webhook(1)}, DropWebhook{WebhookRow{1}, 3}}));
    REQUIRE(store->apply(Batch{PutWebhook{webhook(1)}}));
    auto db = sqlite::Connection::open(kind.folder.path() + "/edge.db", sqlite::Connection::Mode::read_only).value();
    auto row = db.prepare("SELECT url, length(secret) FROM webhooks WHERE k = 1").value();
    row.start();
    REQUIRE(row.next().value());
    CHECK(row.text(0) == "");
    CHECK(row.integer(1) == 0);
}

}  // namespace edge::broker
