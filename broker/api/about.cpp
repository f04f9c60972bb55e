#include "broker/api/api.hpp"
#include "broker/api/operations.hpp"

namespace edge::broker::api {

namespace {

/// No reason to be taken out of service: other nodes are served, and a copied key alone could bring it about.
Json store_behind(std::size_t nodes) {
    return {{"code", "store_behind"},
            {"detail",
             "nodes that are kept out because the store is older than their last session: " + std::to_string(nodes) +
                 "; if a backup was put in its place, stop the broker and run edge-broker restore "
                 "--in-place, else look at these nodes' events"}};
}

}  // namespace

void get_health(CallPtr call) {
    call->reply(200, R"({"status":"ok"})");
}

void get_readiness(CallPtr call) {
    call->domain.ready([call](Result<Readiness> ready) {
        if (!ready || !ready.value().is_writable)
            return call->refuse(http::Problem{http::Code::unavailable, "the store takes no writes", {}});
        Json body = {{"status", "ready"}};
        if (ready.value().nodes_ahead > 0) body["warnings"].push_back(store_behind(ready.value().nodes_ahead));
        call->reply(200, dump_json(body));
    });
}

void get_version(CallPtr call) {
    const Json version = {{"version", EDGE_VERSION}, {"api", "v1"}, {"link", link::kSubprotocol}};
    call->reply(200, dump_json(version));
}

void get_openapi(CallPtr call) {
    call->reply(200, std::string(openapi_text()), {{"Cache-Control", "max-age=300"}});
}

}  // namespace edge::broker::api
