#include <doctest/doctest.h>

#include "broker/gateway/echo.hpp"
#include "broker/gateway/gateway.hpp"
#include "protocol/crypto/keys.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::gateway;

namespace {

http::Request upgrade() {
    http::Request request;
    request.method = "GET";
    request.path = link::kLinkPath;
    request.headers = {{"sec-websocket-version", "13"},
                       {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                       {"sec-websocket-protocol", "edge.v0, edge.v1"}};
    return request;
}

std::string enroll_body(const SigningKey& key, const std::string& token, const std::string& signed_token) {
    const PublicKey& bytes = key.public_key();
    const std::string input =
        link::enroll_signing_input(signed_token, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    link::EnrollRequest request{token, to_base64(bytes), to_base64(key.sign(as_bytes(input))), "gz-1", {}, "0.1.0"};
    return link::encode_enroll_request(request);
}

}  // namespace

TEST_CASE("the echo tells who asks, an IPv4 address as IPv4 whatever the socket") {
    struct Case {
        const char *peer, *told;
    };
    for (const Case& c : {Case{"203.0.113.7", "203.0.113.7"}, Case{"2001:db8::7", "2001:db8::7"},
                          Case{"::ffff:203.0.113.7", "203.0.113.7"}, Case{"::1", "::1"}}) {
        CAPTURE(c.peer);
        http::Request request;
        request.peer = c.peer;
        request.peer_port = 40000;
        CHECK(echo(request).body == "{\"address\":\"" + std::string(c.told) + "\",\"port\":40000}");
    }
}

TEST_CASE("only edge.v1 at its path becomes a link") {
    CHECK_FALSE(refuse_upgrade(upgrade()));
    struct Case {
        const char *header, *value;
        int status;
    };
    for (const Case& c : {Case{"sec-websocket-protocol", "edge.v0", 400}, Case{"sec-websocket-protocol", "", 400},
                          Case{"sec-websocket-version", "12", 426}, Case{"sec-websocket-key", "short", 400}}) {
        CAPTURE(c.header);
        auto request = upgrade();
        for (auto& [name, value] : request.headers) {
            if (name == c.header) value = c.value;
        }
        REQUIRE(refuse_upgrade(request));
        CHECK(refuse_upgrade(request)->status == c.status);
    }
    auto elsewhere = upgrade();
    elsewhere.path = "/";
    CHECK(refuse_upgrade(elsewhere)->status == 404);
}

TEST_CASE("who enrols shows that it holds the key") {
    const SigningKey key = SigningKey::generate();
    CHECK(checked_enroll_request(enroll_body(key, "edgej_a", "edgej_a")).value().token == "edgej_a");
    CHECK(checked_enroll_request(enroll_body(key, "edgej_a", "edgej_b")).error().code == Errc::denied);
    CHECK(checked_enroll_request("{}").error().code == Errc::bad_value);
    CHECK(checked_enroll_request("[").error().code == Errc::bad_syntax);
    CHECK(checked_enroll_request(std::string(20'000, ' ')).error().code == Errc::too_large);
    link::EnrollRequest odd{"t", "AAAA", "AAAA", "", {}, ""};
    CHECK(checked_enroll_request(link::encode_enroll_request(odd)).error().where == "/public_key");
}
