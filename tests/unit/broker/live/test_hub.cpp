// The hub on turns of the test's own: what is told to whom, how often, and what is let go.
#include <doctest/doctest.h>

#include <deque>

#include "../fake_domain.hpp"
#include "broker/live/hub.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;
using live::Delivery;

namespace {

/// Turns are made by pass(), which moves the clock.
class ManualTurns final : public live::Turns {
  public:
    struct State {
        std::uint64_t now = 1'000'000;
        std::deque<std::function<void()>> posted;
        std::multimap<std::uint64_t, std::function<void()>> timers;

        void pass(std::uint32_t ms) {
            const std::uint64_t until = now + std::uint64_t{ms} * 1'000;
            while (true) {
                if (!posted.empty()) {
                    const auto work = std::move(posted.front());
                    posted.pop_front();
                    work();
                    continue;
                }
                if (timers.empty() || timers.begin()->first > until) break;
                now = std::max(now, timers.begin()->first);
                const auto work = std::move(timers.begin()->second);
                timers.erase(timers.begin());
                work();
            }
            now = until;
        }
    };
    explicit ManualTurns(State& state) : state_(state) {}
    void post(std::function<void()> work) override { state_.posted.push_back(std::move(work)); }
    void after(std::uint32_t ms, std::function<void()> work) override {
        state_.timers.emplace(state_.now + std::uint64_t{ms} * 1'000, std::move(work));
    }
    std::uint64_t monotonic_us() const override { return state_.now; }
    std::uint64_t wall_us() const override { return FakeDomain::kNow; }

  private:
    State& state_;
};

class Sink final : public live::StreamSink {
  public:
    void deliver(std::vector<Delivery> deliveries) override {
        for (auto& one : deliveries) {
            if (const auto* event = std::get_if<live::delivery::Event>(&one))
                said.push_back(live::event_text(event->sub, *event->event));
            else if (const auto* message = std::get_if<live::delivery::Message>(&one))
                said.push_back(message->text);
            else if (const auto* end = std::get_if<live::delivery::End>(&one))
                said.push_back(live::end_text(end->sub));
            else
                said.push_back("refused " + std::to_string(std::get<live::delivery::Refused>(one).sub));
        }
    }
    /// What was said since the last time, heartbeats left out: "sub event seq" each.
    std::string take() {
        std::string text;
        for (const auto& one : std::exchange(said, {})) {
            const auto json = parse_json(one);
            if (json && json.value()["event"] == "heartbeat") continue;
            std::string word = one;
            if (json && json.value().contains("sub")) {
                word = json.value()["sub"].dump() + " " + json.value()["event"].get<std::string>();
                if (json.value().contains("seq")) word += " " + json.value()["seq"].dump();
            }
            text += (text.empty() ? "" : ", ") + word;
        }
        return text;
    }
    std::vector<std::string> said;
};

struct Stage {
    ManualTurns::State turns;
    FakeDomain domain;
    std::shared_ptr<live::Hub> hub =
        std::make_shared<live::Hub>(domain, std::make_unique<ManualTurns>(turns), "0123456789abcdef");
    std::shared_ptr<Sink> sink = std::make_shared<Sink>();

