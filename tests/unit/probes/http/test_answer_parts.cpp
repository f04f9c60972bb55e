#include <doctest/doctest.h>

#include "probes/http/kept_answer.hpp"
#include "probes/http/response_head.hpp"
#include "probes/http/transfer_failure.hpp"
#include "protocol/json/described.hpp"

using namespace edge;
using namespace edge::probes;

TEST_CASE("a head is a status line and headers in order") {
    ResponseHead head;
    for (const char* line : {"HTTP/1.1 404 Not  Found\r\n", "Server: nginx\r\n", "X:  a b \r\n", "x: second\r\n",
                             "NoColon\r\n", " folded\r\n", "\r\n"}) {
        CHECK(head.add(line) == ResponseHead::Verdict::fine);
    }
    CHECK(head.status() == 404);
    CHECK(head.reason() == "Not  Found");
    CHECK(head.protocol() == "HTTP/1.1");
    REQUIRE(head.headers().size() == 4);
    CHECK(head.headers()[1].name == "X");
    CHECK(head.headers()[1].value == "a b");
    CHECK(head.headers()[3].name == "NoColon");
    CHECK(head.headers()[3].value == " folded");
    CHECK(head.is_final());
}

TEST_CASE("odd status lines do not crash, and read as what they are") {
    for (const char* line :
         {"HTTP/2 200 \r\n", "HTTP/1.1\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 99999999999999\r\n", "HTTP/\r\n"}) {
        ResponseHead head;
        CAPTURE(std::string(line));
        CHECK(head.add(line) == ResponseHead::Verdict::fine);
    }
    ResponseHead two;
    two.add("HTTP/2 200 \r\n");
    CHECK(two.status() == 200);
    CHECK(two.reason().empty());
}

TEST_CASE("headers, their bytes and interim answers are capped") {
    ResponseHead many;
    many.add("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 256; ++i) REQUIRE(many.add("a: b\r\n") == ResponseHead::Verdict::fine);
    CHECK(many.add("a: b\r\n") == ResponseHead::Verdict::too_many_headers);

    ResponseHead large;
    large.add("HTTP/1.1 200 OK\r\n");
    const std::string line = "a: " + std::string(40'000, 'x') + "\r\n";
    CHECK(large.add(line) == ResponseHead::Verdict::fine);
    CHECK(large.add(line) == ResponseHead::Verdict::headers_too_large);

    ResponseHead interim;
    for (int i = 0; i < 9; ++i) REQUIRE(interim.add("HTTP/1.1 100 Continue\r\n") == ResponseHead::Verdict::fine);
    CHECK(interim.add("HTTP/1.1 100 Continue\r\n") == ResponseHead::Verdict::too_many_interim);
    ResponseHead two;
    two.add("HTTP/1.1 103 Early Hints\r\n");
    two.add("Link: x\r\n");
    two.add("HTTP/1.1 200 OK\r\n");
    CHECK(two.headers().empty());
    CHECK(two.status() == 200);
}

TEST_CASE("UTF-8 is told from what is not") {
    for (const char* text : {"", "a", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80"}) CHECK(is_utf8_text(text));
    for (const char* text :
         {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe4\xb8", "a\xff"})
        CHECK_FALSE(is_utf8_text(text));
    CHECK_FALSE(is_utf8_text(std::string_view("a\0b", 3)));
}

TEST_CASE("a body is kept as text where it is text, as base64 otherwise") {
    HttpDetail detail;
    KeptAnswer::keep_body("caf\xc3\xa9", detail);
    CHECK(*detail.body == "caf\xc3\xa9");
    KeptAnswer::keep_body("caf\xc3", detail);  // cut inside a character
    CHECK(*detail.body == "caf");
    KeptAnswer::keep_body(std::string_view("\0\1", 2), detail);
    CHECK_FALSE(detail.body);
    CHECK(*detail.body_b64 == "AAE=");
    KeptAnswer::keep_body(std::string(1000, '\x01'), detail);  // JSON would make it six times as long
    CHECK(detail.body_b64);
    KeptAnswer::keep_body("", detail);
    CHECK_FALSE(detail.body);
    CHECK_FALSE(detail.body_b64);
}

TEST_CASE("a report fits its frame whatever the headers are") {
    KeptAnswer kept;
    HttpDetail detail;
    for (int i = 0; i < 11; ++i) {
        HttpHop hop;
        hop.url = std::string(8000, 'u');
        hop.reason = std::string(60'000, '\x02');
        for (int j = 0; j < 256; ++j) hop.headers.push_back({"n", std::string(200, '\x01')});
        kept.trim(hop);
        CHECK(hop.headers_truncated);
        detail.hops.push_back(hop);
    }
    KeptAnswer::keep_body(std::string(65'536, '\xff'), detail);
    CHECK(dump_json(encode(detail)).size() < 240 * 1024);
}

TEST_CASE("libcurl's codes become source, phase and code") {
    struct Row {
        TransferEnd end;
        Source source;
        const char* phase;
        const char* code;
    };
    const Row rows[] = {
        {{.code = CURLE_COULDNT_CONNECT,
          .os_errno = ECONNREFUSED,
          .phase = "connect",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "connect",
         "ECONNREFUSED"},
        {{.code = CURLE_COULDNT_CONNECT,
          .os_errno = ENETUNREACH,
          .phase = "connect",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::line,
         "connect",
         "ENETUNREACH"},
        {{.code = CURLE_COULDNT_CONNECT,
          .os_errno = EPERM,
          .phase = "connect",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::line,
         "connect",
         "EPERM"},
        {{.code = CURLE_COULDNT_CONNECT,
          .os_errno = EHOSTUNREACH,
          .phase = "connect",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::path,
         "connect",
         "EHOSTUNREACH"},
        {{.code = CURLE_SSL_CONNECT_ERROR,
          .os_errno = 0,
          .phase = "tls",
          .text = {},
          .peer = "p",
          .alert = "handshake_failure",
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "tls",
         "alert:handshake_failure"},
        {{.code = CURLE_PEER_FAILED_VERIFICATION,
          .os_errno = 0,
          .phase = "tls",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = "expired",
          .head_problem = {}},
         Source::target,
         "tls",
         "expired"},
        {{.code = CURLE_SSL_CONNECT_ERROR,
          .os_errno = ECONNRESET,
          .phase = "tls",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "tls",
         "ECONNRESET"},
        {{.code = CURLE_GOT_NOTHING,
          .os_errno = 0,
          .phase = "wait",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "wait",
         "empty_reply"},
        {{.code = CURLE_WRITE_ERROR,
          .os_errno = 0,
          .phase = "read",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = "too_many_headers"},
         Source::target,
         "read",
         "too_many_headers"},
        {{.code = CURLE_WEIRD_SERVER_REPLY,
          .os_errno = 0,
          .phase = "read",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "read",
         "not_http"},
        {{.code = CURLE_URL_MALFORMAT,
          .os_errno = 0,
          .phase = "connect",
          .text = {},
          .peer = "p",
          .alert = {},
          .certificate_problem = {},
          .head_problem = {}},
         Source::target,
         "connect",
         "curl:3"},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.code));
        const Failure failure = transfer_failure(row.end);
        CHECK(failure.source == row.source);
        CHECK(failure.phase == row.phase);
        CHECK(failure.code == row.code);
        CHECK_FALSE(failure.text.empty());
    }
}
