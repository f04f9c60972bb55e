// The REST API: a handler for the HTTP server, over the domain.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "broker/domain/domain.hpp"
#include "broker/http/http.hpp"
#include "broker/prometheus/prometheus.hpp"
#include "broker/webhooks/receiver_rule.hpp"

namespace edge::broker::live {
class Live;
}

namespace edge::broker::api {

enum class Auth { none, bearer };

/// A row of the route table, as the OpenAPI document has to say it.
struct RouteFacts {
    std::string_view method;
    std::string_view pattern;
    std::string_view operation_id;
    Auth auth = Auth::bearer;
};
std::span<const RouteFacts> route_facts();

/// broker/api/openapi.json, as it was when this was built.
std::string_view openapi_text();

struct ApiOptions {
    std::string gateway_url;             // where agents enroll; told with a join token
    std::shared_ptr<live::Live> live{};  // overview and stream. Owners: the handler and who made it
    bool api_tls = false;                // this API is reached by https
    http::Handler elsewhere =
        {};  // for paths outside /api that lead to no operation (the console); null: they are not found
    prometheus::Settings prometheus{};
    webhooks::ReceiverRule receivers{};  // which of them a webhook may name
};

/// Executor: called on the connections' threads. `domain` outlives the server's I/O threads.
http::Handler make_handler(Domain& domain, ApiOptions options);

}  // namespace edge::broker::api
