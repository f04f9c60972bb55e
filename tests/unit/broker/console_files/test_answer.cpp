#include <doctest/doctest.h>

#include "broker/console_files/console_files.hpp"
#include "tests/unit/broker/response_header.hpp"

using namespace edge;
using namespace edge::broker;

namespace {

constexpr console::File kFiles[] = {
    {"/assets/index-abc.js", "text/javascript", "h1", "plain js", "gzip js", "br js"},
    {"/index.html", "text/html; charset=utf-8", "h2", "plain html", "gzip html", {}},
};

http::Response ask(std::string path, http::Headers headers = {}, std::string method = "GET") {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    return console::answer(kFiles, request);
}

const http::Headers kBrowser = {{"accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}};

}  // namespace

TEST_CASE("each client gets the smallest coding it takes") {
    struct Case {
        const char *accepts, *body, *coding;
    };
    const Case cases[] = {
        {"gzip, deflate, br, zstd", "br js", "br"},
        {"GZIP", "gzip js", "gzip"},
        {"br;q=0, gzip", "gzip js", "gzip"},
        {"br;q=0.5", "br js", "br"},
        {"br; q=0.000, gzip;q=0.0", "plain js", ""},
        {"identity", "plain js", ""},
        {"brotli", "plain js", ""},
        {"", "plain js", ""},
    };
    for (const auto& one : cases) {
        CAPTURE(one.accepts);
        const auto answer = ask("/assets/index-abc.js", {{"accept-encoding", one.accepts}});
        CHECK(answer.body == one.body);
        CHECK(header(answer, "Content-Encoding") == one.coding);
        CHECK(header(answer, "Vary") == "Accept-Encoding");
        CHECK(answer.content_type == "text/javascript");
    }
    CHECK(ask("/", {{"accept-encoding", "br, gzip"}}).body == "gzip html");
}

TEST_CASE("paths of the console's router get its page, everything else that is not there 404") {
    CHECK(ask("/").body == "plain html");
    CHECK(ask("/index.html").body == "plain html");
    CHECK(ask("/runs/run_1", kBrowser).body == "plain html");
    for (const char* path : {"/assets/none.js", "/assets/", "/assets/../index.html"}) {
        CAPTURE(path);
        CHECK(ask(path, kBrowser).status == 404);
    }
    for (const char* path : {"/runs/run_1", "/etc/passwd", "/../../etc/passwd", "/index.html/", "//index.html", ""}) {
        CAPTURE(path);
        const auto answer = ask(path, {{"accept", "*/*"}});
        CHECK(answer.status == 404);
        CHECK(answer.content_type == "application/problem+json");
    }
    CHECK(ask("/", {}, "POST").status == 405);
    CHECK(header(ask("/", {}, "POST"), "Allow") == "GET, HEAD");
    CHECK(ask("/", {}, "HEAD").status == 200);
}

TEST_CASE("hashed names are kept, pages are asked for again and not sent twice") {
    CHECK(header(ask("/assets/index-abc.js"), "Cache-Control") == "public, max-age=31536000, immutable");
    const auto page = ask("/");
    CHECK(header(page, "Cache-Control") == "no-cache");
    CHECK(header(page, "ETag") == "\"h2\"");
    const auto again = ask("/", {{"if-none-match", "\"other\", \"h2\""}});
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(header(again, "ETag") == "\"h2\"");
    // Another coding is another representation.
    CHECK(ask("/", {{"if-none-match", "\"h2\""}, {"accept-encoding", "gzip"}}).status == 200);
    CHECK(ask("/", {{"if-none-match", "\"h2-gzip\""}, {"accept-encoding", "gzip"}}).status == 304);
}

TEST_CASE("the security policy is this one, on every answer that is a file") {
    const std::string policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    for (const char* path : {"/", "/assets/index-abc.js"}) {
        const auto answer = ask(path);
        CHECK(header(answer, "Content-Security-Policy") == policy);
        CHECK(header(answer, "Referrer-Policy") == "same-origin");
        CHECK(header(answer, "Cross-Origin-Opener-Policy") == "same-origin");
    }
    CHECK(policy.find("unsafe") == std::string::npos);
}
