#include <doctest/doctest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <future>
#include <semaphore>
#include <sstream>
#include <stdexcept>

#include "broker/domain/make_domain.hpp"
#include "protocol/codings.hpp"
#include "tests/contract/store/memory_store.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

/// The domain with its threads, on a store in memory; what it logs and what ends it is kept.
struct Threaded {
    explicit Threaded() {
        auto made = std::make_unique<MemoryStore>();
        store = made.get();
        options.event_text = [](const OutsideEvent& event) { return std::string(event_type(event.kind)); };
        options.on_fatal = [this](const Error& error) { fatal.set_value(error); };
        domain = std::move(make_domain(options, std::move(made), log).value());
    }
    Result<std::vector<NewJoinToken>> join_token() {
        std::promise<Result<std::vector<NewJoinToken>>> made;
        domain->create_join_tokens({JoinTokenTerms{}}, 0, {}, [&](auto token) { made.set_value(std::move(token)); });
        return made.get_future().get();
    }
    std::size_t logged(const std::string& event) {
        std::size_t count = 0;
        const std::string all = text.str();
        for (std::size_t at = all.find(event); at != std::string::npos; at = all.find(event, at + 1)) ++count;
        return count;
    }

    std::ostringstream text;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)};
    std::promise<Error> fatal;
    DomainOptions options;
    MemoryStore* store = nullptr;
    std::unique_ptr<Domain> domain;
};

}  // namespace

TEST_CASE("a full disk and its end are told once each, however often it is tried") {
    Threaded it;
    CHECK(it.join_token().has_value());
    CHECK(it.logged("store.") == 0);
    it.store->set_space(false);
    for (int i = 0; i < 3; ++i) {
        const auto refused = it.join_token();
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == Errc::unavailable);
    }
    it.store->set_space(true);
    CHECK(it.join_token().has_value());
    CHECK(it.join_token().has_value());
    it.domain.reset();  // its threads have written their lines
    CHECK(it.logged("store.no_space what=\"no space\"") == 1);
    CHECK(it.logged("store.recovered") == 1);
}

TEST_CASE("a log beyond 256 MiB and its end are told once each, and /metrics has its length") {
    Threaded it;
    const auto length = [&] {
        std::promise<std::uint64_t> told;
        it.domain->store([&](const Result<StoreView>& view) { told.set_value(view.value().log_bytes); });
        return told.get_future().get();
    };
    const auto write_with = [&](std::uint64_t bytes) {
        it.store->set_log_bytes(bytes);
        CHECK(it.join_token().has_value());
        CHECK(length() == bytes);
    };
    constexpr std::uint64_t kMost = 256 * 1024 * 1024;
    for (const std::uint64_t bytes : {kMost, kMost + 1, 2 * kMost, kMost, kMost / 8}) write_with(bytes);
    it.domain.reset();  // its threads have written their lines
    CHECK(it.logged("store.log_grown bytes=268435457 ") == 1);
    CHECK(it.logged("store.log_back bytes=268435456") == 1);
    CHECK(it.logged("store.log_") == 2);
}

