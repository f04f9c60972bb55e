#include <openssl/pem.h>
#include <openssl/sha.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <thread>

#include "probes/reactor/socket_facts.hpp"
#include "protocol/codings.hpp"
#include "protocol/worker/frames.hpp"
#include "tests/unit/probes/loopback/rig.hpp"
#include "tests/unit/probes/loopback/servers.hpp"

using namespace edge;
using namespace edge::probes;
using namespace std::chrono_literals;

namespace {

using Peer = std::shared_ptr<Connection>;

HttpSpec get(const std::string& url, std::uint32_t timeout_ms = 5000) {
    HttpSpec spec;
    spec.target = url;
    spec.timeout_ms = timeout_ms;
    return spec;
}

/// What a server with this answer makes of a probe.
Ran answered(const std::string& answer, std::uint32_t timeout_ms = 5000) {
    Rig rig;
    TcpServer server(rig.io(), [answer](Peer peer, std::string) { peer->send_then_close(answer); });
    return rig.run(get(server.url(), timeout_ms));
}

}  // namespace

TEST_CASE("an answer is told with status, headers in order, sizes, peer and each phase by itself") {
    Rig rig;
    std::string seen;
    TcpServer server(rig.io(), [&](Peer peer, std::string head) {
        seen = head;
        peer->send_then_close(
            "HTTP/1.1 404 Gone Fishing\r\nServer: t\r\nX-Two: 2\r\nx-two: again\r\nContent-Length: 5\r\n\r\nhello");
    });
    HttpSpec spec = get(server.url("/a?b"));
    spec.keep_body_bytes = 3;
    spec.headers = {{"X-Mine", "yes"}, {"X-Empty", ""}};
    const Ran ran = rig.run(spec);
    CHECK(ran.report.status == Status::ok);
    CHECK(*ran.report.summary.code == "404");
    CHECK(ran.report.summary.rtt_us);
    const auto detail = ran.detail<HttpDetail>();
    REQUIRE(detail.hops.size() == 1);
    const HttpHop& hop = detail.hops[0];
    CHECK(hop.status == 404);
    CHECK(hop.reason == "Gone Fishing");
    CHECK(hop.protocol == "HTTP/1.1");
    REQUIRE(hop.headers.size() == 4);
    CHECK(hop.headers[2].name == "x-two");
    CHECK(hop.body_bytes == 5);
    CHECK(hop.peer == "127.0.0.1:" + std::to_string(server.port()));
    CHECK_FALSE(hop.timings.resolve_us);
    CHECK(hop.timings.connect_us);
    CHECK_FALSE(hop.timings.tls_us);
    CHECK(hop.timings.first_byte_us);
    CHECK(hop.timings.transfer_us);
    CHECK(hop.timings.total_us >= *hop.timings.connect_us + *hop.timings.first_byte_us);
    CHECK(*detail.body == "hel");
    REQUIRE(ran.report.sockets.size() == 1);
    CHECK(ran.report.sockets[0].src_addr == "127.0.0.1");
    CHECK(ran.report.sockets[0].dst_port == server.port());
    CHECK(ran.report.sockets[0].src_port != 0);
    CHECK(ran.report.sockets[0].protocol == IPPROTO_TCP);
    CHECK(seen.find("GET /a?b HTTP/1.1\r\n") == 0);
    CHECK(seen.find("X-Mine: yes\r\n") != std::string::npos);
    CHECK(seen.find("X-Empty:\r\n") != std::string::npos);
    CHECK(seen.find("User-Agent: edge-probe/") != std::string::npos);
    CHECK(seen.find("Content-Type") == std::string::npos);
    std::string phases;
    for (const Json& data : ran.progress) phases += data["phase"]["name"].get<std::string>() + " ";
    CHECK(phases == "connect first_byte ");
}

