#include "broker/api/operations.hpp"

namespace edge::broker::api {
namespace {

using prometheus::FleetFacts;
using prometheus::Role;
using Nodes = std::vector<NodeView>;
using Usages = std::vector<UsageView>;

}  // namespace

void get_metrics(CallPtr call) {
    const auto facts = std::make_shared<FleetFacts>();  // owners: the replies under way, one after the other
    const auto write = when_known<StoreView>(call, [facts, call](const Call& asked, const StoreView& store) {
        facts->store = store;
        asked.prometheus->metrics(std::move(*facts), [call](std::string text) {
            call->exchange->reply({200, prometheus::kTextType, {}, std::move(text)});
        });
    });
    const auto with_webhooks =
        when_known<WebhookTotals>(call, [facts, write](const Call& asked, const WebhookTotals& webhooks) {
            facts->webhooks = webhooks;
            asked.domain.store(write);
        });
    const auto with_usages = when_known<Usages>(call, [facts, with_webhooks](const Call& asked, Usages usages) {
        facts->usages = std::move(usages);
        asked.domain.webhooks().totals(with_webhooks);
    });
    call->domain.nodes(when_known<Nodes>(call, [facts, with_usages](const Call& asked, Nodes nodes) {
        facts->nodes = std::move(nodes);
        asked.domain.usages(with_usages);
    }));
}

void probe_for_prometheus(CallPtr call) {
    call->prometheus->probe(call->request, call->query, call->exchange);
}

void discover_for_prometheus(CallPtr call) {
    const auto asked_role = call->query.find("role");
    const auto role =
        asked_role == call->query.end() ? std::optional(Role::lines) : enum_value<Role>(asked_role->second);
    if (!role) {
        const char* expected = "expected nodes, lines or targets";
        return call->refuse(http::Problem{
            http::Code::bad_parameter, std::string("role: ") + expected, {{"role", "bad_value", expected}}});
    }
    const auto then = [role = *role, call](const Call& asked, Nodes nodes) {
        asked.prometheus->discovered(role, std::move(nodes),
                                     [call](std::string text) { call->reply(200, std::move(text)); });
    };
    call->domain.nodes(when_known<Nodes>(call, then));
}

}  // namespace edge::broker::api
