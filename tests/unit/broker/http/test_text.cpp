#include <doctest/doctest.h>

#include "broker/http/http.hpp"
#include "broker/http/listen_address.hpp"
#include "broker/http/problem.hpp"
#include "broker/http/response_text.hpp"
#include "broker/http/router.hpp"
#include "broker/http/text.hpp"
#include "protocol/json/bounded.hpp"

using namespace edge::http;
using edge::Errc;
using edge::Error;

TEST_CASE("percent escapes are decoded once") {
    CHECK(percent_decode("/a%20b") == "/a b");
    CHECK(percent_decode("/a%2520") == "/a%20");
    for (const char* broken : {"%", "%4", "%zz", "%2f", "%2F", "%00", "%0a", "%7f"}) {
        CAPTURE(broken);
        CHECK_FALSE(percent_decode(broken));
    }
}

TEST_CASE("a query is names and values, each name once") {
    const auto query = parse_query("limit=5&cursor=a%2Fb+c&flag&=&");
    REQUIRE(query);
    CHECK(query.value().at("limit") == "5");
    CHECK(query.value().at("cursor") == "a/b c");
    CHECK(query.value().at("flag").empty());
    CHECK(parse_query("").value().empty());
    CHECK(parse_query("a=1&a=2").error().where == "a");
    CHECK(parse_query("a=%zz").error().detail == "a broken percent escape, or a control character");
    CHECK(parse_query("a=%0a").has_error());
}

TEST_CASE("header lists are searched without regard to case") {
    Request request;
    request.headers = {{"connection", "keep-alive, Upgrade"}, {"connection", "x"}};
    CHECK(request.header_lists("connection", "upgrade"));
    CHECK(request.header_lists("connection", "X"));
    CHECK_FALSE(request.header_lists("connection", "up"));
}

TEST_CASE("what goes into a log line cannot break out of it") {
    CHECK(for_log("a\"b\n\x1b[31m\xc2\x9b") == "a?b??[31m??");
}

namespace {
struct Row {
    std::string_view method, pattern;
    int number;
};
constexpr Row kTable[] = {
    {"GET", "/runs", 1}, {"POST", "/runs", 2}, {"GET", "/runs/{id}", 3}, {"GET", "/runs/{id}/tasks", 4}};
}  // namespace

TEST_CASE("paths lead to rows") {
    struct Case {
        const char *method, *path;
        int number;         // 0: none
        const char* allow;  // of the path
        const char* parameter;
    };
    const Case cases[] = {{"GET", "/runs", 1, "", ""},         {"POST", "/runs", 2, "", ""},
                          {"HEAD", "/runs", 1, "", ""},        {"DELETE", "/runs", 0, "GET, HEAD, POST", ""},
                          {"GET", "/runs/x", 3, "", "x"},      {"GET", "/runs/x/tasks", 4, "", "x"},
                          {"GET", "/runs/", 0, "", ""},        {"GET", "/runs//tasks", 0, "", ""},
                          {"GET", "/runs/x/", 0, "", ""},      {"GET", "/", 0, "", ""},
                          {"GET", "/RUNS", 0, "", ""},         {"GET", "/runs/x/tasks/y", 0, "", ""},
                          {"GET", "/runs/../runs", 0, "", ""}, {"POST", "/runs/x", 0, "GET, HEAD", ""}};
    for (const auto& c : cases) {
        CAPTURE(c.method);
        CAPTURE(c.path);
        const auto routed = route(std::span<const Row>(kTable), c.method, c.path);
        CHECK((routed.row ? routed.row->number : 0) == c.number);
        CHECK(routed.allow == c.allow);
        if (*c.parameter) CHECK(routed.parameters.at(0) == c.parameter);
    }
}

TEST_CASE("a response is what its parts say") {
    Response response{201, "application/json", {{"Location", "/x"}}, "{}"};
    const auto text = head_text(response, {"req_1", "Sun, 06 Nov 1994 08:49:37 GMT"});
    REQUIRE(text);
    CHECK(
        text.value() ==
        "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
        "application/json\r\nContent-Length: 2\r\nConnection: keep-alive\r\n"
        "X-Request-Id: req_1\r\nX-Content-Type-Options: nosniff\r\nLocation: /x\r\nCache-Control: no-store\r\n\r\n{}");
    const Response upgrade{426, "text/plain", {{"Upgrade", "websocket"}}, ""};
    CHECK(head_text(upgrade, {"r", "d"}).value().find("Connection: keep-alive, Upgrade\r\n") != std::string::npos);
    Envelope withheld{"req_1", "now"};
    withheld.body = Body::withheld;
    const std::string head = head_text(response, withheld).value();
    CHECK(head.find("Content-Length: 2") != std::string::npos);
    CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("no header breaks out of its line") {
    for (const auto& header : Headers{{"X-A", "b\r\nInjected: 1"},
                                      {"X-A", "b\n"},
                                      {"X-A", std::string("a\0", 2)},
                                      {"X A", "b"},
                                      {"", "b"},
                                      {"Content-Length", "9"}}) {
        CAPTURE(header.first);
        Response response{200, "application/json", {header}, ""};
        CHECK(head_text(response, {"r", "d"}).has_error());
    }
    CHECK(head_text({200, "text/html\r\nX: y", {}, ""}, {"r", "d"}).has_error());
}

TEST_CASE("chunks and dates have their form") {
    CHECK(chunk_text("hello, world, hello") == "13\r\nhello, world, hello\r\n");
    CHECK(chunk_text("").empty());
    CHECK(http_date(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("a problem says what, where and which request") {
    const Response response = problem_response(
        problem_of(Error{Errc::bad_value, "/params/count", "3000 is out of range"}), "/api/v1/jobs", "req_1");
    CHECK(response.status == 422);
    CHECK(response.content_type == "application/problem+json");
    CHECK(
        response.body ==
        R"({"type":"urn:edge:problem:invalid_body","title":"The body says something that cannot be done","status":422,)"
        R"("detail":"/params/count: 3000 is out of range","instance":"/api/v1/jobs","code":"invalid_body","request_id":"req_1",)"
        R"("errors":[{"pointer":"/params/count","code":"bad_value","message":"3000 is out of range"}]})");
}

TEST_CASE("what failed inside stays inside") {
    const Problem problem = problem_of(Error{Errc::io, "/var/lib/edge.db", "disk I/O error"});
    CHECK(problem.code == Code::internal);
    CHECK(problem.detail.find("edge.db") == std::string::npos);
}

TEST_CASE("each problem code stands once, with an error status") {
    for (const auto& kind : problem_kinds()) {
        CHECK(kind_named(kind.name).code == kind.code);
        CHECK(kind.status >= 400);
        CHECK(reason_phrase(kind.status) != "Unknown");
    }
}

TEST_CASE("listening addresses are addresses with a port") {
    for (const char* good : {"127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0", "[::]:65535"})
        CHECK(ListenAddress::parse(good).value().text() == good);
    for (const char* bad : {"", "8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                            "127.0.0.1:-1", "::1:80", "[127.0.0.1]:80", "127.0.0.1:80x"}) {
        CAPTURE(bad);
        CHECK(ListenAddress::parse(bad).has_error());
    }
    CHECK(ListenAddress::parse("127.8.0.1:1").value().is_loopback());
    CHECK(ListenAddress::parse("[::1]:1").value().is_loopback());
    CHECK_FALSE(ListenAddress::parse("[::]:1").value().is_loopback());
    CHECK_FALSE(ListenAddress::parse("10.0.0.1:1").value().is_loopback());
}