TEST_CASE("methods and bodies go out as asked") {
    struct Row {
        HttpMethod method;
        const char* body;
        const char* line;
        const char* length;
    };
    const Row rows[] = {{HttpMethod::POST, "a=1", "POST / ", "Content-Length: 3\r\n"},
                        {HttpMethod::POST, "", "POST / ", "Content-Length: 0\r\n"},
                        {HttpMethod::PUT, "x", "PUT / ", "Content-Length: 1\r\n"},
                        {HttpMethod::DELETE, "", "DELETE / ", ""},
                        {HttpMethod::HEAD, "", "HEAD / ", ""},
                        {HttpMethod::OPTIONS, "", "OPTIONS / ", ""},
                        {HttpMethod::GET, "q", "GET / ", "Content-Length: 1\r\n"}};
    for (const Row& row : rows) {
        CAPTURE(std::string(row.line));
        Rig rig;
        std::string seen;
        TcpServer server(rig.io(), [&](Peer peer, std::string head) {
            seen = head;
            peer->send_then_close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" +
                                  std::string(row.method == HttpMethod::HEAD ? "" : "123456789"));
        });
        HttpSpec spec = get(server.url());
        spec.method = row.method;
        spec.body = row.body;
        const Ran ran = rig.run(spec);
        CHECK(ran.report.status == Status::ok);
        CHECK(seen.find(row.line) == 0);
        CHECK(seen.find(row.length) != std::string::npos);
        CHECK(seen.find("Expect:") == std::string::npos);
    }
}

TEST_CASE("redirects are followed as far as asked, each on a connection of its own") {
    Rig rig;
    TcpServer server(rig.io(), [&](Peer peer, std::string head) {
        const bool is_last = head.find("GET /3 ") == 0;
        const int next = is_last ? 0 : head[5] - '0' + 1;
        peer->send_then_close(is_last ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                      : "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /" +
                                            std::to_string(next) + "\r\n\r\n");
    });
    HttpSpec spec = get(server.url("/1"));
    CHECK(*rig.run(spec).report.summary.code == "302");
    spec.redirects = 5;
    const Ran ran = rig.run(spec);
    CHECK(ran.report.status == Status::ok);
    CHECK(ran.detail<HttpDetail>().hops.size() == 3);
    CHECK(server.connections == 4);
    spec.redirects = 1;
    const Ran short_of = rig.run(spec);
    CHECK(short_of.report.status == Status::failed);
    CHECK(short_of.report.failure->code == "too_many_redirects");
}

