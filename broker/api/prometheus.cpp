#include "broker/api/operations.hpp"

namespace edge::broker::api {
namespace {

using prometheus::Role;
using Nodes = std::vector<NodeView>;
using Usages = std::vector<UsageView>;

}  // namespace

void get_metrics(CallPtr call) {
    const auto then = [call](const Call& asked, Nodes nodes) {
        const auto write = [nodes = std::move(nodes)](const Call& again, const Usages& usages) {
            again.exchange->reply({200, prometheus::kTextType, {}, again.prometheus->metrics(nodes, usages)});
        };
        asked.domain.usages(when_known<Usages>(call, write));
    };
    call->domain.nodes(when_known<Nodes>(call, then));
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
    const auto then = [role = *role](const Call& asked, const Nodes& nodes) {
        asked.reply(200, asked.prometheus->discovered(role, nodes));
    };
    call->domain.nodes(when_known<Nodes>(call, then));
}

}  // namespace edge::broker::api
