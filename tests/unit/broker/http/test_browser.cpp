#include <doctest/doctest.h>

#include "broker/http/browser.hpp"

using namespace edge::http;

namespace {

Request with(Headers headers) {
    Request request;
    request.headers = std::move(headers);
    return request;
}

}  // namespace

TEST_CASE("a cookie is found by its whole name, and nothing else is taken for it") {
    struct Case {
        const char *header, *value;
    };
    const Case cases[] = {
        {"edge_session=edgep_a", "edgep_a"},
        {"a=b; edge_session=edgep_a; c=d", "edgep_a"},
        {"a=b;edge_session=edgep_a", "edgep_a"},
        {"edge_session=x=y", "x=y"},
        {"edge_session=first; edge_session=second", "first"},
        {"my_edge_session=x", ""},
        {"edge_sessio=x", ""},
        {"Edge_Session=x", ""},
        {"edge_session", ""},
        {"edge_session=", ""},
        {"a=\"; edge_session=x", "x"},
        {";;;=;", ""},
        {"", ""},
    };
    for (const auto& one : cases) {
        CAPTURE(one.header);
        CHECK(cookie(with({{"cookie", one.header}}), "edge_session") == one.value);
    }
    CHECK(cookie(with({}), "edge_session") == "");
}

TEST_CASE("where a page stands is told by Origin and Host, or by the browser's word") {
    struct Case {
        Headers headers;
        Sender sender;
    };
    const Case cases[] = {
        {{{"host", "broker.test"}}, Sender::unsaid},
        {{{"host", "broker.test"}, {"origin", "https://broker.test"}}, Sender::same_origin},
        {{{"host", "broker.test:8080"}, {"origin", "http://Broker.test:8080"}}, Sender::same_origin},
        {{{"host", "[::1]:8080"}, {"origin", "http://[::1]:8080"}}, Sender::same_origin},
        {{{"host", "broker.test:8080"}, {"origin", "http://broker.test"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", "http://broker.test:8080"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", "https://broker.test.evil.test"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", "https://evil.test/broker.test"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", "broker.test"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", "null"}}, Sender::elsewhere},
        {{{"host", "broker.test"}, {"origin", ""}}, Sender::elsewhere},
        {{{"host", ""}, {"origin", "http://"}}, Sender::elsewhere},
        {{{"origin", "http://"}}, Sender::elsewhere},
        {{{"host", "b.test"}, {"origin", "http://b.test"}, {"origin", "http://evil.test"}}, Sender::elsewhere},
        {{{"host", "b.test"}, {"origin", "http://evil.test"}, {"sec-fetch-site", "same-origin"}}, Sender::elsewhere},
        {{{"host", "b.test"}, {"sec-fetch-site", "same-origin"}}, Sender::same_origin},
        {{{"host", "b.test"}, {"sec-fetch-site", "same-site"}}, Sender::unsaid},
        {{{"host", "b.test"}, {"sec-fetch-site", "cross-site"}}, Sender::unsaid},
    };
    for (const auto& one : cases) {
        for (const auto& [name, value] : one.headers) CAPTURE(name + ": " + value);
        CHECK(sender_of(with(one.headers), false) == one.sender);
    }
}

TEST_CASE("a page is ours only by a scheme that this server is reached by") {
    const auto of = [](const char* origin, bool by_tls) {
        return sender_of(with({{"host", "broker.test"}, {"origin", origin}}), by_tls);
    };
    CHECK(of("https://broker.test", true) == Sender::same_origin);
    CHECK(of("http://broker.test", true) == Sender::elsewhere);
    CHECK(of("http://broker.test", false) == Sender::same_origin);
    CHECK(of("https://broker.test", false) == Sender::same_origin);  // a proxy that ends TLS
    for (const char* scheme : {"ftp", "chrome-extension", "HTTPS", "httpsx", ""}) {
        CAPTURE(scheme);
        CHECK(of((std::string(scheme) + "://broker.test").c_str(), false) == Sender::elsewhere);
    }
}
