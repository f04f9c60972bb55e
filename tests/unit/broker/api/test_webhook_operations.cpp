#include <doctest/doctest.h>

#include "../fake_domain.hpp"
#include "broker/api/api.hpp"
#include "fake_exchange.hpp"
#include "schema_check.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

struct WebhookApi {
    FakeDomain domain;
    http::Handler handler = api::make_handler(domain, {"https://broker.test:7443", {}});
    Json document = parse_json(api::openapi_text(), {.bytes = 1 << 20, .depth = 32, .values = 100'000}).value();

    http::Response ask(const std::string& method, const std::string& path, const std::string& body = {},
                       const std::string& query = {}, const std::string& token = FakeDomain::kToken) {
        http::Request request;
        request.method = method;
        request.path = path;
        request.query = query;
        request.body = body;
        request.headers.emplace_back("authorization", "Bearer " + token);
        if (!body.empty()) request.headers.emplace_back("content-type", "application/json");
        auto exchange = std::make_shared<FakeExchange>();
        handler(std::move(request), exchange);
        return exchange->response.value();
    }
    Json json(const http::Response& response, int status, const std::string& schema) {
        CAPTURE(response.body);
        CHECK(response.status == status);
        const Json json = parse_json(response.body).value();
        CHECK(schema_error(document, schema, json) == "");
        return json;
    }
};

const std::string kHook = "/api/v1/webhooks/" + FakeWebhooks::webhook_id().text();
const std::string kDelivery = "/api/v1/deliveries/" + FakeWebhooks::delivery_id().text();

}  // namespace

TEST_CASE("webhooks and deliveries are exported flat, a cell each") {
    WebhookApi api;
    const auto csv = [&](const std::string& path, const std::string& query = {}) {
        http::Request request;
        request.method = "GET";
        request.path = path;
        request.query = query;
        request.headers = {{"authorization", std::string("Bearer ") + FakeDomain::kToken}, {"accept", "text/csv"}};
        auto exchange = std::make_shared<FakeExchange>();
        api.handler(std::move(request), exchange);
        if (exchange->response) return std::to_string(exchange->response->status);
        return exchange->events().text;
    };
    const std::string hooks = csv("/api/v1/webhooks");
    CAPTURE(hooks);
    CHECK(hooks.starts_with("id,state,url,description,events,selector,created_at,failing_since,disabled_reason,"));
    CHECK(hooks.find("\r\n" + FakeWebhooks::webhook_id().text() + ",enabled,https://ops.example/,") !=
          std::string::npos);
    CHECK(hooks.find_first_of("[{") == std::string::npos);
    const std::string deliveries = csv(kHook + "/deliveries", "state=failed");
    CAPTURE(deliveries);
    CHECK(deliveries.starts_with("id,webhook_id,message_id,state,type,subject,attempts,"));
    CHECK(std::ranges::count(deliveries, '\n') == 3);
    CHECK(deliveries.find_first_of("[{") == std::string::npos);
    CHECK(api.domain.webhooks_.last_filter.state == DeliveryState::failed);
    CHECK(csv("/api/v1/webhooks", "limit=3") == "400");
}

TEST_CASE("every answer about webhooks is what the document says") {
    WebhookApi api;
    const Json made = api.json(
        api.ask(
            "POST", "/api/v1/webhooks",
            R"({"url":"https://Ops.Example","events":["io.edge.result.v1"],"selector":"carrier:ct","ttl_ms":1000})"),
        201, "WebhookMade");
    CHECK(made["url"] == "https://ops.example/");
    CHECK(made["secret"] == "whsec_AAAA");
    CHECK(api.json(api.ask("GET", "/api/v1/webhooks"), 200, "WebhookPage")["items"].size() == 1);
    CHECK(!api.json(api.ask("GET", kHook), 200, "Webhook").contains("secret"));
    CHECK(api.json(api.ask("PATCH", kHook, R"({"enabled":false})"), 200, "Webhook")["enabled"] == false);
    CHECK(api.json(api.ask("POST", kHook + "/rotate-secret"), 200, "WebhookMade")["secret"] == "whsec_BBBB");
    api.json(api.ask("POST", kHook + "/test"), 202, "Delivery");
    api.json(api.ask("GET", kHook + "/deliveries", "", "state=failed&limit=3"), 200, "DeliveryPage");
    for (const char* path : {"/api/v1/webhooks", "/api/v1/join-tokens"}) {
        CAPTURE(path);
        const Json forged = api.json(api.ask("GET", path, "", "cursor=forged"), 400, "Problem");
        CHECK(forged["errors"][0]["pointer"] == "cursor");
    }
    CHECK(api.domain.webhooks_.last_filter.state == DeliveryState::failed);
    api.json(api.ask("GET", kHook + "/deliveries", "", "since_ms=5&until_ms=9"), 200, "DeliveryPage");
    CHECK(api.domain.webhooks_.last_filter.since == 5'000);
    CHECK(api.domain.webhooks_.last_filter.until == 9'000);
    for (const char* query : {"since_ms=-1", "since_ms=", "until_ms=9x", "until_ms=99999999999999999"})
        CHECK(api.ask("GET", kHook + "/deliveries", "", query).status == 400);
    const Json detail = api.json(api.ask("GET", kDelivery), 200, "DeliveryDetail");
    CHECK(detail["message"]["specversion"] == "1.0");
    CHECK(detail["attempt_list"][0]["response_body"].get<std::string>().starts_with("<script>"));
    api.json(api.ask("POST", kDelivery + "/replay"), 202, "Delivery");
    CHECK(api.json(api.ask("POST", kHook + "/replay"), 202, "Replayed")["replayed"] == 7);
    CHECK(api.domain.webhooks_.last_filter.state == DeliveryState::failed);
    api.json(api.ask("POST", kHook + "/replay", R"({"since_ms":5,"until_ms":9})"), 202, "Replayed");
    CHECK(!api.domain.webhooks_.last_filter.state);
    CHECK(api.domain.webhooks_.last_filter.until == 9'000);
    const auto removed = api.ask("DELETE", kHook);
    CHECK(removed.status == 204);
    CHECK(removed.body.empty());
}

TEST_CASE("what a webhook may not be is refused with its pointer") {
    WebhookApi api;
    for (const auto& [body, pointer] : std::vector<std::pair<std::string, std::string>>{
             {R"({"url":"http://ops.example/"})", "/url"},
             {R"({"url":"https://127.0.0.1/"})", "/url"},
             {R"({"url":"https://ops.example:8443/"})", "/url"},
             {R"({"url":"https://a:b@ops.example/"})", "/url"},
             {R"({"url":"https://ops.example/","events":["io.edge.result.v2"]})", "/events/0"},
             {R"({"url":"https://ops.example/","selector":"limit:3"})", "/selector"},
             {R"({"url":"https://ops.example/","ttl_ms":1})", "/ttl_ms"},
             {R"({"url":"https://ops.example/","secret":"mine"})", "/secret"}}) {
        CAPTURE(body);
        CHECK(api.json(api.ask("POST", "/api/v1/webhooks", body), 422, "Problem")["errors"][0]["pointer"] == pointer);
    }
    CHECK(api.ask("POST", kHook + "/replay", R"({"state":"pending"})").status == 422);
    CHECK(api.ask("GET", kHook + "/deliveries", "", "state=lost").status == 400);
    api.domain.webhooks_.is_disabled = true;
    CHECK(api.ask("POST", kHook + "/test").status == 409);
    CHECK(api.ask("GET", "/api/v1/webhooks/hook_x").status == 404);
    CHECK(api.ask("GET", "/api/v1/webhooks/" + WebhookId{}.text()).status == 404);
    CHECK(api.ask("GET", "/api/v1/deliveries/" + DeliveryId{}.text()).status == 404);
}

TEST_CASE("only an administrator handles webhooks") {
    WebhookApi api;
    for (const auto& route : api::route_facts()) {
        std::string path(route.pattern);
        if (path.find("/webhooks") == std::string::npos && path.find("/deliveries") == std::string::npos) continue;
        const auto at = path.find("{id}");
        const bool of_delivery = path.find("/deliveries/") != std::string::npos;
        if (at != std::string::npos)
            path.replace(at, 4, of_delivery ? FakeWebhooks::delivery_id().text() : FakeWebhooks::webhook_id().text());
        CAPTURE(path);
        CHECK(api.ask(std::string(route.method), path, "", "", "edgep_reader").status == 403);
    }
}
