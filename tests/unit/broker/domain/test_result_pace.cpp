// A node that sends more results than it may waits for credit: nothing is refused, and nothing is lost.
#include "broker/domain/result_pace.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

DomainOptions at_most(std::uint32_t per_s) {
    DomainOptions options;
    options.node_results_per_s = per_s;
    return options;
}

/// Sends as many as it is given credit for, at once, of nobody's tasks.
struct Flooding {
    explicit Flooding(DomainOptions options) : rig(std::move(options)), agent(rig, rig.enroll("gz-1")) { connect(); }
    void connect() {
        agent.connect();
        granted = agent.welcome.credit.upto_n;
    }
    void send_all() {
        for (bool more = true; more;) {
            std::vector<link::Received> message;
            while (agent.last_n < granted && message.size() < 100) {
                link::Task task;
                task.task_id = samples::id<TaskId>(500'000 + ++sent);
                message.push_back(agent.result_of(task));
            }
            more = !message.empty();
            if (more) agent.send(std::move(message));
            for (const auto& credit : rig.sent<link::Credit>(agent.session)) {
                more = true;
                CHECK(credit.upto_n > granted);
                granted = credit.upto_n;
                ++credits;
            }
        }
    }
    void pass(std::uint64_t ms) {
        for (; ms > 0; --ms) {
            rig.pass(1);
            send_all();
        }
    }
    Rig rig;
    TestAgent agent;
    std::uint64_t granted = 0;
    std::uint64_t sent = 0;
    std::uint64_t credits = 0;
};

}  // namespace

TEST_CASE("a second's worth may come at once, then as many as the rate says, at any rate") {
    for (const std::uint32_t per_s : {1U, 7U, 1'000U, 30'000U, 1'000'000U}) {
        CAPTURE(per_s);
        ResultPace pace;
        std::uint64_t now = 77 * kSecond;
        CHECK(pace.room(per_s, now) == per_s);
        std::uint64_t came = 0;
        const std::uint64_t until = now + 3 * kSecond;
        while (now < until) {
            for (auto room = pace.room(per_s, now); room > 0; --room, ++came) pace.took(per_s, now);
            CHECK(pace.room(per_s, now) == 0);
            const std::uint64_t next = pace.when(per_s, 1);
            CHECK(next > now);
            CHECK(pace.room(per_s, next) >= 1);
            now = std::max(next, now + 997);
        }
        CHECK(came <= std::uint64_t{per_s} * 4 + 1);
        CHECK(came >= std::uint64_t{per_s} * 4 * 99 / 100);
        CHECK(pace.room(per_s, now + 2 * kSecond) == per_s);  // no more is saved up
    }
}

TEST_CASE("without a rate any number may come") {
    ResultPace pace;
    for (int i = 0; i < 1'000; ++i) pace.took(0, kSecond);
    CHECK(pace.room(0, kSecond) > 1'000'000'000);
}

TEST_CASE("a node that floods is held to its rate by credit, in few words, and loses nothing") {
    Flooding node(at_most(1'000));
    CHECK(node.agent.welcome.credit.upto_n == 1'000);
    node.send_all();
    CHECK(node.sent == 1'000);
    node.credits = 0;
    node.pass(5'000);
    CHECK(node.rig.take<CloseSession>().empty());
    CHECK(node.sent <= 6'000);
    CHECK(node.sent >= 5'900);
    CHECK(node.credits <= 101);
    CHECK(node.agent.acked() == node.sent);
    CHECK(node.rig.fsm().store().credit_waits > 50);
    SUBCASE("and a new session gives it no more") {
        for (int i = 0; i < 5; ++i) {
            const std::uint64_t before = node.sent;
            node.connect();
            node.send_all();
            CHECK(node.sent - before <= 60);
        }
        (void)node.rig.take<CloseSession>();  // of those that were taken over
        node.pass(1'000);
        for (const auto& ended : node.rig.take<CloseSession>())
            CHECK(ended.why.reason == link::GoawayReason::taken_over);
        CHECK(node.sent <= 7'000);
        CHECK(node.sent >= 6'900);
    }
    SUBCASE("and one that was quiet has all of it again") {
        node.rig.pass(10'000);
        const std::uint64_t before = node.sent;
        node.send_all();
        CHECK(node.sent - before >= 50);
        node.pass(100);
        CHECK(node.sent - before >= 1'000);
        CHECK(node.sent - before <= 1'101);
    }
}

TEST_CASE("a rate of one a second, and one above the window, hold as well") {
    Flooding slow(at_most(1));
    slow.send_all();
    CHECK(slow.sent == 1);
    slow.pass(10'100);
    CHECK(slow.sent == 11);
    DomainOptions options = at_most(10'000);
    options.result_window = 64;
    Flooding fast(options);
    CHECK(fast.agent.welcome.credit.upto_n == 64);
    fast.send_all();
    CHECK(fast.sent >= 9'968);
    CHECK(fast.sent <= 10'000);
}

TEST_CASE("without a rate credit goes as far as the window") {
    Flooding node(at_most(0));
    CHECK(node.agent.welcome.credit.upto_n == 4'096);
}

}  // namespace edge::broker
