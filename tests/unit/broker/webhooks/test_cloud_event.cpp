// Bodies are CloudEvents within their bound, whatever a node or a target said.
#include <doctest/doctest.h>

#include "broker/webhooks/cloud_event.hpp"
#include "protocol/json/bounded.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::webhooks;

namespace {

OutsideEvent result(std::string detail, std::string target = "www.lab.test") {
    auto view = std::make_shared<ResultView>();
    view->node.name = NodeName::parse("gz-1").value();
    view->line = {LineName::parse("telecom").value(), "ct"};
    view->result.target = std::move(target);
    view->result.rid.bytes[15] = 7;
    view->result.failure = Failure{Source::target, "read", "ECONNRESET", std::string(5'000, 'x')};
    view->detail = std::move(detail);
    return {.kind = EventKind::result, .subject = view->result.rid.text(), .about = view};
}

Json body_of(const OutsideEvent& event) {
    const std::string text = cloud_event(event, "https://broker.test:7443");
    CHECK(text.size() < kMostBody);
    const auto json = parse_json(text);
    REQUIRE(json);
    CHECK(json.value()["specversion"] == "1.0");
    CHECK(json.value()["time"] == json.value()["timestamp"]);
    return json.value();
}

/// A detail of so many bytes, every third of them the beginning of a character.
std::string detail_of(std::size_t bytes) {
    std::string text = R"({"body":")";
    while (text.size() + 5 <= bytes) text += "\xe7\x94\xb5";
    return text + "\"}";
}

}  // namespace

TEST_CASE("a result is whole while it fits, then thin, and says where all of it is") {
    bool was_whole = false, is_thin = false;
    for (std::size_t bytes = 1'000; bytes < 70'000; bytes += 500) {
        const OutsideEvent event = result(detail_of(bytes));
        const Json body = body_of(event);
        const Json& data = body["data"];
        CHECK(body["dataref"] == "/api/v1/results/" + event.subject);
        CHECK(data["id"] == event.subject);
        CHECK(data["target"] == "www.lab.test");
        if (data.contains("thin")) {
            is_thin = true;
            CHECK(!data.contains("detail"));
            CHECK(data["failure"]["text"].get<std::string>().size() <= 1'024);
        } else {
            CHECK(!is_thin);
            was_whole = true;
            CHECK(data["detail"]["body"].get<std::string>().starts_with("电"));
        }
    }
    CHECK(was_whole);
    CHECK(is_thin);
}

TEST_CASE("a target's text cannot end the body, a string or the subject") {
    const std::string odd = "a\"},\"type\":\"io.edge.other\\\r\nX-Evil: 1\xe2\x80\xa8\xf0\x9f\x98\x80";
    const Json body = body_of(result(R"({"a":1})", odd));
    CHECK(body["type"] == "io.edge.result.v1");
    CHECK(body["data"]["target"] == odd);
    const Json thin = body_of(result(detail_of(40'000), std::string(254, 'a') + "\xf0\x9f\x98\x80"));
    CHECK(thin["data"]["target"] == std::string(254, 'a'));  // not cut within a character
}

TEST_CASE("labels that are too much leave the message thin") {
    const std::map<std::string, std::string> labels{{"note", std::string(30'000, 'x')}};
    const NodeHappening about{.node = {{}, NodeName::parse("gz-1").value()}, .labels = &labels, .event = {}};
    const Json body = body_of({.kind = EventKind::node_state, .subject = "node_1", .about = about});
    CHECK(body["data"] == Json{{"thin", true}});
    CHECK(body["dataref"].get<std::string>().starts_with("/api/v1/nodes/node_"));
}

TEST_CASE("of a webhook that was disabled others are told where it led, and nothing of the path or the query") {
    WebhookView webhook;
    webhook.disabled_reason = "the receiver answered 410, gone";
    for (const std::string rest : {"", "/", "/services/S3CRET", "?key=S3CRET"}) {
        webhook.url = "https://ops.example:8443" + rest;
        const OutsideEvent event{.kind = EventKind::webhook_disabled, .subject = webhook.id.text(), .about = webhook};
        const Json body = body_of(event);
        CHECK(body["data"]["origin"] == "https://ops.example:8443");
        CHECK(body["data"]["webhook_id"] == webhook.id.text());
        CHECK(body.dump().find("S3CRET") == std::string::npos);
    }
}
