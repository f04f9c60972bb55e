#include "protocol/probes/spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "protocol/json/described.hpp"

namespace edge {
namespace {

struct TypeName {
    std::string_view name;
    std::uint16_t number;
};
// Source: IANA, Domain Name System parameters, resource record types.
constexpr std::array kTypes = std::to_array<TypeName>({
    {"A", 1},      {"NS", 2},       {"CNAME", 5}, {"SOA", 6},     {"PTR", 12},   {"HINFO", 13},      {"MX", 15},
    {"TXT", 16},   {"AAAA", 28},    {"LOC", 29},  {"SRV", 33},    {"NAPTR", 35}, {"DNAME", 39},      {"DS", 43},
    {"SSHFP", 44}, {"RRSIG", 46},   {"NSEC", 47}, {"DNSKEY", 48}, {"NSEC3", 50}, {"NSEC3PARAM", 51}, {"TLSA", 52},
    {"CDS", 59},   {"CDNSKEY", 60}, {"SVCB", 64}, {"HTTPS", 65},  {"ANY", 255},  {"CAA", 257},
});

Error bad(std::string where, std::string detail) {
    return Error{Errc::bad_value, std::move(where), std::move(detail)};
}

Result<> in_range(const char* where, std::uint32_t value, std::uint32_t low, std::uint32_t high) {
    if (value >= low && value <= high) return ok();
    return bad(where,
               std::to_string(value) + " is out of range, " + std::to_string(low) + " to " + std::to_string(high));
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

/// A DNS name or an address: no white space or control characters, labels of 1 to 63, 253 in all.
Result<> check_name(const char* where, std::string_view name) {
    if (name.empty()) return bad(where, "missing");
    if (IpAddress::parse(name)) return ok();
    if (name == ".") return ok();
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.size() > 253) return bad(where, "a name is at most 253 characters");
    std::size_t label = 0;
    for (const char c : name) {
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return bad(where, "a label is longer than 63 characters");
    }
    if (!is_printable(name) || name.starts_with('.') || name.ends_with('.') ||
        name.find("..") != std::string_view::npos || name.find_first_of("/@:?#[]\\\"") != std::string_view::npos ||
        name.starts_with('-')) {
        return bad(where, "expected a host name or an address");
    }
    return ok();
}

Result<> check_address(const char* where, const std::string& text) {
    if (!IpAddress::parse(text)) return bad(where, "expected an IPv4 or IPv6 address");
    return ok();
}

Result<> check_one(const PingSpec& spec) {
    EDGE_TRY(check_name("/target", spec.target));
    EDGE_TRY(in_range("/count", spec.count, 1, 1000));
    EDGE_TRY(in_range("/interval_ms", spec.interval_ms, 10, 60'000));
    EDGE_TRY(in_range("/size", spec.size, 16, 1400));
    EDGE_TRY(in_range("/timeout_ms", spec.timeout_ms, 1, 60'000));
    return ok();
}

Result<> check_one(const DnsSpec& spec) {
    EDGE_TRY(check_name("/target", spec.target));
    if (!dns_type_number(spec.type))
        return bad("/type", "unknown type \"" + spec.type + "\"; TYPEnnn names any by number");
    if (spec.server) {
        EDGE_TRY(check_address("/server", *spec.server));
    }
    EDGE_TRY(in_range("/port", spec.port, 1, 65'535));
    EDGE_TRY(in_range("/udp_payload_size", spec.udp_payload_size, 512, 4096));
    EDGE_TRY(in_range("/tries", spec.tries, 1, 5));
    EDGE_TRY(in_range("/timeout_ms", spec.timeout_ms, 1, 60'000));
    return ok();
}

bool is_token(std::string_view text) {
    // RFC 9110 section 5.6.2
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

/// libcurl and Beast both write CR LF through into a header's value; a framing header would let a user desynchronise
/// the connection.
Result<> check_headers(const std::vector<HttpHeader>& headers) {
    if (headers.size() > 64) return bad("/headers", "at most 64 headers");
    std::size_t total = 0;
    for (std::size_t i = 0; i < headers.size(); ++i) {
        const std::string where = "/headers/" + std::to_string(i);
        const auto& [name, value] = headers[i];
        total += name.size() + value.size();
        if (!is_token(name)) return bad(where + "/name", "not a header name (RFC 9110 token)");
        for (const char* framing : {"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}) {
            if (lower(name) == framing) return bad(where + "/name", "the prober sets this header itself");
        }
        const bool clean = std::all_of(value.begin(), value.end(),
                                       [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
        if (!clean) return bad(where + "/value", "control characters are not allowed in a header");
    }
    if (total > 16 * 1024) return Error{Errc::too_large, "/headers", "at most 16 KiB in all"};
    return ok();
}

/// What stands behind the host's colon; nothing there is the scheme's own port.
Result<> check_port(std::string_view port) {
    if (port.find(':') != std::string_view::npos)
        return bad("/target", "an IPv6 address in a URL stands in brackets, as http://[2001:db8::1]:8080/");
    std::uint16_t number = 0;
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (!port.empty() && (failed != std::errc{} || end != port.data() + port.size() || number == 0))
        return bad("/target", "the port \"" + std::string(port.substr(0, 16)) + "\" is no number from 1 to 65535");
    return ok();
}

/// http or https, a host, no characters that end a request line. The rest of the URL is libcurl's to judge.
Result<> check_url(std::string_view url) {
    if (url.empty()) return bad("/target", "missing");
    const std::string scheme = lower(url.substr(0, 8));
    if (!scheme.starts_with("http://") && !scheme.starts_with("https://")) {
        return bad("/target", "expected a URL that begins with http:// or https://");
    }
    if (url.size() > 4096) return bad("/target", "a URL is at most 4096 characters");
    if (!is_printable(url)) return bad("/target", "spaces and control characters must be percent-encoded");
    url.remove_prefix(url.find("//") + 2);
    const std::string_view host = url.substr(0, url.find_first_of("/?#\\"));
    if (host.find('@') != std::string_view::npos)
        return bad("/target", "a user name or password in a URL would be stored and shown; leave it out");
    if (host.empty() || host.front() == ':') return bad("/target", "expected a host after the scheme");
    const auto colon = host.find(':', host.front() == '[' ? host.find(']') : 0);
    if (colon != std::string_view::npos) {
        EDGE_TRY(check_port(host.substr(colon + 1)));
    }
    return ok();
}

Result<> check_one(const HttpSpec& spec) {
    EDGE_TRY(check_url(spec.target));
    EDGE_TRY(check_headers(spec.headers));
    if (spec.body.size() > 16 * 1024) return Error{Errc::too_large, "/body", "at most 16 KiB"};
    if (spec.connect_to) {
        EDGE_TRY(check_address("/connect_to", *spec.connect_to));
    }
    EDGE_TRY(in_range("/redirects", spec.redirects, 0, 10));
    EDGE_TRY(in_range("/max_bytes", spec.max_bytes, 0, 16 * 1024 * 1024));
    EDGE_TRY(in_range("/keep_body_bytes", spec.keep_body_bytes, 0, 65'536));
    EDGE_TRY(in_range("/timeout_ms", spec.timeout_ms, 1, 120'000));
    return ok();
}

template <class Spec>
Result<ProbeSpec> decode_one(const Json& params) {
    Spec spec;
    EDGE_TRY(decode_into(spec, params, UnknownFields::reject));
    ProbeSpec probe = std::move(spec);
    EDGE_TRY(check(probe));
    return probe;
}

}  // namespace

Service service_of(const ProbeSpec& spec) {
    struct {
        Service operator()(const DnsSpec&) const { return Service::dns; }
        Service operator()(const HttpSpec&) const { return Service::http; }
        Service operator()(const PingSpec&) const { return Service::ping; }
    } visitor;
    return std::visit(visitor, spec);
}

const std::string& target_of(const ProbeSpec& spec) {
    return std::visit([](const auto& one) -> const std::string& { return one.target; }, spec);
}

std::uint64_t longest_run_ms(const ProbeSpec& spec) {
    constexpr std::uint64_t kResolve = 5'000;  // a name is resolved over the line first
    struct {
        std::uint64_t operator()(const DnsSpec& s) const { return std::uint64_t{s.tries} * s.timeout_ms; }
        std::uint64_t operator()(const HttpSpec& s) const { return s.timeout_ms; }
        std::uint64_t operator()(const PingSpec& s) const {
            return kResolve + std::uint64_t{s.count - 1} * s.interval_ms + s.timeout_ms;
        }
    } visitor;
    return std::visit(visitor, spec);
}

Result<ProbeSpec> decode_spec(Service service, const Json& params) {
    auto spec = service == Service::dns    ? decode_one<DnsSpec>(params)
                : service == Service::http ? decode_one<HttpSpec>(params)
                                           : decode_one<PingSpec>(params);
    if (!spec) {
        Error error = spec.error();
        error.where = "/params" + (error.where == "/" ? "" : error.where);
        return error;
    }
    return spec;
}

Json encode_spec(const ProbeSpec& spec) {
    return std::visit([](const auto& one) { return encode(one); }, spec);
}

Result<> check(const ProbeSpec& spec) {
    return std::visit([](const auto& one) { return check_one(one); }, spec);
}

std::optional<std::uint16_t> dns_type_number(std::string_view name) {
    std::string upper(name);
    for (char& c : upper) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    for (const auto& type : kTypes) {
        if (type.name == upper) return type.number;
    }
    if (!upper.starts_with("TYPE")) return std::nullopt;
    std::uint16_t number = 0;
    const char* end = upper.data() + upper.size();
    const auto [stop, failed] = std::from_chars(upper.data() + 4, end, number);
    if (failed != std::errc{} || stop != end || upper.size() == 4) return std::nullopt;
    return number;
}

std::string dns_type_name(std::uint16_t number) {
    for (const auto& type : kTypes) {
        if (type.number == number) return std::string(type.name);
    }
    return "TYPE" + std::to_string(number);
}

}  // namespace edge
