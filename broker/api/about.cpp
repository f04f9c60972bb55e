#include "broker/api/api.hpp"
#include "broker/api/operations.hpp"

namespace edge::broker::api {

void get_health(CallPtr call) {
    call->reply(200, R"({"status":"ok"})");
}

void get_readiness(CallPtr call) {
    call->domain.ready([call](Result<bool> ready) {
        if (ready && ready.value()) return call->reply(200, R"({"status":"ready"})");
        call->refuse(http::Problem{http::Code::unavailable, "the store takes no writes", {}});
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
