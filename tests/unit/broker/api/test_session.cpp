#include <doctest/doctest.h>

#include "../fake_domain.hpp"
#include "broker/api/api.hpp"
#include "broker/api/authentication.hpp"
#include "broker/api/sign_in_codes.hpp"
#include "fake_exchange.hpp"
#include "protocol/json/bounded.hpp"
#include "tests/unit/broker/response_header.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;
using namespace std::chrono_literals;

namespace {

const std::string kGoodCookie = std::string("edge_session=") + FakeDomain::kToken;
const std::pair<std::string, std::string> kHost{"host", "broker.test:8080"};
const std::pair<std::string, std::string> kOurPage{"origin", "http://broker.test:8080"};
const std::pair<std::string, std::string> kOtherPage{"origin", "http://evil.test"};

struct Broker {
    FakeDomain domain;
    http::Handler handler;
    explicit Broker(bool tls = false)
        : handler(api::make_handler(domain, {"https://broker.test:7443", nullptr, tls})) {}

    http::Response ask(std::string method, std::string path, http::Headers headers, std::string body = {}) {
        http::Request request;
        request.method = std::move(method);
        request.path = std::move(path);
        request.headers = std::move(headers);
        request.headers.push_back(kHost);
        if (!body.empty()) request.headers.emplace_back("content-type", "application/json");
        request.body = std::move(body);
        const auto exchange = std::make_shared<FakeExchange>();
        handler(std::move(request), exchange);
        return exchange->response.value();
    }
    http::Response sign_in(const std::string& body) { return ask("POST", "/api/v1/session", {kOurPage}, body); }
    http::Response as_admin(const std::string& method, const std::string& path) {
        return ask(method, path, {{"authorization", std::string("Bearer ") + FakeDomain::kToken}});
    }
    std::string new_code() {
        return parse_json(as_admin("POST", "/api/v1/sign-in-codes").body).value()["code"].get<std::string>();
    }
};

}  // namespace

