#include <doctest/doctest.h>

#include "broker/http/request_reader.hpp"

using namespace edge::http;

namespace {

struct Vector {
    const char* name;
    std::string bytes;
    int status;  // 0: a request comes out
};

const std::string kHost = "Host: edge.test\r\n";

// The vectors of link-and-identity F4 and what request smugglers try besides.
const std::vector<Vector> kVectors = {
    {"a plain request", "GET /a HTTP/1.1\r\n" + kHost + "\r\n", 0},
    {"a chunked one", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 0},
    {"chunks with a trailer",
     "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-A: b\r\n\r\n", 0},
    {"chunked in capitals", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", 0},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
    {"xchunked", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: xchunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", 400},
    {"chunked, identity", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked, identity\r\n\r\n", 400},
    {"identity, chunked", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: identity, chunked\r\n\r\n", 400},
    {"chunked on HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"two Transfer-Encodings",
     "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"length and chunked", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"chunked and length", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     400},
    {"two lengths, the same", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
    {"two lengths, different", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
     400},
    {"a list of lengths", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 3, 3\r\n\r\nabc", 400},
    {"a signed length", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: +3\r\n\r\nabc", 400},
    {"a negative length", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: -1\r\n\r\n", 400},
    {"a hexadecimal length", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 0x3\r\n\r\nabc", 400},
    {"a length of 20 digits", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 18446744073709551617\r\n\r\n", 400},
    {"no length", "POST / HTTP/1.1\r\n" + kHost + "Content-Length:\r\n\r\n", 400},
    {"a folded header", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\r\n c\r\n\r\n", 400},
    {"a folded Transfer-Encoding", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding:\r\n chunked\r\n\r\n", 400},
    {"a space before the colon", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding : chunked\r\n\r\n", 400},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", "GET / HTTP/1.1\r\n" + kHost + "Host: other.test\r\n\r\n", 400},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"an absolute target", "GET http://edge.test/ HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"an authority target", "CONNECT edge.test:443 HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"an asterisk", "OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"a fragment", "GET /#a HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"a space in the target", "GET /a b HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"a tab for a space", "GET\t/\tHTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"bytes above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"a broken escape", "GET /%zz HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"an escaped slash", "GET /a%2fb HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"an escaped NUL", "GET /a%00 HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" + kHost + "\r\n", 400},
    {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"bare line feeds", "GET / HTTP/1.1\n" + kHost + "\n\r\n\r\n", 400},
    {"a bare CR in a value", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\rc\r\n\r\n", 400},
    {"a bare LF in a value", "GET / HTTP/1.1\r\n" + kHost + "X-A: b\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"a NUL in a value", "GET / HTTP/1.1\r\n" + kHost + std::string("X-A: b\0c", 8) + "\r\n\r\n", 400},
    {"a header without a colon", "GET / HTTP/1.1\r\n" + kHost + "X-A\r\n\r\n", 400},
    {"a header without a name", "GET / HTTP/1.1\r\n" + kHost + ": b\r\n\r\n", 400},
    {"two Authorizations", "GET / HTTP/1.1\r\n" + kHost + "Authorization: a\r\nauthorization: b\r\n\r\n", 400},
    {"an unknown expectation", "GET / HTTP/1.1\r\n" + kHost + "Expect: the-unexpected\r\n\r\n", 417},
    {"an empty line first", "\r\nGET / HTTP/1.1\r\n" + kHost + "\r\n", 400},
    {"TLS to a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
    {"a chunk size that is none", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
    {"a chunk longer than it says",
     "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
    {"a chunk head without end",
     "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n3;" + std::string(3000, 'a'), 400},
    {"TLS on a port without it", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
    {"a head over 8 KiB", "GET / HTTP/1.1\r\n" + kHost + "X-A: " + std::string(9000, 'a') + "\r\n\r\n", 431},
    {"a head over 8 KiB without end", "GET / HTTP/1.1\r\n" + kHost + "X-A: " + std::string(9000, 'a'), 431},
    {"a body over 1 MiB", "POST / HTTP/1.1\r\n" + kHost + "Content-Length: 1048577\r\n\r\n", 413},
    {"chunks over 1 MiB",
     "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" + std::string(0x100001, 'a') +
         "\r\n",
     413},
};

std::string many_headers(int count) {
    std::string text = "GET / HTTP/1.1\r\n" + kHost;
    for (int i = 0; i < count; ++i) text += "X-" + std::to_string(i) + ": b\r\n";
    return text + "\r\n";
}

int status_of(std::string_view bytes, std::size_t step) {
    RequestReader reader({});
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (reader.feed(bytes.substr(at, step)) == RequestReader::State::refused) return reader.refusal().status;
    }
    return reader.state() == RequestReader::State::complete ? 0 : -1;
}

/// The first that differs from `status` when the bytes come in two pieces, or `status`.
int status_in_two(std::string_view bytes, int status) {
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        RequestReader reader({});
        reader.feed(bytes.substr(0, cut));
        if (reader.state() != RequestReader::State::refused) reader.feed(bytes.substr(cut));
        const int told = reader.state() == RequestReader::State::refused    ? reader.refusal().status
                         : reader.state() == RequestReader::State::complete ? 0
                                                                            : -1;
        if (told != status) return told;
    }
    return status;
}

}  // namespace

TEST_CASE("a request that two servers could read differently is refused, whole, in two pieces or byte by byte") {
    for (const auto& vector : kVectors) {
        CAPTURE(vector.name);
        CHECK(status_of(vector.bytes, vector.bytes.size()) == vector.status);
        if (vector.bytes.size() >= 2000) continue;
        CHECK(status_of(vector.bytes, 1) == vector.status);
        CHECK(status_in_two(vector.bytes, vector.status) == vector.status);
    }
    CHECK(status_of(many_headers(90), 4096) == 0);
    CHECK(status_of(many_headers(101), 4096) == 431);
}

TEST_CASE("a request says what it is") {
    RequestReader reader({});
    reader.feed("POST /a%20b?x=1&y=%2f HTTP/1.1\r\nHost: e\r\nX-Thing:  two words \r\nContent-Length: 4\r\n\r\nbody");
    REQUIRE(reader.state() == RequestReader::State::complete);
    const Request request = reader.take();
    CHECK(request.method == "POST");
    CHECK(request.path == "/a b");
    CHECK(request.query == "x=1&y=%2f");
    CHECK(request.header("x-thing") == "two words");
    CHECK(request.body == "body");
    CHECK(request.keeps_alive);
    CHECK(reader.is_drained());
    CHECK(reader.state() == RequestReader::State::idle);
}

TEST_CASE("requests in one packet come out one after the other") {
    RequestReader reader({});
    const std::string one = "GET /1 HTTP/1.1\r\nHost: e\r\n\r\n";
    reader.feed(one + "POST /2 HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" +
                "GET /3 HTTP/1.0\r\n");
    CHECK(reader.take().path == "/1");
    REQUIRE(reader.state() == RequestReader::State::complete);
    const Request second = reader.take();
    CHECK(second.path == "/2");
    CHECK(second.body == "hi");
    CHECK(reader.state() == RequestReader::State::head);
    CHECK(reader.feed("\r\n") == RequestReader::State::complete);
    const Request third = reader.take();
    CHECK(third.path == "/3");
    CHECK_FALSE(third.keeps_alive);
    CHECK(second.keeps_alive);
}

TEST_CASE("a trailer does not become a header") {
    RequestReader reader({});
    reader.feed(
        "POST / HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\nAuthorization: "
        "Bearer x\r\n\r\n");
    REQUIRE(reader.state() == RequestReader::State::complete);
    CHECK(reader.take().header("authorization").empty());
}

TEST_CASE("a client that waits for 100 Continue is noticed once") {
    RequestReader reader({});
    CHECK(reader.feed("POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n") ==
          RequestReader::State::body);
    CHECK(reader.take_continue());
    CHECK_FALSE(reader.take_continue());
    CHECK(reader.feed("hi") == RequestReader::State::complete);
}
