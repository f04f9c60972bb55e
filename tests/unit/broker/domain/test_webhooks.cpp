// Messages are written with what they tell, for those who want them and nobody else.
#include <doctest/doctest.h>

#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

DomainOptions telling() {
    DomainOptions options;
    options.event_text = [](const OutsideEvent& event) { return std::string(event_type(event.kind)); };
    return options;
}

NewWebhook webhook(Rig& rig, WebhookRequest request) {
    request.url = "https://ops.example/";
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().create(rig.ticket(), request, now, out); });
    auto answers = rig.take<WebhookAnswer>();
    REQUIRE(answers.size() == 1);
    return answers[0].webhook.value();
}

std::vector<DueDelivery> told(Rig& rig) {
    std::vector<DueDelivery> all;
    for (const auto& one : rig.take<DeliveriesTold>())
        all.insert(all.end(), one.deliveries.begin(), one.deliveries.end());
    return all;
}

std::string body_of(Rig& rig, const DueDelivery& due) {
    return rig.store().outgoing(due.row).value()->body;
}

void record(Rig& rig, const DueDelivery& due, AttemptOutcome outcome) {
    Attempted attempted{due, {}, outcome, 0};
    attempted.attempt.n = due.attempts + 1;
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().record(attempted, now, out, nullptr); });
}

/// Its test, on its way.
DueDelivery tested(Rig& rig, WebhookId id) {
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().test(rig.ticket(), id, now, out); });
    return told(rig).at(0);
}

}  // namespace

TEST_CASE("nobody wants it: nothing is written") {
    Rig rig(telling());
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    CHECK(told(rig).empty());
    CHECK(rig.store().load().value().next_message == MessageRow{1});
}

TEST_CASE("a selector whose key is a known one but for a slip is refused; a label that no node has yet is not") {
    Rig rig(telling());
    (void)rig.enroll("gz-1");
    const auto refusal = [&](const std::string& selector) {
        WebhookRequest request{
            .url = "https://ops.example/", .description = {}, .events = {}, .selector = selector, .ttl_ms = {}};
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().create(rig.ticket(), request, now, out); });
        const auto answer = rig.take<WebhookAnswer>().at(0).webhook;
        return answer ? std::string() : answer.error().where + ": " + answer.error().detail;
    };
    CHECK(refusal("carier:ct") == R"(/selector: "carier:ct": no node has a label "carier"; did you mean "carrier"?)");
    CHECK(refusal("telecom -provnce:hainan").ends_with(R"(did you mean "province"?)"));
    CHECK(refusal("tier:core zone:south carrier:ct") == "");
    const WebhookId id = webhook(rig, {}).webhook.id;
    WebhookChange slip;
    slip.selector = "nods:gz-1";
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().change(rig.ticket(), id, slip, now, out); });
    CHECK(!rig.take<WebhookAnswer>().at(0).webhook);
}

TEST_CASE("the selector that is there already may be said again, whatever became of its label") {
    Rig rig(telling());
    const WebhookId id = webhook(rig, {}).webhook.id;
    WebhookRecord record = rig.store().load().value().webhooks.at(0);
    record.view.selector = "link:backbone";  // of a node that is gone
    REQUIRE(rig.store().apply(Batch{PutWebhook{record}}));
    rig.restart();
    WebhookChange form;
    form.selector = record.view.selector;
    form.description = "night shift";
    rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().change(rig.ticket(), id, form, now, out); });
    CHECK(rig.take<WebhookAnswer>().at(0).webhook);
    CHECK(rig.fsm().webhooks().get(id).value().view.description == "night shift");
}

TEST_CASE("what is enabled and said to be enabled goes on failing; what is disabled keeps why") {
    Rig rig(telling());
    const WebhookId id = webhook(rig, {}).webhook.id;
    const auto set = [&](bool enabled) {
        WebhookChange change;
        change.enabled = enabled;
        rig.act(
            [&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().change(rig.ticket(), id, change, now, out); });
        return rig.take<WebhookAnswer>().at(0).webhook.value().webhook;
    };
    const DueDelivery due = tested(rig, id);
    record(rig, due, AttemptOutcome::retry);
    CHECK(set(true).failing_since);
    rig.pass(5ULL * 24 * 3'600 * 1'000);
    record(rig, due, AttemptOutcome::retry);
    CHECK(set(false).disabled_reason == "no attempt has succeeded for 5 days");
    CHECK(!set(true).failing_since);
}

