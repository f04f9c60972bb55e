#include <doctest/doctest.h>

#include <algorithm>

#include "../fake_domain.hpp"
#include "../fake_live.hpp"
#include "broker/api/api.hpp"
#include "broker/api/csv.hpp"
#include "broker/api/views_json.hpp"
#include "fake_exchange.hpp"
#include "protocol/rfc3339.hpp"
#include "schema_check.hpp"
#include "tests/unit/broker/response_header.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

struct Asked {
    std::string method = "GET";
    std::string path;
    std::string body{};
    http::Headers headers{};
    std::string query{};
    std::string token = FakeDomain::kToken;
};

struct Api {
    FakeDomain domain;
    std::shared_ptr<FakeLive> live = std::make_shared<FakeLive>();
    http::Handler handler = api::make_handler(domain, {"https://broker.test:7443", live});
    Json document = parse_json(api::openapi_text(), {.bytes = 1 << 20, .depth = 32, .values = 100'000}).value();

    std::shared_ptr<FakeExchange> begin(Asked asked) {
        http::Request request;
        request.method = asked.method;
        request.path = asked.path;
        request.query = asked.query;
        request.body = asked.body;
        request.headers = asked.headers;
        if (!asked.token.empty()) request.headers.emplace_back("authorization", "Bearer " + asked.token);
        if (!asked.body.empty()) request.headers.emplace_back("content-type", "application/json");
        request.id = "req_1";
        auto exchange = std::make_shared<FakeExchange>();
        handler(std::move(request), exchange);
        return exchange;
    }
    http::Response ask(Asked asked) { return begin(std::move(asked))->response.value(); }
    http::Response get(const std::string& path, const std::string& query = "") {
        return ask({"GET", path, "", {}, query});
    }
    http::Response post(const std::string& path, const std::string& body, http::Headers headers = {}) {
        return ask({"POST", path, body, std::move(headers)});
    }

    Json json(const http::Response& response, const std::string& schema) {
        const Json json = parse_json(response.body).value();
        CHECK(schema_error(document, schema, json) == "");
        return json;
    }
    Json problem(const http::Response& response, int status, const std::string& code) {
        CHECK(response.status == status);
        CHECK(response.content_type == "application/problem+json");
        const Json body = json(response, "Problem");
        CHECK(body["code"] == code);
        CHECK(body["request_id"] == "req_1");
        return body;
    }
    RunId start_run() {
        CHECK(post("/api/v1/jobs", kJob).status == 202);
        return FakeDomain::id<RunId>(3);
    }

    static constexpr const char* kJob =
        R"({"service":"ping","params":{"target":"198.51.100.10","count":3},"selector":"all"})";
};

/// Of so many lines, by a client that has no room after the first page.
std::shared_ptr<FakeExchange> begin_export(Api& api, std::size_t lines) {
    api.domain.add_node({});
    api.domain.line_count = lines;
    auto exchange = std::make_shared<FakeExchange>();
    exchange->has_room = false;
    http::Request request;
    request.method = "GET";
    request.path = "/api/v1/lines";
    request.headers = {{"accept", "text/csv"}, {"authorization", "Bearer " + std::string(FakeDomain::kToken)}};
    api.handler(request, exchange);
    return exchange;
}

}  // namespace

TEST_CASE("what needs no token says so, everything else wants one") {
    Api api;
    for (const auto& route : api::route_facts()) {
        std::string path(route.pattern);
        CAPTURE(path);
        const auto exchange = api.begin({std::string(route.method), path, "", {}, "", ""});
        if (route.auth == api::Auth::none) {
            CHECK(exchange->response->status != 401);
        } else {
            api.problem(*exchange->response, 401, "unauthorized");
            CHECK(header(*exchange->response, "WWW-Authenticate") == "Bearer realm=\"edge\"");
        }
    }
    const auto wrong = api.ask({"GET", "/api/v1/nodes", "", {}, "", "edgep_bad"});
    api.problem(wrong, 401, "unauthorized");
    CHECK(header(wrong, "WWW-Authenticate") == "Bearer realm=\"edge\", error=\"invalid_token\"");
    const auto basic = api.ask({"GET", "/api/v1/nodes", "", {{"authorization", "Basic eDp5"}}, "", ""});
    api.problem(basic, 401, "unauthorized");
}

TEST_CASE("paths and methods that are not there") {
    Api api;
    api.problem(api.get("/"), 404, "not_found");
    api.problem(api.get("/api/v2/nodes"), 404, "not_found");
    const auto response = api.ask({"DELETE", "/api/v1/jobs"});
    api.problem(response, 405, "method_not_allowed");
    CHECK(header(response, "Allow") == "POST, GET, HEAD");
    CHECK(api.ask({"HEAD", "/healthz"}).status == 200);
}

TEST_CASE("health, readiness, version and document") {
    Api api;
    CHECK(api.get("/healthz").body == R"({"status":"ok"})");
    CHECK(api.get("/readyz").body == R"({"status":"ready"})");
    CHECK(!api.json(api.get("/readyz"), "Readiness").contains("warnings"));
    api.domain.readiness.nodes_ahead = 2;
    const Json warned = api.json(api.get("/readyz"), "Readiness");
    REQUIRE(warned["warnings"].size() == 1);
    CHECK(warned["warnings"][0]["code"] == "store_behind");
    CHECK(warned["warnings"][0]["detail"].get<std::string>().find(": 2;") != std::string::npos);
    api.domain.readiness.is_writable = false;
    api.problem(api.get("/readyz"), 503, "unavailable");
    CHECK(api.json(api.get("/api/v1/version"), "Version")["link"] == "edge.v1");
    CHECK(api.get("/api/v1/openapi.json").body == api::openapi_text());
}

TEST_CASE("a job becomes a run") {
    Api api;
    const auto response = api.post("/api/v1/jobs", Api::kJob, {{"idempotency-key", "k1"}});
    CHECK(response.status == 202);
    CHECK(header(response, "Location") == "/api/v1/runs/" + FakeDomain::id<RunId>(3).text());
    api.json(response, "Run");
    CHECK(
        response.body ==
        R"({"id":"run_01000000000000000000000003","job_id":"job_01000000000000000000000002","origin":"api","service":"ping","target":"198.51.100.10","selector":"all",)"
        R"("state":"running","created_at":"2025-11-22T09:00:00.125Z","tasks":{"total":1,"queued":0,"running":1,"succeeded":0,"failed":0,"timed_out":0,)"
        R"("canceled":0,"expired":0,"lost":0},)"
        R"("timeouts":{"schedule_to_start_ms":0,"accept_ms":0,"start_to_close_ms":0,"schedule_to_close_ms":0}})");
    CHECK(api.domain.last_request.idempotency_key == "k1");
    CHECK(std::get<PingSpec>(api.domain.last_request.spec).count == 3);
    CHECK(api.domain.last_request.fingerprint == sha256(as_bytes(Api::kJob)));
    CHECK(api.domain.last_request.terms.repeat == 1);
}

TEST_CASE("a wrong job is refused with a pointer to what is wrong") {
    struct Case {
        const char* body;
        int status;
        const char *code, *pointer;
    };
    const Case cases[] = {
        {"{", 400, "bad_json", ""},
        {"[]", 422, "invalid_body", "/"},
        {R"({"service":"ping","params":{"target":"a"}})", 422, "invalid_body", "/selector"},
        {R"({"service":"ping","params":{"target":"a"},"selector":""})", 422, "invalid_body", "/selector"},
        {R"({"service":"pong","params":{},"selector":"all"})", 422, "invalid_body", "/service"},
        {R"({"service":"ping","params":{},"selector":"all"})", 422, "invalid_body", "/params/target"},
        {R"({"service":"ping","params":{"target":"a","count":3000},"selector":"all"})", 422, "invalid_body",
         "/params/count"},
        {R"({"service":"ping","params":{"target":"a","count":4294967297},"selector":"all"})", 422, "invalid_body",
         "/params/count"},
        {R"({"service":"ping","params":{"target":"a","cuont":3},"selector":"all"})", 422, "invalid_body",
         "/params/cuont"},
        {R"({"service":"http","params":{"target":"http://a/","headers":[{"name":"X","value":"a\r\nb"}]},"selector":"all"})",
         422, "invalid_body", "/params/headers/0/value"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"all","selektor":"x"})", 422, "invalid_body",
         "/selektor"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"all","run_within_ms":0})", 422, "invalid_body",
         "/run_within_ms"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"all","when_unknown":"maybe"})", 422, "invalid_body",
         "/when_unknown"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"all","labels":{"a":1}})", 422, "invalid_body",
         "/labels/a"},
        {R"({"service":"ping","service":"dns"})", 422, "invalid_body", ""},
        {R"({"service":"ping","params":{"target":"a"},"selector":"telecm"})", 422, "no_match", "/selector"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"(("})", 422, "invalid_body", "/selector"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"crowd"})", 429, "too_many_tasks", ""},
        {R"({"service":"ping","params":{"target":"a"},"selector":"stern"})", 422, "not_lent", "/selector"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"eager"})", 429, "too_many_probes", "/params/target"},
        {R"({"service":"ping","params":{"target":"a"},"selector":"all","require_level":"bpf"})", 422, "invalid_body",
         "/require_level"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.body);
        Api api;
        const Json problem = api.problem(api.post("/api/v1/jobs", c.body), c.status, c.code);
        if (*c.pointer) CHECK(problem["errors"][0]["pointer"] == c.pointer);
    }
}

