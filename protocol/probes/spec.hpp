// What a probe is asked to do: the `params` of a job, one struct a service, and the bounds both ends check.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/result.hpp"

namespace edge {

enum class Service { dns, http, ping };
BOOST_DESCRIBE_ENUM(Service, dns, http, ping)

/// Which address family to use for a name that has both: `any` takes the resolver's IPv4 answer first, then IPv6;
/// `v6_first` the other way round.
enum class Family { any, v4, v6, v6_first };
BOOST_DESCRIBE_ENUM(Family, any, v4, v6, v6_first)

struct PingSpec {
    static constexpr bool fields_have_defaults = true;
    std::string target;  // a name or an address
    Family family = Family::any;
    std::uint32_t count = 4;          // 1..1000
    std::uint32_t interval_ms = 200;  // 10..60000
    std::uint32_t size = 56;          // payload bytes, 16..1400 (16 hold the cookie that proves a reply is ours)
    std::uint32_t timeout_ms = 2000;  // of each reply, 1..60000
};
BOOST_DESCRIBE_STRUCT(PingSpec, (), (target, family, count, interval_ms, size, timeout_ms))

enum class DnsTransport { udp, tcp };
BOOST_DESCRIBE_ENUM(DnsTransport, udp, tcp)

struct DnsSpec {
    static constexpr bool fields_have_defaults = true;
    std::string target;      // the name asked for
    std::string type = "A";  // A AAAA CNAME MX NS SOA TXT PTR SRV CAA … or TYPEnnn
    DnsTransport transport = DnsTransport::udp;
    std::optional<std::string> server;      // an address; without it the line's first resolver
    std::uint32_t port = 53;                // 1..65535
    bool rd = true;                         // recursion desired
    std::uint32_t udp_payload_size = 1232;  // EDNS, 512..4096
    std::uint32_t tries = 1;                // 1..5
    std::uint32_t timeout_ms = 3000;        // of each try, 1..60000
};
BOOST_DESCRIBE_STRUCT(DnsSpec, (), (target, type, transport, server, port, rd, udp_payload_size, tries, timeout_ms))

enum class HttpMethod { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS };
BOOST_DESCRIBE_ENUM(HttpMethod, GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS)

enum class HttpVersion { automatic, http1, http2 };
BOOST_DESCRIBE_ENUM(HttpVersion, automatic, http1, http2)

struct HttpHeader {
    std::string name;
    std::string value;
};
BOOST_DESCRIBE_STRUCT(HttpHeader, (), (name, value))

struct HttpSpec {
    static constexpr bool fields_have_defaults = true;
    std::string target;  // http:// or https:// URL
    HttpMethod method = HttpMethod::GET;
    std::vector<HttpHeader> headers;  // at most 64, 16 KiB in all
    std::string body;                 // at most 16 KiB
    HttpVersion version = HttpVersion::automatic;
    Family family = Family::any;
    std::optional<std::string> connect_to;  // an address used in place of resolving the URL's host
    bool verify = true;                     // the server's certificate
    std::uint32_t redirects = 0;            // followed at most, 0..10
    std::uint32_t max_bytes = 1'048'576;    // of body read, 0..16 MiB
    std::uint32_t keep_body_bytes = 0;      // of body kept in the result, 0..65536
    std::uint32_t timeout_ms = 10'000;      // of everything, 1..120000
};
BOOST_DESCRIBE_STRUCT(HttpSpec, (),
                      (target, method, headers, body, version, family, connect_to, verify, redirects, max_bytes,
                       keep_body_bytes, timeout_ms))

using ProbeSpec = std::variant<DnsSpec, HttpSpec, PingSpec>;

Service service_of(const ProbeSpec& spec);
const std::string& target_of(const ProbeSpec& spec);
/// The longest the probe can take by its own timeouts, in milliseconds.
std::uint64_t longest_run_ms(const ProbeSpec& spec);

/// The params of a job, decoded strictly and checked. Errors: bad_value with a JSON pointer below `/params`.
Result<ProbeSpec> decode_spec(Service service, const Json& params);
Json encode_spec(const ProbeSpec& spec);

/// Bounds, names, URL scheme, header characters. Errors: bad_value with a JSON pointer, as `/count: …`.
Result<> check(const ProbeSpec& spec);

/// The 16-bit DNS type for `A`, `MX`, `TYPE65`, …; case does not matter.
std::optional<std::uint16_t> dns_type_number(std::string_view name);
/// `MX`, or `TYPEnnn` where we have no name.
std::string dns_type_name(std::uint16_t number);

}  // namespace edge
