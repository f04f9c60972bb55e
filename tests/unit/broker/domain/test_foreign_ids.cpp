// What a stolen credential is good for: a node that knows every ID of its neighbours, and says all it can say with
// them.
#include <doctest/doctest.h>

#include <array>
#include <random>

#include "protocol/codings.hpp"
#include "protocol/link/plan.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kTries = 10'000;

/// Three nodes that work, in the middle of it, with a recurring job; and three that try.
struct Neighbours {
    Neighbours() {
        for (std::uint8_t i = 0; i < 3; ++i) {
            ours.emplace_back(rig, rig.enroll("gz-" + std::to_string(i), static_cast<std::uint8_t>(10 + i)), 10 + i);
            ours.back().hello.plans = link::plans_digest({});
            ours.back().connect();
        }
        JobRequest recurring = ping_job("telecom");
        recurring.schedule.emplace().when.every_ms = 7 * 86'400'000ULL;
        REQUIRE(rig.plan(recurring));
        JobRequest once = ping_job("all");
        once.terms.start_within_ms = 86'400'000;
        once.terms.run_within_ms = 3'600'000;
        run = rig.create(once).value().id;
        for (auto& node : ours) {
            node.take_plans();
            auto got = node.tasks();
            REQUIRE(got.size() == 3);
            node.accept(got.back().n);
            node.started(got[0]);
            node.answer(got[1]);
            REQUIRE(node.plans.size() == 1);
            tasks.insert(tasks.end(), got.begin(), got.end());
        }
        for (std::uint8_t i = 0; i < 3; ++i) {
            thieves.emplace_back(rig, rig.enroll("sh-" + std::to_string(i), static_cast<std::uint8_t>(20 + i)), 20 + i);
            thieves.back().connect();
        }
        rig.effects.clear();
        before = states();
    }

    std::vector<TaskState> states() {
        std::vector<TaskState> of_tasks;
        for (const auto& task : rig.fsm().active(run)->tasks) of_tasks.push_back(task.state);
        return of_tasks;
    }
    /// Nothing of theirs has changed, and they were told nothing.
    bool is_untouched() {
        bool told = false;
        const auto effects = std::exchange(rig.effects, {});
        for (const auto& effect : effects) {
            const auto* sent = std::get_if<SendTo>(&effect);
            const auto* closed = std::get_if<CloseSession>(&effect);
            for (const auto& node : ours)
                told = told || (sent && sent->session == node.session) || (closed && closed->session == node.session);
            for (auto& thief : thieves)
                if (closed && closed->session == thief.session) come_again(thief);
        }
        return !told && rig.store().all_results().size() == 3 && states() == before;
    }

    void come_again(TestAgent& thief) {
        rig.pass(1'000);  // who joins more often is refused for that
        thief.connect();
    }

    Rig rig;
    std::deque<TestAgent> ours, thieves;
    std::vector<link::Task> tasks;  // three of each of ours: begun, answered, accepted
    std::vector<TaskState> before;
    RunId run;
};

enum class Way { result, rid, attempt, early, planned, progress, running, spool, name, ack, key };

struct Try {
    Neighbours& all;
    std::mt19937& random;
    TestAgent& thief = all.thieves[random() % 3];
    std::size_t owner = random() % 3;
    TestAgent& robbed = all.ours[owner];
    const link::Task& task = all.tasks[owner * 3 + random() % 3];

    template <class Change>
    void send_result(Change change) {
        link::Received forged = thief.result_of(task);
        change(std::get<link::TaskResult>(forged.envelope));
        thief.send({std::move(forged)});
        CHECK(thief.acked() == thief.last_n);  // what is nobody's is acknowledged, or it came again for ever
    }
    void join_as(const link::Hello& hello) {
        all.rig.pass(1'000);
        thief.leave();
        const auto answer = all.rig.join(hello, all.rig.key_of(thief.hello.node_id));
        if (const auto* welcome = std::get_if<link::Welcome>(&answer)) {
            thief.hello.join_counter = welcome->join_counter;
            CHECK(welcome->revoke.size() == hello.running.size());
            CHECK(hello.node_id == thief.hello.node_id);
        }
        all.come_again(thief);
    }

    void by(Way way) {
        switch (way) {
            case Way::result:
                return send_result([](auto&) {});
            case Way::rid:
                return send_result([&](auto& result) {
                    const auto stored = all.rig.store().all_results();
                    result.rid = stored[random() % stored.size()].view->result.rid;
                });
            case Way::attempt:
                return send_result([&](auto& result) { result.attempt = static_cast<std::uint32_t>(random() % 70); });
            case Way::early: {
                link::Received copy = thief.result_of(task);
                std::get<link::TaskResult>(copy.envelope).early = true;
                --thief.last_n;  // its number is still to come
                return thief.send({std::move(copy)});
            }
            case Way::planned: {
                const auto& plan = robbed.plans.begin()->second;
                link::Received forged = robbed.planned_result(plan, random() % 3, "telecom");
                --robbed.last_n;
                std::get<link::TaskResult>(forged.envelope).n = ++thief.last_n;
                return thief.send({std::move(forged)});
            }
            case Way::progress:
                return thief.send(
                    {{link::Progress{task.task_id, task.attempt, static_cast<link::ProgressKind>(random() % 3), {}},
                      {}}});
            case Way::running: {
                link::Hello hello = thief.hello;
                for (const auto& one : all.tasks) hello.running.push_back({one.task_id, one.attempt});
                return join_as(hello);
            }
            case Way::spool: {
                link::Hello hello = thief.hello;
                hello.spool_id = robbed.hello.spool_id;
                hello.spool_last = 1'000;
                hello.gap = link::SpoolGap{1, 900, 1, 2};
                return join_as(hello);
            }
            case Way::name:
                return join_as(robbed.hello);
            case Way::ack:
                return thief.send({{link::WorkAck{random()}, {}}});
            case Way::key:
                return thief.send({{link::NewKey{key_text(), std::string(88, 'A'), std::string(88, 'A')}, {}}});
        }
    }
    std::string key_text() const { return to_base64(all.rig.key_of(robbed.hello.node_id)); }
};

}  // namespace

TEST_CASE("10,000 times a node tries with its neighbours' IDs whatever a node can send: nothing of theirs changes") {
    Neighbours all;
    std::mt19937 random{5};
    std::array<std::size_t, 11> succeeded{};
    for (std::size_t i = 0; i < kTries; ++i) {
        Try one{all, random};
        const std::size_t way = i % succeeded.size();
        CAPTURE(way);
        one.by(static_cast<Way>(way));
        if (!all.is_untouched()) ++succeeded[way];
    }
    for (std::size_t way = 0; way < succeeded.size(); ++way) {
        CAPTURE(way);
        CHECK(succeeded[way] == 0);
    }
    // And theirs goes on: each task ends by its own node's result.
    for (std::size_t node = 0; node < 3; ++node)
        for (const std::size_t which : {0, 2}) all.ours[node].answer(all.tasks[node * 3 + which]);
    CHECK(all.rig.run(all.run).tasks.succeeded == 9);
    const auto stored = all.rig.store().all_results();
    CHECK(stored.size() == 9);
    for (const auto& result : stored) CHECK(result.view->node.name.text().starts_with("gz-"));
}

}  // namespace edge::broker