TEST_CASE("who cancels a run while the store is full is told so, and does not wait for it") {
    Threaded it;
    struct Deaf final : SessionSink {
        void send(std::vector<link::Envelope>) override {}
        void close(link::Goaway) override {}
    };
    PublicKey key{};
    std::promise<NodeId> enrolled;
    it.domain->enroll({{it.join_token().value().at(0).text, to_base64(key), "", "gz-1", {}, "0.1.0"}, "192.0.2.1"},
                      [&](auto reply) { enrolled.set_value(reply.value().node_id); });
    link::Hello hello;
    hello.node_id = enrolled.get_future().get();
    hello.spool_id = samples::id<SpoolId>(1);
    hello.lines = {line("telecom", "ct")};
    std::promise<bool> joined;
    it.domain->join({hello, key, "peer", std::make_shared<Deaf>()},
                    [&](auto answer) { joined.set_value(std::holds_alternative<link::Welcome>(answer)); });
    REQUIRE(joined.get_future().get());
    std::promise<RunId> made;
    it.domain->create_job(ping_job("all"), [&](auto run) { made.set_value(run.value().id); });
    const RunId run = made.get_future().get();
    const auto cancel = [&] {
        const auto answer = std::make_shared<std::promise<Result<RunView>>>();
        it.domain->cancel_run(run, [answer](auto view) { answer->set_value(std::move(view)); });
        auto answered = answer->get_future();
        REQUIRE(answered.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
        return answered.get();
    };
    it.store->set_space(false);
    CHECK(cancel().error().code == Errc::unavailable);
    CHECK(cancel().error().code == Errc::unavailable);  // asked again it is no more stored than before
    it.store->set_space(true);
    auto canceled = cancel();
    while (!canceled) canceled = cancel();  // it was canceled, and is told when there is room
    CHECK(canceled.value().state == RunState::finished);
    CHECK(canceled.value().tasks.canceled == 1);
}

TEST_CASE("who watches a webhook hears of its deliveries when they are in the store, and of its end") {
    struct Watcher final : DeliveryWatcher {
        void changed(const std::vector<DeliveryRow>& deliveries) override {
            row = deliveries.back();
            for (std::size_t i = 0; i < deliveries.size(); ++i) told.release();
        }
        void end() override { over.set_value(); }
        std::counting_semaphore<> told{0};
        DeliveryRow row{};
        std::promise<void> over;
    };
    Threaded it;
    WebhookCalls& webhooks = it.domain->webhooks();
    const auto make = [&] {
        std::promise<WebhookId> made;
        webhooks.create({.url = "https://ops.example/", .description = {}, .events = {}, .selector = {}, .ttl_ms = {}},
                        [&](auto reply) { made.set_value(reply.value().webhook.id); });
        return made.get_future().get();
    };
    const WebhookId watched = make(), other = make();
    const auto watcher = std::make_shared<Watcher>();
    std::promise<bool> unknown;
    webhooks.watch(WebhookId{}, watcher, [&](auto reply) { unknown.set_value(reply.has_value()); });
    CHECK(!unknown.get_future().get());
    webhooks.watch(watched, watcher, [](const auto&) {});
    webhooks.test(other, [](const auto&) {});
    webhooks.test(watched, [](const auto&) {});
    watcher->told.acquire();
    std::promise<std::vector<DeliveryView>> views;
    webhooks.delivery_views({watcher->row}, [&](auto reply) { views.set_value(reply.value()); });
    const auto view = views.get_future().get();
    REQUIRE(view.size() == 1);
    CHECK(view[0].webhook == watched);
    Attempted attempted{{.row = watcher->row, .webhook = WebhookRow{1}}, {}, AttemptOutcome::delivered, 0};
    attempted.attempt.n = 1;
    std::promise<void> recorded;
    webhooks.record(attempted, [&](const auto&) { recorded.set_value(); });
    recorded.get_future().get();
    watcher->told.acquire();
    CHECK(!watcher->told.try_acquire());  // nothing of the other
    webhooks.remove(watched, [](const auto&) {});
    watcher->over.get_future().get();
}

TEST_CASE("an exception out of an operation ends the broker, and is told") {
    Threaded it;
    const auto broken = [](const auto&) { throw std::runtime_error("out of the blue"); };
    std::string thread;
    SUBCASE("on the domain's thread") {
        thread = "domain thread";
        it.domain->nodes(broken);
    }
    SUBCASE("on the reading thread") {
        thread = "reading thread";
        it.domain->jobs({}, broken);
    }
    const Error error = it.fatal.get_future().get();
    CHECK(error.code == Errc::internal);
    CHECK(error.where == thread);
    CHECK(error.detail == "out of the blue");
}

}  // namespace edge::broker