    Stage() {
        hub->start();
        hub->attach(sink);
        turns.pass(1);
        sink->said.clear();
    }
    void subscribe(std::uint32_t sub, const std::string& topic, std::optional<std::uint64_t> after = {},
                   std::optional<std::string> key = {}, const std::shared_ptr<Sink>& to = nullptr) {
        live::ClientMessage asked{live::StreamOp::subscribe, sub, topic, std::move(key), {}, after};
        if (after) asked.stream = "0123456789abcdef";
        hub->subscribe(to ? to : sink, asked);
        turns.pass(0);
    }
    void node(std::uint8_t number, const std::string& version = "") {
        auto view = std::make_shared<NodeView>();
        view->node = {FakeDomain::id<NodeId>(number), FakeDomain::node_name(("n-" + std::to_string(number)).c_str())};
        view->agent_version = version;
        domain.tell(std::shared_ptr<const NodeView>(view));
    }
    std::string after(std::uint32_t ms) {
        turns.pass(ms);
        return sink->take();
    }
    void start_run() {
        JobRequest job;
        job.spec = PingSpec{};
        domain.create_job(job, [](const Result<RunView>&) {});
    }
};

const std::string kRun = FakeDomain::id<RunId>(3).text();
const std::string kHook = FakeWebhooks::webhook_id().text();

}  // namespace

TEST_CASE("a change is told at once, further ones of the same object five times a second, the latest") {
    Stage it;
    it.subscribe(1, "nodes");
    CHECK(it.after(0) == "1 subscribed 0");
    it.node(1);
    CHECK(it.after(0) == "1 node 1");
    for (int i = 0; i < 100; ++i) it.node(1, "v" + std::to_string(i));
    it.node(2);
    CHECK(it.after(199) == "");
    it.turns.pass(1);
    REQUIRE(it.sink->said.size() == 2);
    CHECK(it.sink->said[0].find("\"agent_version\":\"v99\"") != std::string::npos);
    CHECK(it.after(1'000) == "1 node 2, 1 node 3");
}

TEST_CASE("who was away for a moment resumes, who was away for long is reset") {
    Stage it;
    it.subscribe(1, "nodes");
    it.node(1);
    it.turns.pass(300);
    it.node(2);
    it.turns.pass(300);
    it.hub->unsubscribe(it.sink, 1);
    it.sink->take();
    it.subscribe(2, "nodes", 1);
    CHECK(it.after(0) == "2 subscribed 1, 2 node 2");
    it.hub->unsubscribe(it.sink, 2);
    it.node(3);  // told to nobody, and kept
    it.turns.pass(300);
    it.subscribe(3, "nodes", 2);
    CHECK(it.after(0) == "3 subscribed 2, 3 node 3");
    it.hub->unsubscribe(it.sink, 3);
    it.turns.pass(61'000);
    it.node(4);  // nobody waits any more: not even made into text
    it.turns.pass(300);
    it.subscribe(4, "nodes", 3);
    CHECK(it.after(0) == "4 reset 4");
    it.subscribe(5, "nodes", 99);
    CHECK(it.after(0) == "5 reset 4");
}

TEST_CASE("the overview is told once a second, and only when it says something else") {
    Stage it;
    it.subscribe(1, "overview");
    CHECK(it.after(1'000) == "1 subscribed 0, 1 overview 1");
    CHECK(it.after(5'000) == "");
    for (std::uint8_t i = 1; i < 50; ++i) it.node(i);
    CHECK(it.after(1'000) == "1 overview 2");
    std::string text;
    it.hub->overview([&](std::string json) { text = std::move(json); });
    it.turns.pass(0);
    CHECK(parse_json(text).value()["nodes"]["total"] == 49);
}

TEST_CASE("a run is subscribed at the domain once for all listeners, and let go a minute after the last") {
    Stage it;
    it.start_run();
    const auto other = std::make_shared<Sink>();
    it.subscribe(1, "run", {}, kRun);
    it.subscribe(9, "run", {}, kRun, other);
    CHECK(it.after(0) == "1 subscribed 0, 1 run 1");
    CHECK(it.domain.subscribers() == 1);
    it.domain.progress("hello");
    CHECK(it.after(0) == "1 progress 2");
    CHECK(other->take().ends_with("9 progress 2"));
    it.hub->detach(it.sink);
    it.hub->detach(other);
    it.turns.pass(30'000);
    CHECK(it.domain.subscribers() == 1);
    it.turns.pass(60'000);
    CHECK(it.domain.subscribers() == 0);
    it.subscribe(2, "run", 2, kRun);  // a new topic: what was between is not known
    CHECK(it.after(0).starts_with("2 reset "));
}

TEST_CASE("a run ends for all its listeners; one that is not there is refused") {
    Stage it;
    it.start_run();
    it.subscribe(1, "run", {}, kRun);
    it.subscribe(2, "run", {}, FakeDomain::id<RunId>(99).text());
    it.subscribe(3, "run", {}, "run_nonsense");
    it.subscribe(4, "run");
    it.subscribe(5, "secrets");
    CHECK(it.after(0) == "1 subscribed 0, 1 run 1, refused 2, refused 3, refused 4, refused 5");
    it.domain.finish_run();
    CHECK(it.after(0) == "1 task 2, 1 result 3, 1 run 4, 1 end");
    it.subscribe(1, "run", {}, kRun);  // over: told so at once, its results are read by REST
    CHECK(it.after(0) == "1 subscribed 5, 1 run 6, 1 end");
}

TEST_CASE("a socket watches no more than its share, so that others can watch as well") {
    Stage it;
    it.start_run();
    it.domain.is_every_run_there = true;
    std::uint32_t next = 0;
    const auto run = [](std::uint32_t number) {
        RunId id = FakeDomain::id<RunId>(1);
        id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
        id.bytes[13] = static_cast<std::uint8_t>(number);
        return id.text();
    };
    const auto watch_share = [&](const std::shared_ptr<Sink>& sink) {
        for (std::uint32_t i = 0; i < live::Hub::kMostWatchedByOne; ++i, ++next)
            it.subscribe(i, "run", {}, run(next), sink);
        return sink->take().find("refused") == std::string::npos;
    };
    CHECK(watch_share(it.sink));
    it.subscribe(100, "run", {}, run(900));
    CHECK(it.after(0) == "refused 100");
    it.subscribe(101, "run", {}, run(0));  // which it watches already
    CHECK(it.after(0).starts_with("101 subscribed"));
    it.hub->unsubscribe(it.sink, 0);
    it.hub->unsubscribe(it.sink, 101);
    it.subscribe(102, "run", {}, run(0));
    CHECK(it.after(0).starts_with("102 subscribed"));
    while (next < live::Hub::kMostWatched) CHECK(watch_share(std::make_shared<Sink>()));
    const auto last = std::make_shared<Sink>();
    it.subscribe(1, "run", {}, run(901), last);  // all are watched by somebody
    CHECK(last->take() == "refused 1");
    it.subscribe(2, "run", {}, run(5), last);  // … and this one can be watched together
    CHECK(last->take().starts_with("2 subscribed"));
}

TEST_CASE("a webhook's deliveries are read when they changed, once for all changes, and told as they are now") {
    Stage it;
    auto& webhooks = it.domain.webhooks_;
    const auto other = std::make_shared<Sink>();
    it.subscribe(1, "deliveries", {}, kHook);
    it.subscribe(9, "deliveries", {}, kHook, other);
    CHECK(it.after(0) == "1 subscribed 0");
    CHECK(webhooks.watchers.size() == 1);
    webhooks.tell({DeliveryRow{1}});
    CHECK(it.after(0) == "1 delivery 1");
    for (std::uint32_t i = 0; i < 100; ++i) {
        webhooks.attempts = i;
        webhooks.tell({DeliveryRow{1}, DeliveryRow{2}});
    }
    CHECK(it.after(199) == "");
    it.turns.pass(1);
    REQUIRE(it.sink->said.size() == 2);
    CHECK(it.sink->said[0].find("\"attempts\":99") != std::string::npos);
    CHECK(webhooks.reads == 2);
    CHECK(it.after(1'000) == "1 delivery 2, 1 delivery 3");
    CHECK(other->take().ends_with("9 delivery 1, 9 delivery 2, 9 delivery 3"));
    // More than can be read five times a second: each reads the list anew.
    for (std::int64_t row = 0; row < 501; ++row) webhooks.tell({DeliveryRow{row}});
    CHECK(it.after(200) == "1 reset 4");
    CHECK(webhooks.reads == 2);
    webhooks.end_watchers();
    CHECK(it.after(0) == "1 end");
    CHECK(other->take() == "9 reset 4, 9 end");
}

TEST_CASE("who listens to no deliveries costs nothing; a webhook that is not there is refused") {
    Stage it;
    auto& webhooks = it.domain.webhooks_;
    it.subscribe(1, "deliveries", {}, FakeDomain::id<WebhookId>(99).text());
    it.subscribe(2, "deliveries", {}, kRun);
    it.subscribe(3, "deliveries");
    CHECK(it.after(0) == "refused 1, refused 2, refused 3");
    CHECK(webhooks.watchers.empty());
    it.subscribe(1, "deliveries", {}, kHook);
    it.hub->unsubscribe(it.sink, 1);
    it.turns.pass(61'000);
    webhooks.tell({DeliveryRow{1}});  // a minute after the last has left
    it.turns.pass(1'000);
    CHECK(webhooks.reads == 0);
    it.turns.pass(15'000);
    CHECK(webhooks.watchers.empty());
}

TEST_CASE("sockets are told that we live, each 15 seconds") {
    Stage it;
    it.turns.pass(46'000);
    CHECK(it.sink->said.size() == 3);
    CHECK(it.sink->said[0] == R"({"event":"heartbeat","at":"2025-11-22T09:00:00.125Z"})");
    it.hub->detach(it.sink);
    it.turns.pass(60'000);
    CHECK(it.sink->said.size() == 3);
}