TEST_CASE("a token becomes a session whose cookie no script reads and no other site sends") {
    Broker plain;
    const auto signed_in = plain.sign_in(R"({"token":"edgep_good"})");
    CHECK(signed_in.status == 204);
    CHECK(header(signed_in, "Set-Cookie") ==
          "edge_session=edgep_good; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000");
    Broker tls(true);
    const std::string token = R"({"token":"edgep_good"})";
    CHECK(tls.sign_in(token).status == 403);  // a page that came by http
    const auto secure = tls.ask("POST", "/api/v1/session", {{"origin", "https://broker.test:8080"}}, token);
    CHECK(header(secure, "Set-Cookie").ends_with("; Max-Age=2592000; Secure"));
    const auto out = plain.ask("DELETE", "/api/v1/session", {kOurPage});
    CHECK(out.status == 204);
    CHECK(header(out, "Set-Cookie") == "edge_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
}

TEST_CASE(
    "behind a proxy that speaks TLS the cookie goes by TLS alone, and pages that came otherwise are of elsewhere") {
    Broker plain;
    const std::string token = R"({"token":"edgep_good"})";
    const std::pair<std::string, std::string> by_tls{"x-forwarded-proto", "https"};
    const std::pair<std::string, std::string> https_page{"origin", "https://broker.test:8080"};
    const auto cookie = [&](const std::pair<std::string, std::string>& proto) {
        return header(plain.ask("POST", "/api/v1/session", {https_page, proto}, token), "Set-Cookie");
    };
    CHECK(cookie(by_tls).ends_with("; Max-Age=2592000; Secure"));
    CHECK(cookie({"x-forwarded-proto", "HTTPS , http"}).ends_with("; Secure"));
    CHECK(cookie({"x-forwarded-proto", "http, https"}).ends_with("; Max-Age=2592000"));
    CHECK(header(plain.ask("DELETE", "/api/v1/session", {https_page, by_tls}), "Set-Cookie").ends_with("; Secure"));
    CHECK(plain.ask("POST", "/api/v1/session", {kOurPage, by_tls}, token).status == 403);
    const auto code = plain.ask("POST", "/api/v1/sign-in-codes", {{"authorization", "Bearer edgep_good"}, by_tls});
    CHECK(parse_json(code.body).value()["url"].get<std::string>().starts_with("https://broker.test:8080/"));
}

TEST_CASE("what is no sign-in sets no cookie") {
    Broker broker;
    struct Case {
        const char* body;
        int status;
    };
    const Case cases[] = {
        {R"({"token":"edgep_bad"})", 401}, {R"({"token":""})", 401}, {R"({"code":"01jd3w0c5yq9v8w7x6y5z4a3b2"})", 401},
        {R"({"code":""})", 401},           {R"({})", 422},           {R"({"token":"edgep_good","code":"x"})", 422},
        {R"({"tokn":"edgep_good"})", 422}, {R"("edgep_good")", 422}, {"{", 400}};
    for (const auto& one : cases) {
        CAPTURE(one.body);
        const auto answer = broker.sign_in(one.body);
        CHECK(answer.status == one.status);
        CHECK(header(answer, "Set-Cookie") == "");
    }
    CHECK(broker.ask("POST", "/api/v1/session", {kOurPage}).status == 415);
    CHECK(broker.ask("POST", "/api/v1/session", {kOtherPage}, R"({"token":"edgep_good"})").status == 403);
}

TEST_CASE("a sign-in link works once, and only an administrator makes one") {
    Broker broker;
    const auto made = broker.as_admin("POST", "/api/v1/sign-in-codes");
    CHECK(made.status == 201);
    const Json json = parse_json(made.body).value();
    const std::string code = json["code"];
    CHECK(json["url"] == "http://broker.test:8080/#code=" + code);
    const auto first = broker.sign_in(R"({"code":")" + code + R"("})");
    CHECK(first.status == 204);
    CHECK(header(first, "Set-Cookie").starts_with(kGoodCookie + ";"));
    CHECK(broker.sign_in(R"({"code":")" + code + R"("})").status == 401);
    CHECK(broker.ask("POST", "/api/v1/sign-in-codes", {{"authorization", "Bearer edgep_reader"}}).status == 403);
    CHECK(broker.new_code() != broker.new_code());
}

TEST_CASE("a sign-in code ends by being used, by age, and when many came after it") {
    api::SignInCodes codes;
    const auto start = std::chrono::steady_clock::time_point() + 1h;
    const std::string first = codes.issue("a", start);
    const std::string second = codes.issue("b", start + 1min);
    CHECK_FALSE(codes.redeem(first, start + 10min));
    CHECK(codes.redeem(second, start + 10min) == "b");
    CHECK_FALSE(codes.redeem(second, start + 10min));
    const std::string third = codes.issue("c", start + 20min);
    for (std::size_t i = 1; i < api::SignInCodes::kMost; ++i) codes.issue("d", start + 20min);
    CHECK(codes.redeem(third, start + 20min) == "c");
    const std::string fourth = codes.issue("e", start + 20min);
    for (std::size_t i = 0; i < api::SignInCodes::kMost; ++i) codes.issue("f", start + 20min);
    CHECK_FALSE(codes.redeem(fourth, start + 20min));
}

TEST_CASE("with the cookie, what changes something has to come from the broker's own page") {
    Broker broker;
    const std::pair<std::string, std::string> cookie{"cookie", kGoodCookie};
    const std::pair<std::string, std::string> bearer{"authorization", std::string("Bearer ") + FakeDomain::kToken};
    struct Case {
        const char *method, *path;
        http::Headers headers;
        int status;
    };
    const Case cases[] = {
        {"GET", "/api/v1/session", {cookie}, 200},
        {"GET", "/api/v1/session", {cookie, kOurPage}, 200},
        {"GET", "/api/v1/session", {cookie, kOtherPage}, 403},
        {"GET", "/api/v1/session", {{"cookie", "edge_session=edgep_bad"}}, 401},
        {"GET", "/api/v1/session", {}, 401},
        {"POST", "/api/v1/sign-in-codes", {cookie, kOurPage}, 201},
        {"POST", "/api/v1/sign-in-codes", {cookie, {"sec-fetch-site", "same-origin"}}, 201},
        {"POST", "/api/v1/sign-in-codes", {cookie, {"sec-fetch-site", "same-site"}}, 403},
        {"POST", "/api/v1/sign-in-codes", {cookie, {"sec-fetch-site", "none"}}, 403},
        {"POST", "/api/v1/sign-in-codes", {cookie}, 403},
        {"POST", "/api/v1/sign-in-codes", {cookie, kOtherPage}, 403},
        {"POST", "/api/v1/sign-in-codes", {cookie, {"origin", "http://broker.test:8081"}}, 403},
        {"POST", "/api/v1/sign-in-codes", {cookie, {"origin", "null"}}, 403},
        {"POST", "/api/v1/sign-in-codes", {bearer}, 201},
        {"POST", "/api/v1/sign-in-codes", {bearer, kOurPage}, 201},
        {"POST", "/api/v1/sign-in-codes", {bearer, kOtherPage}, 403},
        {"GET", "/healthz", {kOtherPage}, 403},
        {"GET", "/healthz", {}, 200},
    };
    for (const auto& one : cases) {
        CAPTURE(one.method);
        CAPTURE(one.path);
        for (const auto& [name, value] : one.headers) CAPTURE(name + ": " + value);
        CHECK(broker.ask(one.method, one.path, one.headers).status == one.status);
    }
}

TEST_CASE("every operation that changes something refuses a page of elsewhere, whatever it brings") {
    Broker broker;
    int refused = 0;
    for (const auto& route : api::route_facts()) {
        if (route.method == "GET") continue;
        const std::string path(route.pattern);
        CAPTURE(path);
        for (const auto& origin : {"http://evil.test", "http://broker.test:81", "https://xbroker.test:8080", "null"}) {
            const auto answer =
                broker.ask(std::string(route.method), path, {{"cookie", kGoodCookie}, {"origin", origin}}, "{}");
            CHECK(answer.status == 403);
            CHECK(header(answer, "Access-Control-Allow-Origin") == "");
            ++refused;
        }
    }
    CHECK(refused >= 20);
}

TEST_CASE("an upgrade by cookie is objected to unless the page is ours") {
    http::Request request;
    request.method = "GET";
    request.headers = {kHost, {"upgrade", "websocket"}, {"cookie", kGoodCookie}};
    CHECK(api::objection_to_sender(request, api::credentials_of(request), {}));
    request.headers.push_back(kOurPage);
    CHECK_FALSE(api::objection_to_sender(request, api::credentials_of(request), {}));
    request.headers.back() = kOtherPage;
    CHECK(api::objection_to_sender(request, api::credentials_of(request), {}));
    request.headers = {kHost, {"upgrade", "websocket"}, {"authorization", "Bearer edgep_good"}};
    CHECK_FALSE(api::objection_to_sender(request, api::credentials_of(request), {}));
}

TEST_CASE("what acts by GET is not asked by a page that does not say whose it is") {
    Broker broker;
    const std::string probe = "/probe";
    CHECK(broker.ask("GET", probe, {{"cookie", kGoodCookie}}).status == 403);
    CHECK(broker.ask("HEAD", probe, {{"cookie", kGoodCookie}}).status == 403);
    CHECK(broker.ask("GET", probe, {{"authorization", "Bearer edgep_good"}}).status != 403);
    CHECK(broker.ask("GET", "/api/v1/version", {{"cookie", kGoodCookie}}).status == 200);
}

TEST_CASE("paths outside /api that lead nowhere go to whoever has the console") {
    FakeDomain domain;
    api::ApiOptions options;
    options.elsewhere = [](const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
        exchange->reply({200, "text/html", {}, "page of " + request.path});
    };
    const auto handler = api::make_handler(domain, options);
    const auto status = [&](const char* method, const char* path) {
        http::Request request;
        request.method = method;
        request.path = path;
        const auto exchange = std::make_shared<FakeExchange>();
        handler(std::move(request), exchange);
        return std::pair(exchange->response->status, exchange->response->content_type);
    };
    CHECK(status("GET", "/") == std::pair(200, std::string("text/html")));
    CHECK(status("GET", "/runs/run_1") == std::pair(200, std::string("text/html")));
    CHECK(status("GET", "/healthz") == std::pair(200, std::string("application/json")));
    CHECK(status("POST", "/healthz").first == 405);
    CHECK(status("GET", "/api/v1/nothing").first == 404);
    CHECK(status("GET", "/api/").first == 404);
}
