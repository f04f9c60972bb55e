#include <doctest/doctest.h>

#include "../api/fake_exchange.hpp"
#include "../fake_domain.hpp"
#include "broker/live/run_events.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

const RunId kRun = FakeDomain::id<RunId>(3);

struct Watched {
    FakeDomain domain;
    std::shared_ptr<FakeExchange> exchange = std::make_shared<FakeExchange>();

    Watched() {
        JobRequest job;
        job.spec = PingSpec{};
        domain.create_job(job, [](const Result<RunView>&) {});
    }
    void watch() {
        live::stream_run(exchange, domain, kRun, [](const Error& error) {
            return http::Response{404, "", {}, error.detail};
        });
    }
    FakeStream& stream() { return exchange->events(); }
};

/// "name:id" of each event, and comments as ":".
std::string order(const std::string& text) {
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = text.find("\n\n", at);
        const std::string event = text.substr(at, end - at);
        at = end + 2;
        if (!out.empty()) out += ' ';
        if (event.starts_with(":")) {
            out += ":";
            continue;
        }
        const std::size_t name_end = event.find('\n');
        const std::size_t id = event.find("\nid: ") + 5;
        out += event.substr(7, name_end - 7) + ":" + event.substr(id, event.find('\n', id) - id);
        CHECK(event.find("\ndata: {") != std::string::npos);
    }
    return out;
}

}  // namespace

TEST_CASE("a run is told from its beginning to its end") {
    Watched it;
    it.watch();
    REQUIRE(it.exchange->is_streaming());
    CHECK(it.exchange->head.content_type == "text/event-stream");
    CHECK(order(it.stream().text) == "run:1");
    CHECK(it.stream().text.find("\"tasks_list\":[{\"id\":\"task_") != std::string::npos);
    it.domain.progress("seq 0");
    it.domain.finish_run();
    CHECK(order(it.stream().text) == "run:1 progress:2 task:3 result:4 run:5");
    CHECK(it.stream().closed);
}

TEST_CASE("who comes late hears all of it, and the run last") {
    Watched it;
    it.domain.finish_run();
    it.watch();
    CHECK(order(it.stream().text) == "run:1 result:2 run:3");
    CHECK(it.stream().text.find("\"state\":\"finished\"") != std::string::npos);
    CHECK(it.stream().closed);
}

TEST_CASE("a run of many tasks is introduced in parts, the next when there is room for it") {
    Watched it;
    it.domain.task_count = 1'100;
    std::string last;
    SUBCASE("the client reads") {
        last = " task:602 result:603 run:604";
        it.watch();
        CHECK(it.domain.task_pages == 3);
        it.domain.finish_run();
    }
    SUBCASE("the client does not read, and the run ends meanwhile") {
        last = " task:603 task:604 run:605";  // what happened came before
        it.exchange->has_room = false;
        it.watch();
        CHECK(it.domain.task_pages == 1);
        it.domain.finish_run();
        CHECK(it.domain.task_pages == 1);
        CHECK_FALSE(it.stream().closed);
        std::exchange(it.stream().room, nullptr)();
        CHECK(it.domain.task_pages == 2);
        CHECK_FALSE(it.stream().closed);
        std::exchange(it.stream().room, nullptr)();
    }
    CHECK(it.domain.task_pages == 3);
    const std::string all = order(it.stream().text);
    CHECK(all.starts_with("run:1 task:2 "));
    CHECK(all.ends_with(last));
    CHECK(it.stream().text.substr(0, it.stream().text.find("\n\n")).size() < 200'000);
    CHECK(it.stream().closed);
}

TEST_CASE("what happens before the first tasks are known is told behind them") {
    FakeDomain* domain = nullptr;
    std::vector<std::function<void()>> waiting;
    bool wait = false;
    FakeDomain late([&](std::function<void()> work) {
        if (wait)
            waiting.push_back(std::move(work));
        else
            work();
    });
    domain = &late;
    JobRequest job;
    job.spec = PingSpec{};
    domain->create_job(job, [](const Result<RunView>&) {});
    const auto exchange = std::make_shared<FakeExchange>();
    wait = true;
    live::stream_run(exchange, late, kRun, [](const Error&) { return http::Response{}; });
    REQUIRE(waiting.size() == 1);
    std::exchange(waiting, {})[0]();  // subscribed; the tasks are asked for
    late.progress("unheard");
    late.finish_run();
    CHECK(exchange->events().text.empty());
    REQUIRE(waiting.size() == 1);
    std::exchange(waiting, {})[0]();
    CHECK(order(exchange->events().text) == "run:1 task:2 result:3 run:4");
    CHECK(exchange->events().closed);
}

TEST_CASE("no such run is a problem, not a stream") {
    Watched it;
    it.domain.clear_run();
    it.watch();
    CHECK_FALSE(it.exchange->is_streaming());
    CHECK(it.exchange->response->status == 404);
}

TEST_CASE("a slow client loses progress and is told how much") {
    Watched it;
    it.watch();
    it.stream().refuse_droppable = true;
    for (int i = 0; i < 3; ++i) it.domain.progress("unheard");
    it.stream().refuse_droppable = false;
    it.domain.progress("seen");
    CHECK(order(it.stream().text) == "run:1 gap:2 progress:3");
    CHECK(it.stream().text.find("data: {\"dropped\":3}") != std::string::npos);
    CHECK(it.stream().text.find("unheard") == std::string::npos);
}

TEST_CASE("when results would pile up the stream ends and says where they are") {
    Watched it;
    it.watch();
    it.stream().refuse_kept = true;
    it.domain.finish_run();
    CHECK(order(it.stream().text) == "run:1 overflow:2");
    CHECK(it.stream().text.find("/api/v1/runs/" + kRun.text() + "/results") != std::string::npos);
    CHECK(it.stream().closed);
}

TEST_CASE("a client that goes is no longer told") {
    Watched it;
    it.watch();
    CHECK(it.domain.subscribers() == 1);
    it.stream().gone = true;
    it.stream().ended();
    CHECK(it.domain.subscribers() == 0);
}

TEST_CASE("silence is filled with comments") {
    Watched it;
    it.watch();
    REQUIRE(it.exchange->timers.size() == 1);
    CHECK(it.exchange->timers[0].first == 15'000);
    it.exchange->fire();
    it.exchange->fire();
    CHECK(order(it.stream().text) == "run:1 : :");
}
