// A request to the API with everything in it that a stranger with a token may choose: path, query, headers, body. It is
// answered, with a problem or with JSON; and what reaches the domain has passed its checks.
#include "broker/api/api.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/unit/broker/api/fake_exchange.hpp"
#include "tests/unit/broker/fake_domain.hpp"
#include "tests/unit/broker/fake_live.hpp"

/// The document is text of ours.
std::string_view edge::broker::api::openapi_text() {
    return "{}";
}

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

std::string take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// Four lines (`POST /api/v1/jobs`, the query, Prefer, Idempotency-Key), then the body.
http::Request request_of(std::string_view text) {
    http::Request request;
    const std::string first = take_line(text);
    const auto space = std::min(first.find(' '), first.size());
    request.method = first.substr(0, space);
    request.path = first.substr(std::min(space + 1, first.size()));
    request.query = take_line(text);
    request.headers = {{"authorization", std::string("Bearer ") + FakeDomain::kToken},
                       {"prefer", take_line(text)},
                       {"idempotency-key", take_line(text)},
                       {"content-type", "application/json"}};
    request.body = text;
    request.id = "req_1";
    return request;
}

/// What Prometheus asks for is answered in its format.
bool is_for_prometheus(const http::Request& request) {
    return request.path == "/metrics" || request.path == "/probe" || request.path == "/api/v1/prometheus/sd";
}

void check(const http::Response& response) {
    fuzz::demand(response.status >= 200 && response.status < 600, "an answer has a status");
    fuzz::demand(response.status != 500, "nothing a client says is our mistake");
    const auto json = parse_json(response.body, JsonLimits{.bytes = 1 << 20, .depth = 40, .values = 100'000});
    fuzz::demand(json && json.value().is_object(), "an answer is a JSON object");
    if (response.status < 400) return;
    fuzz::demand(response.content_type == "application/problem+json", "an error is a problem");
    fuzz::demand(json.value()["status"] == response.status && json.value()["request_id"] == "req_1",
                 "a problem says its status and whose it is");
}

void check(const JobRequest& job) {
    fuzz::demand(bool(edge::check(job.spec)), "a job's spec has passed its checks");
    fuzz::demand(!job.selector.empty() && job.selector.size() <= 1024, "a selector is neither empty nor endless");
    fuzz::demand(job.terms.repeat >= 1 && job.terms.repeat <= 1000, "a job repeats in bounds");
    fuzz::demand(job.labels.size() <= 32 && job.idempotency_key.size() <= 255, "labels and key have a bound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FakeDomain domain;
    domain.add_node({});
    const auto handler = api::make_handler(domain, {"https://broker.test:7443", std::make_shared<FakeLive>()});
    const auto exchange = std::make_shared<FakeExchange>();
    const auto request = request_of(fuzz::text_of(data, size));
    if (!request.path.starts_with('/')) return 0;  // the server lets no other come
    handler(request, exchange);
    exchange->fire();  // Prefer: wait is over
    if (!domain.last_request.selector.empty()) check(domain.last_request);
    fuzz::demand(domain.last_page.limit >= 1 && domain.last_page.limit <= 500, "a page has a size");
    fuzz::demand(domain.last_page.cursor.size() <= 512, "a cursor has a bound");
    fuzz::demand(exchange->response || exchange->is_streaming(), "each request is answered");
    if (exchange->response && !is_for_prometheus(request)) check(*exchange->response);
    return 0;
}
