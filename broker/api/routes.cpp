#include <algorithm>
#include <array>

#include "broker/api/api.hpp"
#include "broker/api/authentication.hpp"
#include "broker/api/operations.hpp"
#include "broker/http/text.hpp"

namespace edge::broker::api {
namespace {

struct Route {
    std::string_view method;
    std::string_view pattern;
    std::string_view operation_id;
    Auth auth;
    void (*operation)(CallPtr);
    std::string_view takes = {};  // the parameters, with a space between
    bool acts = false;            // it does something, though it is a GET
};
constexpr std::string_view kPage = "limit cursor";
constexpr std::string_view kSearch = "q limit cursor";
constexpr std::string_view kSorted = "q sort limit cursor";
constexpr std::string_view kTop = "limit sort";

bool takes(const Route& route, std::string_view parameter) {
    std::string_view rest = route.takes;
    while (!rest.empty()) {
        const auto word = rest.substr(0, rest.find(' '));
        if (word == parameter) return true;
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return false;
}

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/healthz", "getHealth", Auth::none, get_health},
    {"GET", "/readyz", "getReadiness", Auth::none, get_readiness},
    {"GET", "/api/v1/version", "getVersion", Auth::none, get_version},
    {"GET", "/api/v1/openapi.json", "getOpenapi", Auth::none, get_openapi},
    {"POST", "/api/v1/session", "createSession", Auth::none, create_session},
    {"GET", "/api/v1/session", "getSession", Auth::bearer, get_session},
    {"DELETE", "/api/v1/session", "deleteSession", Auth::none, delete_session},
    {"POST", "/api/v1/sign-in-codes", "createSignInCode", Auth::bearer, create_sign_in_code},
    {"POST", "/api/v1/jobs", "createJob", Auth::bearer, create_job},
    {"GET", "/api/v1/jobs", "listJobs", Auth::bearer, list_jobs, kSearch},
    {"GET", "/api/v1/jobs/{id}", "getJob", Auth::bearer, get_job},
    {"PATCH", "/api/v1/jobs/{id}", "changeJob", Auth::bearer, change_job},
    {"DELETE", "/api/v1/jobs/{id}", "deleteJob", Auth::bearer, delete_job},
    {"GET", "/api/v1/jobs/{id}/runs", "listJobRuns", Auth::bearer, list_job_runs, kSearch},
    {"GET", "/api/v1/runs", "listRuns", Auth::bearer, list_runs, kSearch},
    {"GET", "/api/v1/runs/{id}", "getRun", Auth::bearer, get_run},
    {"POST", "/api/v1/runs/{id}/cancel", "cancelRun", Auth::bearer, cancel_run},
    {"GET", "/api/v1/runs/{id}/tasks", "listRunTasks", Auth::bearer, list_run_tasks, kPage},
    {"GET", "/api/v1/runs/{id}/results", "listRunResults", Auth::bearer, list_run_results, kPage},
    {"GET", "/api/v1/runs/{id}/events", "streamRunEvents", Auth::bearer, stream_run_events},
    {"GET", "/api/v1/results/{id}", "getResult", Auth::bearer, get_result},
    {"GET", "/api/v1/nodes", "listNodes", Auth::bearer, list_nodes, kSorted},
    {"GET", "/api/v1/nodes/{node}", "getNode", Auth::bearer, get_node},
    {"GET", "/api/v1/nodes/{node}/usage", "getNodeUsage", Auth::bearer, get_node_usage},
    {"GET", "/api/v1/usage/nodes", "topNodes", Auth::bearer, top_nodes, kTop},
    {"GET", "/api/v1/usage/lines", "topLines", Auth::bearer, top_lines, kTop},
    {"GET", "/api/v1/nodes/{node}/events", "listNodeEvents", Auth::bearer, list_node_events, kPage},
    {"POST", "/api/v1/nodes/{node}/revoke", "revokeNode", Auth::bearer, revoke_node},
    {"POST", "/api/v1/nodes/{node}/approve", "approveNode", Auth::bearer, approve_node},
    {"POST", "/api/v1/nodes/{node}/reject", "rejectNode", Auth::bearer, reject_node},
    {"POST", "/api/v1/nodes/{node}/rotate-key", "rotateNodeKey", Auth::bearer, rotate_node_key},
    {"GET", "/api/v1/lines", "listLines", Auth::bearer, list_lines, kSorted},
    {"GET", "/api/v1/selection", "countSelection", Auth::bearer, count_selection, "q service"},
    {"GET", "/api/v1/overview", "getOverview", Auth::bearer, get_overview},
    {"GET", "/api/v1/stream", "openStream", Auth::bearer, open_stream},
    {"GET", "/metrics", "getMetrics", Auth::bearer, get_metrics},
    {"GET", "/probe", "probeForPrometheus", Auth::bearer, probe_for_prometheus,
     "target module hostname debug node line from", true},
    {"GET", "/api/v1/prometheus/sd", "discoverForPrometheus", Auth::bearer, discover_for_prometheus, "role"},
    {"POST", "/api/v1/join-tokens", "createJoinToken", Auth::bearer, create_join_token},
    {"GET", "/api/v1/join-tokens", "listJoinTokens", Auth::bearer, list_join_tokens, kPage},
    {"DELETE", "/api/v1/join-tokens/{id}", "revokeJoinToken", Auth::bearer, revoke_join_token},
    {"POST", "/api/v1/join-tokens:batch", "createJoinTokens", Auth::bearer, create_join_tokens},
    {"POST", "/api/v1/webhooks", "createWebhook", Auth::bearer, create_webhook},
    {"GET", "/api/v1/webhooks", "listWebhooks", Auth::bearer, list_webhooks, kPage},
    {"GET", "/api/v1/webhooks/{id}", "getWebhook", Auth::bearer, get_webhook},
    {"PATCH", "/api/v1/webhooks/{id}", "changeWebhook", Auth::bearer, change_webhook},
    {"DELETE", "/api/v1/webhooks/{id}", "deleteWebhook", Auth::bearer, delete_webhook},
    {"POST", "/api/v1/webhooks/{id}/rotate-secret", "rotateWebhookSecret", Auth::bearer, rotate_webhook_secret},
    {"POST", "/api/v1/webhooks/{id}/test", "testWebhook", Auth::bearer, test_webhook},
    {"POST", "/api/v1/webhooks/{id}/replay", "replayWebhook", Auth::bearer, replay_webhook},
    {"GET", "/api/v1/webhooks/{id}/deliveries", "listWebhookDeliveries", Auth::bearer, list_webhook_deliveries,
     "limit cursor state since_ms until_ms"},
    {"GET", "/api/v1/deliveries/{id}", "getDelivery", Auth::bearer, get_delivery},
    {"POST", "/api/v1/deliveries/{id}/replay", "replayDelivery", Auth::bearer, replay_delivery},
});

constexpr auto kFacts = [] {
    std::array<RouteFacts, kRoutes.size()> facts{};
    for (std::size_t i = 0; i < facts.size(); ++i)
        facts[i] = {kRoutes[i].method, kRoutes[i].pattern, kRoutes[i].operation_id, kRoutes[i].auth};
    return facts;
}();

void refuse_token(const Call& call, std::string detail, std::string_view error) {
    std::string challenge = "Bearer realm=\"edge\"";
    if (!error.empty()) challenge.append(", error=\"").append(error).append("\"");
    call.refuse(http::Problem{http::Code::unauthorized, std::move(detail), {}}, {{"WWW-Authenticate", challenge}});
}

void operate(const Route& route, CallPtr call) {
    Credentials credentials = credentials_of(call->request);
    const Reached reached{came_by_tls(call->request, call->options->api_tls), route.acts};
    if (const auto objection = objection_to_sender(call->request, credentials, reached))
        return call->refuse(http::Problem{http::Code::denied, *objection, {}});
    if (route.auth == Auth::none) return route.operation(std::move(call));
    if (credentials.token.empty())
        return refuse_token(*call, "send Authorization: Bearer with a token of this broker", "");
    call->domain.authenticate(std::move(credentials.token), [call, &route](Result<Principal> principal) {
        if (!principal && principal.error().code == Errc::denied)
            return refuse_token(*call, "the token is not of this broker, or no longer", "invalid_token");
        if (!principal) return call->refuse(principal.error());
        call->principal = principal.value();
        // A body is decoded on the connection's thread; without one the domain's thread asks the domain itself.
        if (call->request.body.empty()) return route.operation(call);
        call->exchange->post([call, &route] { route.operation(call); });
    });
}

/// Parameters nobody reads are mistakes: `?limt=5` would answer 100.
bool check_query(const Route& route, Call& call) {
    auto query = http::parse_query(call.request.query);
    std::string wrong;
    if (!query) {
        wrong = query.error().where + ": " + query.error().detail;
    } else {
        for (const auto& [name, value] : query.value()) {
            if (!takes(route, name)) wrong = "unknown parameter \"" + name + "\"";
        }
    }
    if (wrong.empty()) {
        call.query = std::move(query.value());
        return true;
    }
    call.refuse(http::Problem{http::Code::bad_parameter, std::move(wrong), {}});
    return false;
}

/// What every call has from its handler.
struct Kept {
    std::shared_ptr<const ApiOptions> options;
    std::shared_ptr<SignInCodes> sign_in_codes;
    std::shared_ptr<prometheus::Prometheus> prometheus;
};

void handle(http::Request request, std::shared_ptr<http::Exchange> exchange, Domain& domain, const Kept& kept) {
    auto routed = http::route(std::span<const Route>(kRoutes), request.method, request.path);
    const bool is_there = routed.row != nullptr || !routed.allow.empty();
    if (!is_there && kept.options->elsewhere && !request.path.starts_with("/api/"))
        return kept.options->elsewhere(std::move(request), std::move(exchange));
    auto call = std::make_shared<Call>(Call{domain,
                                            kept.options,
                                            kept.sign_in_codes,
                                            kept.prometheus,
                                            std::move(request),
                                            std::move(routed.parameters),
                                            {},
                                            {},
                                            std::move(exchange)});
    if (!is_there)
        return call->refuse(http::Problem{http::Code::not_found, "no such path; /api/v1/openapi.json lists them", {}});
    if (!routed.row)
        return call->refuse(http::Problem{http::Code::method_not_allowed, "allowed: " + routed.allow, {}},
                            {{"Allow", routed.allow}});
    if (check_query(*routed.row, *call)) operate(*routed.row, std::move(call));
}

}  // namespace

std::span<const RouteFacts> route_facts() {
    return kFacts;
}

http::Handler make_handler(Domain& domain, ApiOptions options) {
    auto prometheus = std::make_shared<prometheus::Prometheus>(domain, options.prometheus);
    return
        [&domain, kept = Kept{std::make_shared<const ApiOptions>(std::move(options)), std::make_shared<SignInCodes>(),
                              std::move(prometheus)}](http::Request request, std::shared_ptr<http::Exchange> exchange) {
            handle(std::move(request), std::move(exchange), domain, kept);
        };
}

}  // namespace edge::broker::api