TEST_CASE("the report has a socket for each hop, the last one the answer's") {
    Rig rig;
    TcpServer last(rig.io(), [](Peer peer, std::string) {
        peer->send_then_close("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    TcpServer first(rig.io(), [&](Peer peer, std::string) {
        peer->send_then_close("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + last.url() + "\r\n\r\n");
    });
    HttpSpec spec = get(first.url());
    spec.redirects = 1;
    const Ran ran = rig.run(spec);
    CHECK(ran.report.status == Status::ok);
    REQUIRE(ran.report.sockets.size() == 2);
    CHECK(ran.report.sockets[0].dst_port == first.port());
    CHECK(ran.report.sockets[1].dst_port == last.port());
    for (const SocketFacts& socket : ran.report.sockets) {
        CHECK(socket.src_addr == "127.0.0.1");
        CHECK(socket.src_port != 0);
    }
}

TEST_CASE("what a socket was bound to and marked with can be read without a capability") {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    const std::uint32_t mark = 0x101;
    const bool is_root = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0 &&
                         setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0;
    if (!is_root) MESSAGE("skipped: no right to mark a socket (needs root)");
    if (is_root) {
        // In a child, whose user namespace has no right over this network namespace.
        const pid_t child = fork();
        if (child == 0) {
            const bool is_powerless = unshare(CLONE_NEWUSER) == 0;
            const SocketFacts facts = socket_facts(fd, Endpoint{});
            _exit(is_powerless && facts.ifname == "lo" && facts.fwmark == mark ? 0 : 1);
        }
        int status = -1;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    close(fd);
}

TEST_CASE("P4: a redirect to what policy forbids is refused before a packet, with the hop so far") {
    for (const char* location : {"http://169.254.169.254/latest/", "http://[::1]:9/", "http://2852039166/",
                                 "//10.0.0.1/x", "http://[::ffff:10.0.0.1]/", "file:///etc/passwd", "ftp://198.18.0.1/",
                                 "http://u:p@127.0.0.1/", "gopher://127.0.0.1/"}) {
        CAPTURE(std::string(location));
        TargetPolicy policy;
        policy.services = {Service::http};
        policy.allow = {IpPrefix::parse("127.0.0.1/32").value()};
        Rig rig(policy);
        TcpServer server(rig.io(), [&](Peer peer, std::string) {
            peer->send_then_close(std::string("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ") + location +
                                  "\r\n\r\n");
        });
        HttpSpec spec = get(server.url());
        spec.redirects = 3;
        const Ran ran = rig.run(spec);
        CHECK(ran.report.status == Status::refused);
        CHECK(ran.report.failure->source == Source::policy);
        CHECK(ran.report.failure->code == "denied");
        CHECK(ran.detail<HttpDetail>().hops.size() == 1);
    }
}

TEST_CASE("a Location of 60 KiB that is no URL is told in a sentence, and its report in a frame") {
    for (const std::string& location :
         {std::string(60'000, '\x01'), "gopher" + std::string(8'000, 'x') + "://127.0.0.1/",
          std::string(60'000, '"')}) {
        Rig rig;
        TcpServer server(rig.io(), [&](Peer peer, std::string) {
            peer->send_then_close("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + "\r\n\r\n");
        });
        HttpSpec spec = get(server.url());
        spec.redirects = 3;
        const Ran ran = rig.run(spec);
        REQUIRE(ran.report.failure);
        CHECK(ran.report.status == Status::refused);
        CHECK(ran.report.failure->text.starts_with("the redirect leads to "));
        CHECK(ran.report.failure->text.size() <= 1024);
        CHECK(worker::encode_frame(worker::Done{1, ran.report}).size() <= 4 + worker::kMaxFrame);
    }
}

TEST_CASE("a refused target or port is never connected to") {
    TargetPolicy policy;
    policy.services = {Service::http};
    Rig rig(policy);
    TcpServer server(rig.io(), [](Peer peer, std::string) { peer->close(); });
    const Ran denied = rig.run(get(server.url()));
    CHECK(denied.report.status == Status::refused);
    CHECK(denied.report.failure->phase == "connect");
    CHECK(denied.report.sockets.empty());
    HttpSpec pinned = get("http://www.lab.test/");
    pinned.connect_to = "127.0.0.1";
    CHECK(rig.run(pinned).report.status == Status::refused);
    CHECK(server.connections == 0);
}

TEST_CASE("connect_to replaces the resolver, and the host stays in the request") {
    Rig rig;
    std::string seen;
    TcpServer server(rig.io(), [&](Peer peer, std::string head) {
        seen = head;
        peer->send_then_close("HTTP/1.1 204 No Content\r\n\r\n");
    });
    HttpSpec spec = get("http://www.lab.test:" + std::to_string(server.port()) + "/");
    spec.connect_to = "127.0.0.1";
    CHECK(*rig.run(spec).report.summary.code == "204");
    CHECK(seen.find("Host: www.lab.test:" + std::to_string(server.port())) != std::string::npos);
}

TEST_CASE("what goes wrong has a source, a phase and a code") {
    Rig rig;
    std::uint16_t closed_port = 0;
    {
        TcpServer gone(rig.io(), [](Peer, std::string) {});
        closed_port = gone.port();
    }
    const Ran refused = rig.run(get("http://127.0.0.1:" + std::to_string(closed_port) + "/"));
    CHECK(refused.report.failure->source == Source::target);
    CHECK(refused.report.failure->phase == "connect");
    CHECK(refused.report.failure->code == "ECONNREFUSED");

    const Ran unknown = rig.run(get("http://nowhere.test/"));
    CHECK(unknown.report.failure->phase == "resolve");
    CHECK(unknown.report.failure->code == "no_resolver");

    TcpServer resets(rig.io(), [](Peer peer, std::string) { peer->reset(); });
    const Ran reset = rig.run(get(resets.url()));
    CHECK(reset.report.failure->source == Source::target);
    CHECK(reset.report.failure->code == "ECONNRESET");
    CHECK(answered("").report.failure->code == "empty_reply");
    CHECK(answered("hello\r\n\r\n").report.failure->code == "not_http");
    CHECK(answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").report.failure->code == "partial_body");
    CHECK(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").report.status == Status::failed);
    CHECK(answered("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n").report.status != Status::refused);
}

TEST_CASE("P8: an endless body, endless headers and endless interim answers end at their caps") {
    Rig rig;
    Peer body_peer;
    TcpServer body(rig.io(), [&](Peer peer, std::string) {
        body_peer = peer;
        peer->send("HTTP/1.1 200 OK\r\n\r\n", [peer] { peer->send_forever(std::string(65'536, 'x')); });
    });
    HttpSpec spec = get(body.url());
    spec.max_bytes = 100'000;
    spec.keep_body_bytes = 1000;
    const Ran cut = rig.run(spec);
    CHECK(cut.report.status == Status::ok);
    const auto detail = cut.detail<HttpDetail>();
    CHECK(detail.body_truncated);
    CHECK(detail.hops[0].body_bytes == 100'000);
    CHECK(detail.body->size() == 1000);
    CHECK(cut.seconds < 5);

    TcpServer headers(rig.io(), [](Peer peer, std::string) {
        peer->send("HTTP/1.1 200 OK\r\n", [peer] { peer->send_forever("A: b\r\n"); });
    });
    CHECK(rig.run(get(headers.url())).report.failure->code == "too_many_headers");
    TcpServer large(rig.io(), [](Peer peer, std::string) {
        peer->send("HTTP/1.1 200 OK\r\n", [peer] { peer->send_forever("A: " + std::string(30'000, 'b') + "\r\n"); });
    });
    CHECK(rig.run(get(large.url())).report.failure->code == "headers_too_large");
    TcpServer interim(rig.io(), [](Peer peer, std::string) { peer->send_forever("HTTP/1.1 100 Continue\r\n\r\n"); });
    CHECK(rig.run(get(interim.url())).report.failure->code == "too_many_interim_answers");
    TcpServer one_line(rig.io(), [](Peer peer, std::string) { peer->send_forever(std::string(65'536, 'h')); });
    CHECK(rig.run(get(one_line.url())).report.status == Status::failed);
    TcpServer trailers(rig.io(), [](Peer peer, std::string) {
        peer->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                   [peer] { peer->send_forever("T: x\r\n"); });
    });
    CHECK(rig.run(get(trailers.url())).report.status == Status::failed);
}

TEST_CASE("P9: silence and drips end at the one deadline, whatever arrives meanwhile") {
    Rig rig;
    std::vector<Peer> kept;
    TcpServer silent(rig.io(), [&](Peer peer, std::string) { kept.push_back(peer); });
    const Ran nothing = rig.run(get(silent.url(), 300));
    CHECK(nothing.report.failure->code == "timeout");
    CHECK(nothing.report.failure->phase == "wait");
    CHECK(nothing.seconds < 1.3);
    TcpServer drip(rig.io(),
                   [](Peer peer, std::string) { peer->drip("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x'), 5ms); });
    const Ran slow = rig.run(get(drip.url(), 400));
    CHECK(slow.report.failure->code == "timeout");
    CHECK(slow.report.failure->phase == "read");
    CHECK(slow.detail<HttpDetail>().hops.at(0).status == 200);
    CHECK(slow.seconds < 1.4);
    TcpServer stalled(
        rig.io(), [&](Peer peer, std::string) { kept.push_back(peer); }, true);
    const Ran handshake = rig.run(get("https://127.0.0.1:" + std::to_string(stalled.port()) + "/", 300));
    CHECK(handshake.report.failure->code == "timeout");
    CHECK(handshake.report.failure->phase == "tls");
}

TEST_CASE("a canceled probe answers at once") {
    Rig rig;
    std::vector<Peer> kept;
    TcpServer silent(rig.io(), [&](Peer peer, std::string) { kept.push_back(peer); });
    const Ran ran = rig.run(get(silent.url()), 50ms);
    CHECK(ran.report.status == Status::failed);
    CHECK(ran.report.failure->code == "canceled");
    CHECK(ran.seconds < 1);
}

/// By OpenSSL's own reading of the PEM.
std::string fingerprint_of(const std::string& pem) {
    BIO* in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    REQUIRE(certificate);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(der, static_cast<std::size_t>(size), digest.data());
    OPENSSL_free(der);
    X509_free(certificate);
    BIO_free(in);
    return to_hex(digest);
}

TEST_CASE("TLS facts: a certificate we trust, one we do not, one that has expired, and another name's") {
    struct Row {
        bool is_trusted, is_expired;
        const char* host;
        const char* problem;
    };
    const Row rows[] = {{true, false, "127.0.0.1", ""},
                        {true, false, "www.lab.test", ""},
                        {true, false, "other.test", "hostname_mismatch"},
                        {false, false, "127.0.0.1", "self_signed"},
                        {true, true, "127.0.0.1", "expired"}};
    for (const Row& row : rows) {
        CAPTURE(std::string(row.host));
        CAPTURE(std::string(row.problem));
        auto keeper = std::make_unique<boost::asio::io_context>();
        const auto made = std::make_unique<TlsServer>(*keeper, row.is_expired);
        Rig rig(TargetPolicy::unrestricted(), row.is_trusted ? trust_of(made->certificate_pem()) : TrustStore());
        std::thread serving([&] { keeper->run(); });
        HttpSpec spec = get("https://" + std::string(row.host) + ":" + std::to_string(made->port()) + "/");
        spec.connect_to = "127.0.0.1";
        const Ran strict = rig.run(spec);
        spec.verify = false;
        const Ran lax = rig.run(spec);
        keeper->stop();
        serving.join();
        const bool is_good = std::string_view(row.problem).empty();
        CHECK((strict.report.status == Status::ok) == is_good);
        if (!is_good) {
            CHECK(strict.report.failure->phase == "tls");
            CHECK(strict.report.failure->code == row.problem);
            CHECK(strict.report.failure->source == Source::target);
        }
        CHECK(lax.report.status == Status::ok);
        for (const Ran* ran : {&strict, &lax}) {
            const auto detail = ran->detail<HttpDetail>();
            REQUIRE(detail.hops.size() == 1);
            REQUIRE(detail.hops[0].tls);
            const TlsFacts& tls = *detail.hops[0].tls;
            CHECK(tls.subject == "CN=www.lab.test");
            CHECK(tls.issuer == "CN=www.lab.test");
            CHECK(tls.not_after.size() == 20);
            CHECK(tls.sha256 == fingerprint_of(made->certificate_pem()));
            CHECK(tls.names == std::vector<std::string>{"www.lab.test"});
            CHECK(tls.chain_not_after == tls.not_after);
            // Of a path to somebody who is trusted; the name is another matter.
            const bool has_path = is_good || std::string_view(row.problem) == "hostname_mismatch";
            CHECK(tls.path_not_after.value_or("") == (has_path ? tls.not_after : ""));
            CHECK(tls.verify_error == row.problem);
            CHECK(tls.verified == is_good);
        }
        const auto good = lax.detail<HttpDetail>().hops[0];
        CHECK(good.tls->version == "TLSv1.3");
        CHECK(good.timings.tls_us);
        CHECK(good.timings.connect_us);
    }
}

TEST_CASE("a chain of certificates that costs more to read than any real one ends the handshake, verified or not") {
    struct Row {
        int extra;
        const char* code;  // empty: taken
    };
    for (const Row& row : {Row{15, ""}, Row{16, "certificate_chain_too_long"}, Row{80, "handshake_failed"}}) {
        CAPTURE(row.extra);
        auto keeper = std::make_unique<boost::asio::io_context>();
        const auto made = std::make_unique<TlsServer>(*keeper, false, row.extra);
        Rig rig(TargetPolicy::unrestricted(), trust_of(made->certificate_pem()));
        std::thread serving([&] { keeper->run(); });
        HttpSpec spec = get(made->url());
        const Ran strict = rig.run(spec);
        spec.verify = false;
        const Ran lax = rig.run(spec);
        keeper->stop();
        serving.join();
        for (const Ran* ran : {&strict, &lax}) {
            CHECK((ran->report.status == Status::ok) == std::string_view(row.code).empty());
            if (ran->report.status == Status::ok) continue;
            CHECK(ran->report.failure->phase == "tls");
            CHECK(ran->report.failure->code == row.code);
            CHECK(ran->detail<HttpDetail>().hops[0].timings.connect_us);  // it did connect
            CHECK(!ran->detail<HttpDetail>().hops[0].timings.tls_us);
        }
    }
}

TEST_CASE("P15: garbage instead of TLS is a typed failure") {
    Rig rig;
    for (const std::string& garbage : {std::string(10'000, '\xff'), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
                                       std::string("\x16\x03\x03\x40\x00", 5) + std::string(16'384, '\0'),
                                       std::string("\x15\x03\x03\x00\x02\x02\x28", 7), std::string()}) {
        TcpServer server(
            rig.io(), [&](Peer peer, std::string) { peer->send_then_close(garbage); }, true);
        const Ran ran = rig.run(get("https://127.0.0.1:" + std::to_string(server.port()) + "/", 2000));
        CHECK(ran.report.status == Status::failed);
        CHECK(ran.report.failure->phase == "tls");
        if (garbage.size() == 7) CHECK(ran.report.failure->code == "alert:handshake_failure");
    }
}

TEST_CASE("200 probes at once are answered, each by its own connection") {
    Rig rig;
    TcpServer server(rig.io(), [](Peer peer, std::string) {
        peer->send_then_close("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    int good = 0, over = 0;
    std::vector<ProbePtr> probes;
    for (int i = 0; i < 200; ++i) {
        probes.push_back(make_probe(get(server.url()), rig.surroundings(),
                                    ProbeEvents{[](Json) {},
                                                [&](ProbeReport report) {
                                                    ++over;
                                                    good += report.status == Status::ok;
                                                }}));
        probes.back()->start();
    }
    rig.io().restart();
    while (over < 200 && rig.io().run_one() > 0) {
    }
    CHECK(good == 200);
    CHECK(server.connections == 200);
}
