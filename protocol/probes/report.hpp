// What a probe answers. A worker makes a ProbeReport; the agent adds what the worker cannot prove (evidence) and sends
// both as one result. A timeout or NXDOMAIN is an answer, never an exception.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/json/bounded.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/result.hpp"

namespace edge {

/// ok: did what was asked. failed: the target, path or line did not. partial: some of it. refused: never started.
enum class Status { ok, failed, partial, refused };
BOOST_DESCRIBE_ENUM(Status, ok, failed, partial, refused)

/// Whose fault it is, as far as can be told from here.
enum class Source { target, resolver, path, line, agent, policy };
BOOST_DESCRIBE_ENUM(Source, target, resolver, path, line, agent, policy)

struct Failure {
    Source source = Source::agent;
    std::string phase;  // spec resolve connect tls send wait read check start
    std::string code;   // an errno name (ECONNREFUSED), rcode (NXDOMAIN), TLS alert, `timeout`, `denied`, …
    std::string text;   // one sentence for a person
};
BOOST_DESCRIBE_STRUCT(Failure, (), (source, phase, code, text))

/// Read from a probe's own socket by getsockname(2), getpeername(2) and SO_BINDTODEVICE, SO_MARK, SO_PROTOCOL. All can
/// be read without a capability.
struct SocketFacts {
    static constexpr bool fields_have_defaults = true;
    std::string src_addr;
    std::uint16_t src_port = 0;
    std::string dst_addr;
    std::uint16_t dst_port = 0;
    std::string ifname;          // bound device, empty when none
    std::uint32_t fwmark = 0;    // 0 when none
    std::uint16_t protocol = 0;  // IPPROTO_TCP, …; 0: not told
};
BOOST_DESCRIBE_STRUCT(SocketFacts, (), (src_addr, src_port, dst_addr, dst_port, ifname, fwmark, protocol))

/// More than a probe has: 11 hops of HTTP, or 5 tries of DNS by UDP and then TCP.
inline constexpr std::size_t kMaxSockets = 16;

/// What aggregates are made of.
struct Summary {
    static constexpr bool fields_have_defaults = true;
    std::uint64_t duration_us = 0;        // from start to end, monotonic
    std::optional<std::uint64_t> rtt_us;  // ping: average; dns: the answering try; http: connect
    std::optional<double> loss;           // percent
    std::optional<std::string> code;      // rcode or HTTP status
    std::optional<std::uint64_t> bytes;   // received
};
BOOST_DESCRIBE_STRUCT(Summary, (), (duration_us, rtt_us, loss, code, bytes))

struct PingReply {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t seq = 0;                // from 0
    std::optional<std::uint64_t> rtt_us;  // empty: lost
    std::optional<std::uint32_t> ttl;     // or hop limit
    std::optional<std::uint32_t> size;    // payload bytes received
    std::optional<std::string> from;      // when not the target
    std::optional<std::string> error;     // ICMP error, as `unreachable:host`
    std::uint64_t tx_us = 0;              // since the probe began
    bool dup = false;
};
BOOST_DESCRIBE_STRUCT(PingReply, (), (seq, rtt_us, ttl, size, from, error, tx_us, dup))

struct PingDetail {
    static constexpr bool fields_have_defaults = true;
    std::string dst_addr;
    std::uint32_t size = 0;
    std::uint32_t sent = 0;
    std::uint32_t rcvd = 0;
    std::uint32_t dup = 0;
    std::uint32_t late = 0;     // came after their own timeout; counted as lost
    std::uint32_t ignored = 0;  // arrived and were no answer of ours: wrong cookie, not yet sent, malformed
    double loss_percent = 0;
    std::optional<std::uint64_t> min_us;
    std::optional<std::uint64_t> avg_us;
    std::optional<std::uint64_t> max_us;
    std::optional<std::uint64_t> mdev_us;  // as ping(8): sqrt(mean of squares - square of mean)
    std::vector<PingReply> replies;
};
BOOST_DESCRIBE_STRUCT(PingDetail, (),
                      (dst_addr, size, sent, rcvd, dup, late, ignored, loss_percent, min_us, avg_us, max_us, mdev_us,
                       replies))

struct DnsRecord {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::string type;  // `MX`, or `TYPE65280`
    std::string class_ = "IN";
    std::uint32_t ttl = 0;
    std::string rdata;  // presentation text; of a type without one, hex as in RFC 3597 (`\# 4 0a000001`)
};
BOOST_DESCRIBE_STRUCT(DnsRecord, (), (name, type, class_, ttl, rdata))

struct DnsHeader {
    static constexpr bool fields_have_defaults = true;
    std::uint16_t id = 0;
    bool qr = false, aa = false, tc = false, rd = false, ra = false, ad = false, cd = false;
    std::uint32_t opcode = 0;
    std::string rcode;  // NOERROR, NXDOMAIN, …
};
BOOST_DESCRIBE_STRUCT(DnsHeader, (), (id, qr, opcode, aa, tc, rd, ra, ad, cd, rcode))

struct DnsDetail {
    static constexpr bool fields_have_defaults = true;
    std::string server;  // address asked
    std::uint16_t port = 0;
    std::string transport;  // udp or tcp, the one that answered (tcp also after a truncated UDP answer)
    std::uint32_t tries = 0;
    std::uint32_t ignored = 0;                // messages that were no answer to this question: spoofed, late, malformed
    std::uint64_t query_us = 0;               // query sent to answer received
    std::optional<std::uint64_t> connect_us;  // tcp
    std::uint64_t size = 0;                   // of the answer's message
    std::optional<DnsHeader> header;
    std::vector<DnsRecord> question;
    std::vector<DnsRecord> answer;
    std::vector<DnsRecord> authority;
    std::vector<DnsRecord> additional;
    bool truncated_by_us = false;  // more records than we keep
};
BOOST_DESCRIBE_STRUCT(DnsDetail, (),
                      (server, port, transport, tries, ignored, query_us, connect_us, size, header, question, answer,
                       authority, additional, truncated_by_us))

struct HttpTimings {  // microseconds, each phase by itself
    static constexpr bool fields_have_defaults = true;
    std::optional<std::uint64_t> resolve_us;
    std::optional<std::uint64_t> connect_us;
    std::optional<std::uint64_t> tls_us;
    std::optional<std::uint64_t> first_byte_us;  // request sent to first byte of the answer
    std::optional<std::uint64_t> transfer_us;    // first byte to last
    std::uint64_t total_us = 0;
};
BOOST_DESCRIBE_STRUCT(HttpTimings, (), (resolve_us, connect_us, tls_us, first_byte_us, transfer_us, total_us))

struct TlsFacts {
    static constexpr bool fields_have_defaults = true;
    std::string version;
    std::string cipher;
    std::string alpn;
    std::string subject;
    std::string issuer;
    std::string not_after;  // RFC 3339
    bool verified = false;
    std::string verify_error;
    std::string sha256;                         // of the certificate, in hex
    std::vector<std::string> names;             // DNS names it is for, as far as we keep them
    std::string chain_not_after;                // RFC 3339: the first end of those that were sent
    std::optional<std::string> path_not_after;  // the same of the path to a root that we trust, if there is one
};
BOOST_DESCRIBE_STRUCT(TlsFacts, (),
                      (version, cipher, alpn, subject, issuer, not_after, verified, verify_error, sha256, names,
                       chain_not_after, path_not_after))

struct HttpHop {  // one request and its answer
    static constexpr bool fields_have_defaults = true;
    std::string url;
    std::string peer;  // address and port
    std::uint32_t status = 0;
    std::string reason;
    std::string protocol;             // HTTP/1.1, HTTP/2
    std::vector<HttpHeader> headers;  // in the order received
    bool headers_truncated = false;   // more than we keep
    std::uint64_t header_bytes = 0;
    std::uint64_t body_bytes = 0;  // as received
    HttpTimings timings;
    std::optional<TlsFacts> tls;
};
BOOST_DESCRIBE_STRUCT(HttpHop, (),
                      (url, peer, status, reason, protocol, headers, headers_truncated, header_bytes, body_bytes,
                       timings, tls))

struct HttpDetail {
    static constexpr bool fields_have_defaults = true;
    std::vector<HttpHop> hops;  // redirects, then the last; at least one when a request was sent
    std::vector<std::string> resolved;
    std::optional<std::string> resolver;
    bool body_truncated = false;          // stopped at max_bytes
    std::optional<std::string> body;      // the first keep_body_bytes, if they are UTF-8
    std::optional<std::string> body_b64;  // the same otherwise
};
BOOST_DESCRIBE_STRUCT(HttpDetail, (), (hops, resolved, resolver, body_truncated, body, body_b64))

/// How deep a detail may be nested. The API puts it into an item of a list, and all of that is read with a bound of 32.
inline constexpr std::size_t kDetailDepth = 24;

struct ProbeReport {
    static constexpr bool fields_have_defaults = true;
    Status status = Status::failed;
    std::optional<Failure> failure;
    std::uint64_t started_us = 0;  // wall clock, microseconds since 1970
    Summary summary;
    // That carried the measurement, in order: one a hop of HTTP, one a socket of DNS. The answer came from the last.
    std::vector<SocketFacts> sockets;
    std::vector<std::string> resolved;  // addresses the target's name had, in the order given
    std::uint32_t concurrency = 0;      // tasks of this worker when it started
    // PingDetail, DnsDetail or HttpDetail. Not described: it is written once, by the worker, and stands beside the rest
    // of the report wherever that goes.
    JsonText detail;
};
BOOST_DESCRIBE_STRUCT(ProbeReport, (), (status, failure, started_us, summary, sockets, resolved, concurrency))

}  // namespace edge