TEST_CASE("results and the run's end are told in their transaction, to those whose selector takes the line") {
    Rig rig(telling());
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    const auto all = webhook(rig, {});
    const auto telecom =
        webhook(rig, {.url = {}, .description = {}, .events = {}, .selector = "line:telecom", .ttl_ms = {}});
    REQUIRE(rig.ping("all"));
    told(rig);
    const auto tasks = agent.tasks();
    rig.hold_writes = true;
    for (const auto& task : tasks) agent.answer(task);
    CHECK(told(rig).empty());  // not before the commit
    rig.commit();
    std::size_t results = 0, ends = 0;
    for (const auto& due : told(rig)) {
        results += body_of(rig, due) == "io.edge.result.v1" ? 1 : 0;
        ends += body_of(rig, due) == "io.edge.run.finished.v1" ? 1 : 0;
    }
    CHECK(results == tasks.size() + 1);
    CHECK(ends == 2);
    CHECK(all.webhook.id != telecom.webhook.id);
}

TEST_CASE("a restart of the broker tells nothing of nodes that come back, and once of one that does not") {
    Rig rig(telling());
    TestAgent back(rig, rig.enroll("gz-1", 1)), lost(rig, rig.enroll("gz-2", 2));
    back.connect();
    lost.connect();
    webhook(rig, {.url = {}, .description = {}, .events = {EventKind::node_state}, .selector = {}, .ttl_ms = {}});
    rig.act([](DomainFsm& fsm, Now, Actions&) { fsm.stop_soon(); });
    back.leave();
    lost.leave();
    CHECK(told(rig).empty());
    rig.restart();
    back.connect();
    CHECK(told(rig).empty());
    rig.pass(90'000);
    const auto events = told(rig);
    REQUIRE(events.size() == 1);
    CHECK(body_of(rig, events[0]) == "io.edge.node.state_changed.v1");
    rig.pass(90'000);
    CHECK(told(rig).empty());
}

TEST_CASE("a rotated secret is another one, and the one before stays for a day") {
    Rig rig(telling());
    const auto made = webhook(rig, {});
    rig.act(
        [&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().rotate(rig.ticket(), made.webhook.id, now, out); });
    const auto rotated = rig.take<WebhookAnswer>().at(0).webhook.value();
    CHECK(rotated.secret != made.secret);
    CHECK(rotated.secret.starts_with("whsec_"));
    CHECK(*rotated.webhook.old_secret_until == rig.now().wall + 24ULL * 3'600 * 1'000'000);
}

TEST_CASE("410 disables it, and the others are told once; so do five days without a success") {
    for (const auto outcome : {AttemptOutcome::gone, AttemptOutcome::retry}) {
        Rig rig(telling());
        const auto watcher = webhook(rig, {});
        const auto made =
            webhook(rig, {.url = {}, .description = {}, .events = {EventKind::result}, .selector = {}, .ttl_ms = {}});
        const auto due = tested(rig, made.webhook.id);
        record(rig, due, outcome);
        if (outcome == AttemptOutcome::retry) {
            CHECK(told(rig).empty());
            rig.pass(5ULL * 24 * 3'600 * 1'000);
            record(rig, due, outcome);
        }
        const auto events = told(rig);
        REQUIRE(events.size() == 1);
        CHECK(body_of(rig, events[0]) == "io.edge.webhook.disabled.v1");
        record(rig, due, outcome);
        CHECK(told(rig).empty());
        const auto loaded = rig.store().load().value();
        CHECK(!loaded.webhooks.at(1).view.enabled);
        CHECK(!loaded.webhooks.at(1).view.disabled_reason.empty());
        rig.restart();
        CHECK(!rig.fsm().webhooks().get(made.webhook.id).value().view.enabled);
        CHECK(rig.fsm().webhooks().get(watcher.webhook.id).value().view.enabled);
    }
}

TEST_CASE("a test that fails is not the beginning of the endpoint's failing") {
    Rig rig(telling());
    const WebhookId id = webhook(rig, {}).webhook.id;
    const DueDelivery due = tested(rig, id);
    record(rig, due, AttemptOutcome::failed);
    CHECK(!rig.fsm().webhooks().get(id).value().view.failing_since);
    record(rig, due, AttemptOutcome::retry);
    CHECK(rig.fsm().webhooks().get(id).value().view.failing_since);
}

TEST_CASE("what is being removed is there for nobody, does not come back by a change, and stays if it is not stored") {
    Rig rig(telling());
    const WebhookId id =
        webhook(rig, {.url = {}, .description = {}, .events = {}, .selector = {}, .ttl_ms = 60'000}).webhook.id;
    const auto remove = [&] {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.webhooks().remove(rig.ticket(), id, now, out); });
    };
    const auto change_and_rotate = [&] {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
            WebhookChange change;
            change.description = "x";
            fsm.webhooks().change(rig.ticket(), id, change, now, out);
            fsm.webhooks().rotate(rig.ticket(), id, now, out);
        });
        return rig.take<WebhookAnswer>();
    };
    rig.hold_writes = true;
    remove();
    for (const auto& answer : change_and_rotate()) CHECK(answer.webhook.error().code == Errc::not_found);
    CHECK(rig.fsm().webhooks().list().empty());
    rig.take<EndpointTold>();
    rig.refuse();
    CHECK(!rig.take<WebhookAnswer>().at(0).webhook);
    CHECK(rig.take<EndpointTold>().at(0).is_enabled);
    REQUIRE(rig.fsm().webhooks().get(id));

    SUBCASE("by somebody, beside changes") {
        CHECK(change_and_rotate().empty());
        remove();
    }
    SUBCASE("by its time, beside changes") {
        CHECK(change_and_rotate().empty());
        rig.pass(60'000);
        for (const auto& answer : change_and_rotate()) CHECK(answer.webhook.error().code == Errc::not_found);
    }
    rig.commit();
    const auto answers = rig.take<WebhookAnswer>();
    CHECK(answers.size() == 3);
    for (const auto& answer : answers) CHECK(answer.webhook);
    CHECK(!rig.fsm().webhooks().get(id));
    CHECK(rig.fsm().webhooks().list().empty());
    CHECK(rig.store().load().value().webhooks.empty());
}

TEST_CASE("of two replays of one delivery the second is a conflict, and the next one after the first may be") {
    Rig rig(telling());
    const auto made = webhook(rig, {});
    const DueDelivery due = tested(rig, made.webhook.id);
    record(rig, due, AttemptOutcome::failed);
    rig.take<DeliveryAnswer>();
    const FoundDelivery found{due, DeliveryState::failed};  // both read this before either wrote
    const auto replay = [&] {
        rig.act([&](DomainFsm& fsm, Now now, Actions& out) {
            fsm.webhooks().replay(rig.ticket(), DeliveryId{}, found, now, out);
        });
    };
    rig.hold_writes = true;
    replay();
    replay();
    auto answers = rig.take<DeliveryAnswer>();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].delivery.error().code == Errc::conflict);
    rig.refuse();
    CHECK(!rig.take<DeliveryAnswer>().at(0).delivery);
    replay();
    rig.commit();
    CHECK(rig.take<DeliveryAnswer>().at(0).delivery);
    CHECK(told(rig).size() == 1);
    replay();
    rig.commit();
    CHECK(rig.take<DeliveryAnswer>().at(0).delivery);
}

TEST_CASE("a temporary one removes itself, after a restart as well") {
    Rig rig(telling());
    webhook(rig, {.url = {}, .description = {}, .events = {}, .selector = {}, .ttl_ms = 60'000});
    rig.pass(30'000);
    rig.restart();
    CHECK(rig.fsm().webhooks().list().size() == 1);
    rig.pass(30'000);
    CHECK(rig.fsm().webhooks().list().empty());
    CHECK(rig.store().load().value().webhooks.empty());
}

}  // namespace edge::broker