TEST_CASE("a probe's parameter beside params is told where it belongs") {
    Api api;
    const auto detail = [&api](const char* body) {
        const Json problem = api.problem(api.post("/api/v1/jobs", body), 422, "invalid_body");
        return problem["errors"][0]["pointer"].get<std::string>() + " " +
               problem["errors"][0]["message"].get<std::string>();
    };
    CHECK(detail(R"({"service":"ping","target":"a","selector":"all"})") ==
          "/target a job has no target; did you mean params.target?");
    CHECK(detail(R"({"service":"dns","type":"MX","params":{"target":"a"},"selector":"all"})") ==
          "/type a job has no type; did you mean params.type?");
    CHECK(detail(R"({"service":"ping","params":{"target":"a"},"selektor":"all"})") ==
          "/selektor unknown key \"selektor\"; did you mean \"selector\"?");
}

TEST_CASE(
    "a required level goes to the domain, who was left out is answered, and a target's cap says when to come again") {
    Api api;
    const auto response = api.post(
        "/api/v1/jobs", R"({"service":"ping","params":{"target":"a"},"selector":"some","require_level":"nft-guard"})");
    CHECK(api.domain.last_request.terms.require_level == EnforcedBy::nft);
    const Json run = api.json(response, "Run");
    CHECK(run["left_out"]["total"] == 2);
    CHECK(run["left_out"]["lines"][0]["node"]["name"] == "gz-2");
    CHECK(run["left_out"]["lines"][0]["reason"] == "the node does not lend ping");
    CHECK(run["away"]["total"] == 1);
    CHECK(run["away"]["nodes"][0]["name"] == "gz-3");
    api.post("/api/v1/jobs", Api::kJob);
    CHECK(api.domain.last_request.terms == JobTerms{});
    api.post("/api/v1/jobs", R"({"service":"ping","params":{"target":"a"},"selector":"some","run_within_ms":1500,)"
                             R"("when_unknown":"elsewhere"})");
    CHECK(api.domain.last_request.terms == JobTerms{.run_within_ms = 1'500, .when_unknown = WhenUnknown::elsewhere});
    const auto eager = api.post("/api/v1/jobs", R"({"service":"ping","params":{"target":"a"},"selector":"eager"})");
    CHECK(header(eager, "Retry-After") == "10");

    const auto exchange = api.begin({"POST",
                                     "/api/v1/jobs",
                                     R"({"service":"ping","params":{"target":"a"},"selector":"some"})",
                                     {{"prefer", "wait=10"}}});
    api.domain.finish_run();
    REQUIRE(exchange->response);
    CHECK(api.json(*exchange->response, "Run")["left_out"]["total"] == 2);
    exchange->fire();  // its timer holds it
}

TEST_CASE("usage is shown of one node, and of all by what they used most") {
    Api api;
    CHECK(api.get("/api/v1/usage/nodes").body == R"({"items":[]})");
    for (const auto& [name, bytes, cpu] :
         {std::tuple{"gz-1", 100u, 900u}, {"gz-2", 300u, 100u}, {"sh-1", 200u, 500u}}) {
        UsageView usage;
        usage.node = {FakeDomain::id<NodeId>(7), NodeName::parse(name).value()};
        usage.told_at = 1'763'802'000'125'000;
        usage.facts.interval_ms = 60'000;
        usage.facts.host.cpu_permille = cpu;
        usage.facts.lines = {{.name = LineName::parse("telecom").value(), .sent_bytes = bytes},
                             {.name = LineName::parse("unicom").value(), .sent_bytes = 1, .received_bytes = 3 * bytes}};
        usage.history.resize(1);
        usage.history[0].told_at = usage.told_at;
        usage.history[0].sent_bytes = bytes;
        api.domain.usages_.push_back(usage);
    }
    const auto names = [&](const Json& page) {
        std::string all;
        for (const auto& item : page["items"])
            all += item["node"]["name"].get<std::string>() +
                   (item.contains("name") ? "/" + item["name"].get<std::string>() : "") + " ";
        return all;
    };
    CHECK(names(api.json(api.get("/api/v1/usage/nodes"), "NodeUsageTop")) == "gz-2 sh-1 gz-1 ");
    CHECK(names(api.json(api.get("/api/v1/usage/nodes", "sort=cpu&limit=2"), "NodeUsageTop")) == "gz-1 sh-1 ");
    // A node that lies, or a counter that wrapped: the sum stays a number that every JSON reader takes.
    constexpr std::uint64_t largest = std::uint64_t{1} << 53;
    const auto honest = api.domain.usages_;
    for (auto& line : api.domain.usages_.back().facts.lines) line.sent_bytes = largest;
    CHECK(api.json(api.get("/api/v1/usage/nodes", "limit=1"), "NodeUsageTop")["items"][0]["sent_bytes"] == largest);
    api.domain.usages_ = honest;
    CHECK(names(api.json(api.get("/api/v1/usage/lines", "limit=3"), "LineUsageTop")) ==
          "gz-2/unicom sh-1/unicom gz-1/unicom ");
    CHECK(names(api.json(api.get("/api/v1/usage/lines", "sort=sent&limit=1"), "LineUsageTop")) == "gz-2/telecom ");
    api.problem(api.get("/api/v1/usage/nodes", "sort=beauty"), 400, "bad_parameter");
    api.problem(api.get("/api/v1/usage/nodes", "cursor=x"), 400, "bad_parameter");
    const Json one = api.json(api.get("/api/v1/nodes/gz-1/usage"), "NodeUsage");
    CHECK(one["lines"].size() == 2);
    CHECK(one["history"][0]["sent_bytes"] == 100);
    api.problem(api.get("/api/v1/nodes/nobody/usage"), 404, "not_found");
}

TEST_CASE("bodies of another type, too deep or without a key's right are refused") {
    Api api;
    api.problem(api.ask({"POST", "/api/v1/jobs", "", {{"content-type", "text/plain"}}}), 415, "unsupported_media_type");
    api.problem(api.ask({"POST", "/api/v1/jobs"}), 415, "unsupported_media_type");
    api.problem(api.post("/api/v1/jobs", std::string(100'000, '[')), 413, "too_large");
    api.problem(api.post("/api/v1/jobs", Api::kJob, {{"idempotency-key", "used"}}), 422, "idempotency_key_reused");
    api.problem(api.post("/api/v1/jobs", Api::kJob, {{"idempotency-key", std::string(256, 'k')}}), 400,
                "bad_parameter");
}

TEST_CASE("a run is canceled by a POST without a body") {
    Api api;
    const std::string path = "/api/v1/runs/" + api.start_run().text();
    for (const char* body : {"", "{}"}) {
        const auto response = api.post(path + "/cancel", body);
        CHECK(response.status == 202);
        CHECK(header(response, "Location") == path);
        CHECK(api.json(response, "Run")["tasks"]["canceled"] == 1);
    }
    CHECK(api.problem(api.post(path + "/cancel", R"({"why":1})"), 422, "invalid_body")["errors"][0]["pointer"] ==
          "/why");
    api.problem(api.post("/api/v1/runs/run_01000000000000000000000009/cancel", ""), 404, "not_found");
    api.problem(api.get(path + "/cancel"), 405, "method_not_allowed");
}

TEST_CASE("Prefer: wait answers with the finished run and its results") {
    Api api;
    const auto exchange = api.begin({"POST", "/api/v1/jobs", Api::kJob, {{"prefer", "respond-async, wait=10"}}});
    CHECK_FALSE(exchange->response);
    REQUIRE(exchange->timers.size() == 1);
    CHECK(exchange->timers[0].first == 10'000);
    api.domain.finish_run();
    REQUIRE(exchange->response);
    CHECK(exchange->response->status == 200);
    CHECK(header(*exchange->response, "Preference-Applied") == "wait=10");
    const Json run = api.json(*exchange->response, "Run");
    CHECK(run["state"] == "finished");
    REQUIRE(run["results"].size() == 1);
    CHECK(run["results"][0]["detail"]["sent"] == 3);
    exchange->fire();
    CHECK(api.domain.subscribers() == 0);
}

TEST_CASE("Prefer: wait gives up in time") {
    Api api;
    const auto exchange = api.begin({"POST", "/api/v1/jobs", Api::kJob, {{"prefer", "wait=1"}}});
    CHECK(api.domain.subscribers() == 1);
    exchange->fire();
    REQUIRE(exchange->response);
    CHECK(exchange->response->status == 202);
    CHECK(api.json(*exchange->response, "Run")["state"] == "running");
    CHECK(api.domain.subscribers() == 0);
    api.domain.finish_run();
    for (const char* odd : {"wait=0", "wait=x", "waits=3", "return=minimal"})
        CHECK(api.post("/api/v1/jobs", Api::kJob, {{"prefer", odd}}).status == 202);
    const auto longest = api.begin({"POST", "/api/v1/jobs", Api::kJob, {{"prefer", "wait=9999"}}});
    CHECK(longest->timers.at(0).first == 120'000);
    longest->fire();  // as every timer of an exchange does, or ends with it: until then the two hold each other
    CHECK(api.domain.subscribers() == 0);
}

TEST_CASE("runs, tasks and results are read back") {
    Api api;
    const std::string run = "/api/v1/runs/" + api.start_run().text();
    api.domain.finish_run();
    CHECK(api.json(api.get(run), "Run")["finished_at"] == "2025-11-22T09:00:00.156Z");
    CHECK(api.json(api.get("/api/v1/runs"), "RunPage")["items"].size() == 1);
    CHECK(api.json(api.get(run + "/tasks"), "TaskPage")["items"][0]["state"] == "succeeded");
    CHECK(api.json(api.get(run + "/results", "limit=7&cursor=abc"), "ResultPage")["items"].size() == 1);
    api.domain.task_count = 5;
    const Json page = api.json(api.get(run + "/tasks", "limit=2&cursor=1"), "TaskPage");
    CHECK(page["items"].size() == 2);
    CHECK(page["next_cursor"] == "3");
    api.get(run + "/results", "limit=7&cursor=abc");
    CHECK(api.domain.last_page.limit == 7);
    CHECK(api.domain.last_page.cursor == "abc");
    const auto result = api.get("/api/v1/results/" + FakeDomain::id<ResultId>(1).text());
    api.json(result, "Result");
    CHECK(
        result.body ==
        R"({"id":"res_01000000000000000000000001","run_id":"run_01000000000000000000000003","task_id":"task_01000000000000000000000004","attempt":1,)"
        R"("node":{"id":"node_01000000000000000000000007","name":"gz-1"},"line":{"name":"telecom","carrier":"ct"},"service":"ping","target":"198.51.100.10",)"
        R"("status":"ok","started_at":"2025-11-22T09:00:00.131Z","ended_at":"2025-11-22T09:00:00.156Z","queued_us":412,"summary":{"duration_us":25000,"rtt_us":12204},)"
        R"("evidence":{"src_addr":"100.64.1.2","src_port":0,"dst_addr":"","dst_port":0,"ifname":"","ifindex":0,"fwmark":0,"table":0,"enforced_by":"none",)"
        R"("verified":true,"mismatch_reason":""},"resolved":[],"concurrency":0,"superseded":false,"truncated":false,"detail":{"sent":3,"rcvd":3}})");
    api.json(api.get("/api/v1/jobs/" + FakeDomain::id<JobId>(2).text()), "Job");
    CHECK(api.json(api.get("/api/v1/jobs"), "JobPage")["next_cursor"] == "next");
}

TEST_CASE("ids that are none and things that are not there are 404") {
    Api api;
    for (const char* path :
         {"/api/v1/runs/x", "/api/v1/runs/run_x/tasks", "/api/v1/runs/job_01000000000000000000000002",
          "/api/v1/runs/run_01000000000000000000000009", "/api/v1/results/1",
          "/api/v1/jobs/run_01000000000000000000000009", "/api/v1/nodes/nobody",
          "/api/v1/runs/run_01000000000000000000000009/events"}) {
        CAPTURE(path);
        api.problem(api.get(path), 404, "not_found");
    }
}

TEST_CASE("pages have bounds, and parameters nobody reads are refused") {
    Api api;
    for (const char* query : {"limit=0", "limit=501", "limit=1e9", "limit=-1", "limit=", "limit=5&limit=6", "limt=5",
                              "cursor=", "cursor=%zz"}) {
        CAPTURE(query);
        api.problem(api.get("/api/v1/runs", query), 400, "bad_parameter");
    }
    api.problem(api.get("/api/v1/runs", "cursor=" + std::string(600, 'x')), 400, "bad_parameter");
    api.problem(api.get("/healthz", "x=1"), 400, "bad_parameter");
    CHECK(api.get("/api/v1/runs", "limit=500").status == 200);
    const Json forged = api.problem(api.get("/api/v1/jobs", "cursor=forged"), 400, "bad_parameter");
    CHECK(forged["errors"][0]["pointer"] == "cursor");
}

TEST_CASE("nodes and lines are shown") {
    Api api;
    CHECK(api.get("/api/v1/nodes").body == R"({"items":[],"total":0})");
    api.domain.add_node({});
    const auto nodes = api.get("/api/v1/nodes");
    CHECK(api.json(nodes, "NodePage")["items"][0]["lines"][0]["enforced_by"] == "bpf");
    api.json(api.get("/api/v1/nodes/gz-1"), "Node");
    api.json(api.get("/api/v1/nodes/" + FakeDomain::id<NodeId>(7).text()), "Node");
    CHECK(api.json(api.get("/api/v1/lines"), "NodeLinePage")["items"][0]["node"]["name"] == "gz-1");
}

TEST_CASE("lists hand q, sort and the page on, and say how many there are") {
    Api api;
    api.domain.add_node({});
    api.domain.line_count = 3;
    const Json page =
        api.json(api.get("/api/v1/lines", "q=carrier%3Act+-state:up&sort=-carrier&limit=2"), "NodeLinePage");
    CHECK(page["items"].size() == 2);
    CHECK(page["total"] == 3);
    CHECK(page["next_cursor"] == "2");
    CHECK(api.domain.last_list.q == "carrier:ct -state:up");
    CHECK(api.domain.last_list.sort == "-carrier");
    CHECK(api.domain.last_list.page.limit == 2);
    api.get("/api/v1/runs", "q=service:ping");
    CHECK(api.domain.last_list.q == "service:ping");
    const Json wrong = api.problem(api.get("/api/v1/nodes", "q=(("), 400, "bad_parameter");
    CHECK(wrong["errors"][0]["pointer"] == "q");
    api.problem(api.get("/api/v1/runs", "sort=name"), 400, "bad_parameter");  // newest first, always
}

TEST_CASE("a list is exported whole, page by page, as CSV and as lines of JSON") {
    Api api;
    api.domain.add_node({});
    api.domain.line_count = 1'203;
    const auto csv = api.begin({"GET", "/api/v1/lines", "", {{"accept", "text/csv"}}, "q=telecom"});
    REQUIRE(csv->is_streaming());
    CHECK(csv->head.content_type.starts_with("text/csv"));
    CHECK(csv->events().closed);
    CHECK(csv->events().text.starts_with("node,line,carrier,state,"));
    CHECK(std::ranges::count(csv->events().text, '\n') == 1'204);
    CHECK(api.domain.last_list.q == "telecom");
    const auto json =
        api.begin({"GET", "/api/v1/lines", "", {{"accept", "application/json;q=0.1, application/x-ndjson"}}, ""});
    REQUIRE(json->is_streaming());
    CHECK(std::ranges::count(json->events().text, '\n') == 1'203);
    CHECK(parse_json(json->events().text.substr(0, json->events().text.find('\n'))).value()["name"] == "telecom");
}

TEST_CASE("an export that cannot go on is cut, so that nobody takes it for whole") {
    Api api;
    const auto exchange = begin_export(api, 600);
    SUBCASE("the list has become another") {
        api.domain.refuse_lists = true;
    }
    SUBCASE("the client takes nothing") {
        exchange->events().refuse_kept = true;
    }
    std::exchange(exchange->events().room, nullptr)();
    CHECK(exchange->events().aborted);
    CHECK_FALSE(exchange->events().closed);
}

TEST_CASE("an export waits for its client, and what is wrong with it is a problem") {
    Api api;
    const auto exchange = begin_export(api, 600);
    CHECK(std::ranges::count(exchange->events().text, '\n') == 501);
    CHECK(!exchange->events().closed);
    std::exchange(exchange->events().room, nullptr)();
    CHECK(std::ranges::count(exchange->events().text, '\n') == 601);
    CHECK(exchange->events().closed);
    const auto ask = [&](const std::string& query) {
        return api.ask({"GET", "/api/v1/nodes", "", {{"accept", "text/csv"}}, query});
    };
    api.problem(ask("q=(("), 400, "bad_parameter");
    api.problem(ask("limit=5"), 400, "bad_parameter");
    api.problem(ask("cursor=5"), 400, "bad_parameter");
}

TEST_CASE("a cell of CSV is quoted where it must be, and is no formula") {
    CHECK(api::csv_row({"a", "", "b c"}) == "a,,b c\r\n");
    CHECK(api::csv_row({"a,b", "say \"no\"", "two\nlines"}) == "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n");
    CHECK(api::csv_row({"=1+1", "@x", "+x", "-x"}) == "\"'=1+1\",\"'@x\",\"'+x\",\"'-x\"\r\n");
    CHECK(api::csv_row({"-12", "12"}) == "-12,12\r\n");
}

TEST_CASE("the stream takes the handshake of a WebSocket that speaks its protocol, and nothing else") {
    Api api;
    const http::Headers good{{"connection", "Upgrade"},
                             {"upgrade", "websocket"},
                             {"sec-websocket-version", "13"},
                             {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                             {"sec-websocket-protocol", "edge.stream.v1"}};
    const auto without = [&](std::string_view name) {
        http::Headers headers = good;
        std::erase_if(headers, [&](const auto& one) { return one.first == name; });
        return api.ask({"GET", "/api/v1/stream", "", headers});
    };
    CHECK(api.begin({"GET", "/api/v1/stream", "", good})->upgraded != nullptr);
    api.problem(without("upgrade"), 426, "upgrade_required");
    api.problem(without("sec-websocket-version"), 426, "upgrade_required");
    api.problem(without("sec-websocket-key"), 400, "bad_request");
    api.problem(without("sec-websocket-protocol"), 400, "bad_request");
    const auto stranger = api.begin({"GET", "/api/v1/stream", "", good, "", "edgep_bad"});
    api.problem(*stranger->response, 401, "unauthorized");
    CHECK(stranger->upgraded == nullptr);
}

TEST_CASE("a selector is counted, and one that matches nothing says why") {
    Api api;
    CHECK(api.json(api.get("/api/v1/selection", "q=all"), "Selection")["lines"] == 84);
    CHECK(api.json(api.get("/api/v1/selection", "q=all&service=ping"), "Selection")["lines"] == 2);
    const Json none = api.json(api.get("/api/v1/selection", "q=telecm"), "Selection");
    CHECK(none["lines"] == 0);
    CHECK(none["reason"] == "nothing matches \"telecm\"");
    api.problem(api.get("/api/v1/selection", "q=(("), 400, "bad_parameter");
    api.problem(api.get("/api/v1/selection", "q=all&service=pong"), 400, "bad_parameter");
    api.problem(api.get("/api/v1/selection"), 400, "bad_parameter");
}

TEST_CASE("a line's health and what became of a node are shown") {
    Api api;
    api.problem(api.get("/api/v1/nodes/gz-9/events"), 404, "not_found");
    link::LineHealth health{.checks = {{"anchor", "198.51.100.20", "ping", link::CheckState::failed, "timeout"}},
                            .egress = {"203.0.113.7"},
                            .origin = "AS9808 cm",
                            .identity = link::Identity::mismatch};
    api.domain.add_node({}, health);
    const Json line = api.json(api.get("/api/v1/lines"), "NodeLinePage")["items"][0];
    CHECK(line["health"]["identity"] == "mismatch");
    CHECK(line["health"]["checks"][0]["state"] == "failed");
    CHECK(api.json(api.get("/api/v1/nodes/gz-1"), "Node")["lines"][0]["health"] == line["health"]);

    api.domain.events = {{2, FakeDomain::kNow, NodeEventKind::line_state, "telecom", "", "down", "no carrier"},
                         {1, FakeDomain::kNow, NodeEventKind::connected, "", "", "", ""}};
    const Json events = api.json(api.get("/api/v1/nodes/gz-1/events"), "NodeEventPage")["items"];
    REQUIRE(events.size() == 2);
    CHECK(events[0] == Json{{"at", "2025-11-22T09:00:00.125Z"},
                            {"kind", "line_state"},
                            {"line", "telecom"},
                            {"became", "down"},
                            {"reason", "no carrier"}});
    CHECK(events[1] == Json{{"at", "2025-11-22T09:00:00.125Z"}, {"kind", "connected"}});
    CHECK(api.json(api.get("/api/v1/nodes/gz-1/events", "limit=1"), "NodeEventPage")["next_cursor"] == "more");
}

TEST_CASE("join tokens are made by administrators and shown once") {
    Api api;
    const auto made = api.post("/api/v1/join-tokens", R"({"node":"gz-1","ttl_ms":60000})");
    CHECK(made.status == 201);
    const Json token = api.json(made, "JoinTokenMade");
    CHECK(token["token"] == "edgej_secret");
    CHECK(token["gateway_url"] == "https://broker.test:7443");
    CHECK(token["expires_at"] == "2025-11-22T09:01:00.125Z");
    CHECK(api.ask({"POST", "/api/v1/join-tokens"}).status == 201);
    const auto list = api.get("/api/v1/join-tokens");
    const Json first = api.json(list, "JoinTokenPage")["items"][0];
    CHECK(first["used"] == 1);
    CHECK(first["cidrs"] == Json{"192.0.2.0/24"});
    CHECK(list.body.find("edgej_") == std::string::npos);
    for (const char* body : {R"({"ttl_ms":0})", R"({"node":"Not A Name"})", R"({"names":"x"})", R"({"cidrs":["x"]})",
                             R"({"labels":{"a":7}})", R"({"nodes":[{"labels":{}}]})"}) {
        CAPTURE(body);
        api.problem(api.post("/api/v1/join-tokens", body), 422, "invalid_body");
    }
    const Json problem = api.problem(api.post("/api/v1/join-tokens", R"({"labels":{"bad":"x"}})"), 422, "invalid_body");
    CHECK(problem["errors"][0]["pointer"] == "/labels");
    api.problem(api.ask({"POST", "/api/v1/join-tokens", "{}", {}, "", "edgep_reader"}), 403, "denied");
}

TEST_CASE("a join token may be for many: uses, addresses, labels, approval, names") {
    Api api;
    CHECK(api.post("/api/v1/join-tokens",
                   R"({"uses":40,"cidrs":["192.0.2.0/24","2001:db8::/32"],"labels":{"tier":"core"},"approve":true})")
              .status == 201);
    const JoinTokenTerms& terms = api.domain.wanted_tokens.at(0);
    CHECK(terms.uses == 40);
    CHECK(terms.cidrs.size() == 2);
    CHECK(terms.labels.at("tier") == "core");
    CHECK(terms.approve);
    const auto named =
        api.post("/api/v1/join-tokens", R"({"nodes":[{"name":"gz-1","labels":{"city":"x"}},{"name":"gz-2"}]})");
    CHECK(api.json(named, "JoinTokenMade")["names"] == 2);
    CHECK(api.domain.wanted_tokens.at(0).uses == 2);
    const auto revoked = api.ask({"DELETE", "/api/v1/join-tokens/" + FakeDomain::id<TokenId>(5).text()});
    CHECK(api.json(revoked, "JoinToken")["revoked_at"] == "2025-11-22T09:00:00.125Z");
    api.problem(api.ask({"DELETE", "/api/v1/join-tokens/" + FakeDomain::id<TokenId>(6).text()}), 404, "not_found");
    api.problem(api.ask({"DELETE", "/api/v1/join-tokens/x"}), 404, "not_found");
    api.problem(api.ask({"DELETE", "/api/v1/join-tokens/x", "", {}, "", "edgep_reader"}), 403, "denied");
}

TEST_CASE("a batch makes a token for each node, in order, or says which node is wrong") {
    Api api;
    const auto made = api.post(
        "/api/v1/join-tokens:batch",
        R"({"nodes":[{"name":"gz-1","labels":{"tier":"edge"}},{"name":"gz-2"}],"labels":{"tier":"core"},"ttl_ms":60000})");
    REQUIRE(made.status == 201);
    const Json tokens = api.json(made, "JoinTokensMade");
    REQUIRE(tokens["items"].size() == 2);
    CHECK(tokens["items"][0]["node"] == "gz-1");
    CHECK(tokens["items"][0]["labels"]["tier"] == "edge");
    CHECK(tokens["items"][1]["labels"]["tier"] == "core");
    CHECK(tokens["items"][1]["token"] == "edgej_secret1");
    CHECK(tokens["gateway_url"] == "https://broker.test:7443");
    const std::pair<const char*, const char*> wrong[] = {
        {R"({"nodes":[]})", "/nodes"},
        {R"({"nodes":[{"name":"gz-1"},{"name":"gz-2"},{"name":"gz-1"}]})", "/nodes/2/name"},
        {R"({"nodes":[{"name":"gz-1"},{"name":"GZ"}]})", "/nodes/1/name"},
        {R"({"nodes":[{"name":"gz-1"},{"name":"gz-2","labels":{"bad":"x"}}]})", "/nodes/1/labels"},
        {R"({"nodes":[{"name":"gz-1"}],"cidrs":["10.0.0.1/8"]})", "/cidrs/0"}};
    for (const auto& [body, pointer] : wrong) {
        CAPTURE(body);
        const Json problem = api.problem(api.post("/api/v1/join-tokens:batch", body), 422, "invalid_body");
        CHECK(problem["errors"][0]["pointer"] == pointer);
    }
    api.problem(api.ask({"POST", "/api/v1/join-tokens:batch", "{}", {}, "", "edgep_reader"}), 403, "denied");
    std::string many = R"({"nodes":[)";
    for (int i = 0; i < 10'000; ++i)
        many += (i ? "," : "") + ("{\"name\":\"n-" + std::to_string(i) + "\",\"labels\":{\"a\":\"b\",\"c\":\"d\"}}");
    CHECK(api.post("/api/v1/join-tokens:batch", many + "]}").status == 201);
    CHECK(api.domain.wanted_tokens.size() == 10'000);
    api.problem(api.post("/api/v1/join-tokens:batch", many + R"(,{"name":"one-more"}]})"), 422, "invalid_body");
}

TEST_CASE("orders about nodes are an administrator's, with a reason where there is one to give") {
    Api api;
    api.domain.add_node({});
    const auto revoked = api.post("/api/v1/nodes/gz-1/revoke", R"({"reason":"stolen"})");
    CHECK(revoked.status == 200);
    const Json node = api.json(revoked, "Node");
    CHECK(node["state"] == "revoked");
    CHECK(node["reason"] == "stolen");
    CHECK(api.ask({"POST", "/api/v1/nodes/gz-1/reject"}).status == 200);
    CHECK(api.ask({"POST", "/api/v1/nodes/gz-1/rotate-key"}).status == 200);
    const std::string by = " by " + FakeDomain::id<TokenId>(1).text();
    const std::vector<std::pair<NodeOrder, std::string>> orders{
        {NodeOrder::revoke, "stolen" + by}, {NodeOrder::reject, by}, {NodeOrder::rotate_key, by}};
    CHECK((api.domain.orders == orders));
    api.problem(api.ask({"POST", "/api/v1/nodes/gz-1/approve"}), 409, "conflict");
    api.problem(api.ask({"POST", "/api/v1/nodes/gz-9/revoke"}), 404, "not_found");
    api.problem(api.post("/api/v1/nodes/gz-1/revoke", R"({"why":"x"})"), 422, "invalid_body");
    api.problem(api.post("/api/v1/nodes/gz-1/revoke", R"({"reason":")" + std::string(257, 'x') + R"("})"), 422,
                "invalid_body");
    for (const char* order : {"revoke", "reject", "approve", "rotate-key"}) {
        api.problem(api.ask({"POST", "/api/v1/nodes/gz-1/" + std::string(order), "", {}, "", "edgep_reader"}), 403,
                    "denied");
    }
}

TEST_CASE("a stored detail goes out as it came, on one line") {
    auto view = FakeDomain::result_of({}, {}, 1);
    view.detail = "{\"a\":\n[1,\r2]}";
    CHECK(api::result_text(view).ends_with(",\"detail\":{\"a\": [1, 2]}}"));
    view.detail.clear();
    CHECK(api::result_text(view).ends_with(",\"detail\":{}}"));
    CHECK(api::result_text(view).find("clock") == std::string::npos);
    view.clock_offset_us = -1'000'000;
    CHECK(api::result_text(view).find(R"("clock_offset_us":-1000000,)") != std::string::npos);
    CHECK(api::result_text(view).find("clock_unsynced") == std::string::npos);
    view.clock_offset_us = 1'000'001;
    CHECK(api::result_text(view).find(R"("clock_unsynced":true)") != std::string::npos);
}

TEST_CASE("times have milliseconds and a zone") {
    CHECK(rfc3339_ms(0) == "1970-01-01T00:00:00.000Z");
    CHECK(rfc3339_ms(951'782'399'999'999) == "2000-02-28T23:59:59.999Z");
}

TEST_CASE("Prometheus scrapes nodes, lines and results, as text") {
    Api api;
    api.domain.add_node({});
    api.start_run();
    RunView run;
    run.id = FakeDomain::id<RunId>(3);
    run.target = "198.51.100.10";
    run.tasks.total = run.tasks.queued = 1;
    api.domain.tell(std::make_shared<const RunView>(run));
    api.domain.tell(std::make_shared<const ResultView>(FakeDomain::result_of(run.id, FakeDomain::id<TaskId>(4), 1)));
    const auto answer = api.get("/metrics");
    CHECK(answer.status == 200);
    CHECK(answer.content_type == "text/plain; version=0.0.4; charset=utf-8");
    for (const char* line :
         {"edge_agent_up{node=\"gz-1\"} 0", "edge_line_up{node=\"gz-1\",line=\"telecom\",carrier=\"ct\"} 0",
          "edge_webhook_pending_deliveries 41", "edge_webhook_endpoints{state=\"disabled\"} 2",
          "# TYPE edge_probe_rtt_seconds histogram", "edge_metrics_dropped_series_total 0", "# TYPE process_open_fds"})
        CHECK(answer.body.find(line) != std::string::npos);
    CHECK(answer.body.find("line=\"telecom\",carrier=\"ct\",target=\"198.51.100.10\"} 1\n") != std::string::npos);
    CHECK(api.ask({"GET", "/metrics", "", {}, "", ""}).status == 401);
}

TEST_CASE("Prometheus discovers nodes, lines and targets") {
    Api api;
    CHECK(api.get("/api/v1/prometheus/sd").body == "[]");
    api.domain.add_node({});
    for (const char* role : {"nodes", "lines", "targets"}) {
        const auto answer = api.get("/api/v1/prometheus/sd", std::string("role=") + role);
        CHECK(answer.status == 200);
        CHECK(api.json(answer, "DiscoveredGroups").size() == (role == std::string("targets") ? 0 : 1));
    }
    api.problem(api.get("/api/v1/prometheus/sd", "role=agents"), 400, "bad_parameter");
}

TEST_CASE("/probe refuses in blackbox_exporter's words, and in text") {
    Api api;
    api.domain.add_node({});
    const auto said = [&](const char* query, int status, http::Headers headers = {}) {
        const auto answer = api.ask({"GET", "/probe", "", std::move(headers), query});
        CHECK(answer.status == status);
        CHECK(answer.content_type == "text/plain; charset=utf-8");
        return answer.body;
    };
    CHECK(said("target=a&module=nope", 400) == "Unknown module \"nope\"\n");
    CHECK(said("module=icmp", 400) == "Target parameter is missing\n");
    CHECK(said("target=a&module=icmp", 400).starts_with("Line parameter is missing"));
    CHECK(said("target=a&module=icmp&from=telecm", 400).find("did you mean") != std::string::npos);
    CHECK(said("target=a&module=icmp&from=crowd", 429).find("open_tasks") != std::string::npos);
    CHECK(said("target=a%20b&module=icmp&from=all", 400).starts_with("target: expected a host name"));
    const http::Headers soon{{"x-prometheus-scrape-timeout-seconds", "soon"}};
    CHECK(said("target=a&from=all", 500, soon).starts_with("Failed to parse timeout from Prometheus header"));
    CHECK(api.get("/metrics").body.find("\nblackbox_module_unknown_total 1\n") != std::string::npos);
}

TEST_CASE("/probe answers when its line has, and leaves no series of its run") {
    Api api;
    api.domain.add_node({});
    const auto exchange =
        api.begin({"GET", "/probe", "", {}, "target=198.51.100.10&module=icmp&node=gz-1&line=telecom"});
    CHECK_FALSE(exchange->response);
    CHECK(api.domain.last_request.selector == "node:gz-1 line:telecom");
    CHECK(api.domain.last_request.origin == JobOrigin::prometheus);
    CHECK(exchange->timers.at(0).first == 119'500);
    RunView run;
    run.id = FakeDomain::id<RunId>(3);
    api.domain.tell(std::make_shared<const RunView>(run));
    api.domain.tell(std::make_shared<const ResultView>(FakeDomain::result_of(run.id, FakeDomain::id<TaskId>(4), 1)));
    api.domain.finish_run();
    REQUIRE(exchange->response);
    CHECK(exchange->response->status == 200);
    CHECK(exchange->response->content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(exchange->response->body.find("\nprobe_success 1\n") != std::string::npos);
    CHECK(api.get("/metrics").body.find("edge_probe_success") == std::string::npos);
}

TEST_CASE("/probe whose line does not answer in time says so, and cancels the run") {
    Api api;
    api.domain.add_node({});
    const auto exchange = api.begin({"GET", "/probe", "", {}, "target=a&module=icmp&from=all&debug=true"});
    exchange->fire();
    REQUIRE(exchange->response);
    CHECK(exchange->response->status == 200);
    const std::string& text = exchange->response->body;
    CHECK(text.starts_with("Logs for the probe:\n"));
    CHECK(text.find("gz-1/telecom: no result in time\n") != std::string::npos);
    CHECK(text.find("\nprobe_success 0\n") != std::string::npos);
    CHECK(text.find("probe_failure_info{phase=\"start\",reason=\"no_result\"} 1\n") != std::string::npos);
    CHECK(api.domain.canceled.size() == 1);
    CHECK(text.find("Module configuration:\n  icmp:\n    prober: icmp\n") != std::string::npos);
    CHECK(api.domain.subscribers() == 0);
}

TEST_CASE("a job with a schedule is recurring: 201 with the job, and no run yet") {
    Api api;
    const auto schedule = [&](const std::string& text) {
        return R"({"service":"ping","params":{"target":"a"},"selector":"all","align":true,"schedule":)" + text + "}";
    };
    const auto made = api.post(
        "/api/v1/jobs",
        schedule(
            R"({"cron":"*/5 * * * *","zone":"Asia/Shanghai","window":{"from":"22:00","to":"06:30"},"jitter_ms":5000,"start_ms":1000,"stop_ms":2000})"));
    CHECK(made.status == 201);
    const Json job = api.json(made, "Job");
    CHECK(job["schedule"]["window"]["to"] == "06:30");
    CHECK(job["schedule"]["start_ms"] == 1000);
    CHECK(job["next_ticks"].size() == 2);
    CHECK(header(made, "Location") == "/api/v1/jobs/" + job["id"].get<std::string>());
    const JobSchedule& asked = *api.domain.last_request.schedule;
    CHECK(asked.when.cron == "*/5 * * * *");
    CHECK(asked.when.window == DailyWindow{1'320, 390});
    CHECK(asked.when.start_us == 1'000'000);
    CHECK(asked.when.stop_us == 2'000'000);
    CHECK(asked.zone == "Asia/Shanghai");
    CHECK(api.domain.last_request.terms.align);

    const auto wrong = [&](const std::string& text) {
        const auto refused = api.post("/api/v1/jobs", schedule(text));
        CHECK(refused.status == 422);
        return parse_json(refused.body).value()["errors"][0]["pointer"].get<std::string>();
    };
    CHECK(wrong(R"({"every_ms":60000,"window":{"from":"8:00","to":"20:00"}})") == "/schedule/window/from");
    CHECK(wrong(R"({"every_ms":60000,"window":{"from":"08:00","to":"24:01"}})") == "/schedule/window/to");
    CHECK(wrong(R"({"every_ms":60000,"window":{"from":"08:60","to":"20:00"}})") == "/schedule/window/from");
    CHECK(wrong(R"({"every_ms":60000,"zone":"Asia/Shanghai"})") == "/schedule/zone");
    CHECK(wrong(R"({"every_ms":60000,"stop_ms":999999999999999})") == "/schedule/stop_ms");
    CHECK(wrong(R"({"evry_ms":60000})") == "/schedule/evry_ms");
    CHECK(wrong(R"({"every_ms":-1})") == "/schedule/every_ms");
}

TEST_CASE("a recurring job is paused, changed and deleted, and its runs are listed") {
    Api api;
    const std::string path = "/api/v1/jobs/" + FakeDomain::id<JobId>(2).text();
    const auto patch = [&](const std::string& body) { return api.ask({"PATCH", path, body}); };
    const Json paused = api.json(patch(R"({"paused":true})"), "Job");
    CHECK(paused["state"] == "paused");
    CHECK_FALSE(paused.contains("next_ticks"));
    CHECK(api.domain.last_change.is_paused == true);
    CHECK_FALSE(api.domain.last_change.selector);
    (void)api.json(patch(R"({"params":{"target":"b"},"selector":"carrier:ct","schedule":{"every_ms":60000}})"), "Job");
    CHECK(api.domain.last_change.schedule->when.every_ms == 60'000);
    CHECK(api.domain.last_change.params->at("target") == "b");
    api.problem(patch(R"({"selector":""})"), 422, "invalid_body");
    api.problem(patch(R"({"pausd":true})"), 422, "invalid_body");
    api.problem(api.ask({"PATCH", "/api/v1/jobs/" + FakeDomain::id<JobId>(9).text(), R"({"paused":true})"}), 404,
                "not_found");
    CHECK(api.json(api.ask({"DELETE", path}), "Job")["state"] == "deleted");
    api.problem(api.ask({"DELETE", "/api/v1/jobs/" + FakeDomain::id<JobId>(9).text()}), 404, "not_found");
    (void)api.json(api.get(path + "/runs", "q=state:finished"), "RunPage");
    CHECK(api.domain.last_list.q == "job:" + FakeDomain::id<JobId>(2).text() + " state:finished");
    api.problem(api.get("/api/v1/jobs/" + FakeDomain::id<JobId>(9).text() + "/runs"), 404, "not_found");
}
