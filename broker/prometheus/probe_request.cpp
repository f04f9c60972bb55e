#include "broker/prometheus/probe_request.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "protocol/ids.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr double kLongestScrapeS = 120;  // where the scraper does not say
constexpr double kOffsetS = 0.5;         // for the answer's way back
constexpr std::uint64_t kMostBody = 16 * 1024 * 1024;
constexpr std::uint32_t kMostKept = 65'536;

Error bad(std::string text) {
    return Error{Errc::bad_value, {}, std::move(text)};
}

std::string value_of(const std::map<std::string, std::string>& query, const char* name) {
    const auto at = query.find(name);
    return at == query.end() ? std::string() : at->second;
}

bool is_host_header(std::string_view name) {
    constexpr std::string_view kHost = "host";
    return std::ranges::equal(name, kHost, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// What remains for the probe itself: the task has to reach its node, and the result to come back.
std::uint32_t probe_timeout_ms(std::uint64_t within_ms, std::uint64_t most) {
    const std::uint64_t way = std::min<std::uint64_t>(250, within_ms / 4);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(within_ms - way, 1, most));
}

struct UrlParts {
    std::string scheme;  // with ://
    std::string host;    // without brackets
    std::string rest;    // port, path, query
};
UrlParts parts_of(const std::string& url) {
    UrlParts parts;
    const auto host_at = url.find("://") + 3;
    parts.scheme = url.substr(0, host_at);
    const auto host_end = std::min(url.find_first_of("/?#", host_at), url.size());
    const std::string authority = url.substr(host_at, host_end - host_at);
    const auto bracket = authority.find(']');
    const auto colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
    parts.host = authority.substr(0, colon);
    if (parts.host.starts_with('[') && parts.host.ends_with(']'))
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.rest = (colon == std::string::npos ? "" : authority.substr(colon)) + url.substr(host_end);
    return parts;
}

/// The TLS server name is the URL's host, for blackbox_exporter it is the Host header's: that name becomes the URL's
/// host, and the target's address is where it is sought.
Result<> name_the_server(HttpSpec& spec) {
    const auto host = std::ranges::find_if(spec.headers, [](const auto& one) { return is_host_header(one.name); });
    if (host == spec.headers.end() || !spec.target.starts_with("https://")) return ok();
    const UrlParts parts = parts_of(spec.target);
    const std::string name = host->value.substr(0, host->value.find(':'));
    if (parts.host == name) return ok();
    if (!IpAddress::parse(parts.host))
        return bad("with the Host header " + name + " an https target is https://" + name +
                   " or an address: lines resolve names by themselves, and would ask " + parts.host +
                   " for its own certificate");
    spec.connect_to = parts.host;
    spec.target = parts.scheme + name + parts.rest;
    return ok();
}

Result<ProbeSpec> spec_of(const HttpModule& module, const ProbeQuery& query, std::uint64_t within_ms) {
    HttpSpec spec;
    const bool has_scheme = query.target.starts_with("http://") || query.target.starts_with("https://");
    spec.target = (has_scheme ? "" : "http://") + query.target;
    spec.method = module.method;
    spec.headers = module.headers;
    if (!query.hostname.empty()) {
        for (const auto& [name, value] : spec.headers) {
            if (is_host_header(name) && value != query.hostname)
                return bad("host header defined both in module configuration (" + value +
                           ") and with URL-parameter 'hostname' (" + query.hostname + ")");
        }
        std::erase_if(spec.headers, [](const auto& one) { return is_host_header(one.name); });
        spec.headers.push_back({"Host", query.hostname});
    }
    spec.body = module.body;
    spec.version = module.enable_http2 ? HttpVersion::automatic : HttpVersion::http1;
    spec.family = module.family;
    spec.verify = module.verify;
    spec.redirects = module.follow_redirects ? 10 : 0;
    spec.max_bytes = static_cast<std::uint32_t>(
        module.body_size_limit == 0 ? kMostBody : std::min(module.body_size_limit, kMostBody));
    spec.keep_body_bytes = module.looks_at_body() ? kMostKept : 0;
    spec.timeout_ms = probe_timeout_ms(within_ms, 120'000);
    EDGE_TRY(name_the_server(spec));
    return ProbeSpec(std::move(spec));
}

Result<ProbeSpec> spec_of(const DnsModule& module, const ProbeQuery& query, std::uint64_t within_ms) {
    DnsSpec spec;
    spec.target = module.query_name;
    spec.type = module.query_type;
    spec.transport = module.transport;
    spec.rd = module.recursion_desired;
    spec.timeout_ms = probe_timeout_ms(within_ms, 60'000);
    if (IpAddress::parse(query.target)) {
        spec.server = query.target;
        return ProbeSpec(std::move(spec));
    }
    const UrlParts parts = parts_of("dns://" + query.target);
    if (!IpAddress::parse(parts.host))
        return bad("the target of a dns module is the server's address, with or without a port: ADDRESS:PORT");
    spec.server = parts.host;
    const std::string digits = parts.rest.empty() ? "53" : parts.rest.substr(1);
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), spec.port);
    if (failed != std::errc{} || stop != digits.data() + digits.size()) return bad("the target's port is no number");
    return ProbeSpec(std::move(spec));
}

Result<ProbeSpec> spec_of(const IcmpModule& module, const ProbeQuery& query, std::uint64_t within_ms) {
    PingSpec spec;
    spec.target = query.target;
    spec.family = module.family;
    spec.size = module.payload_size;
    spec.count = module.packets;
    const std::uint32_t all_ms = probe_timeout_ms(within_ms, 60'000);
    spec.interval_ms = std::clamp<std::uint32_t>(all_ms / (2 * module.packets), 10, 200);
    spec.timeout_ms = std::max<std::uint32_t>(all_ms - std::min(all_ms, (module.packets - 1) * spec.interval_ms), 1);
    return ProbeSpec(std::move(spec));
}

}  // namespace

Result<ProbeQuery> probe_query(const std::map<std::string, std::string>& query) {
    ProbeQuery asked;
    if (const auto module = value_of(query, "module"); !module.empty()) asked.module = module;
    asked.target = value_of(query, "target");
    if (asked.target.empty()) return bad("Target parameter is missing");
    asked.hostname = value_of(query, "hostname");
    asked.debug = value_of(query, "debug") == "true";
    const auto add = [&asked](const std::string& term) {
        asked.selector += (asked.selector.empty() ? "" : " ") + term;
    };
    for (const char* name : {"node", "line"}) {
        const std::string value = value_of(query, name);
        if (value.empty()) continue;
        if (!LineName::parse(value)) return bad(std::string(name) + ": a name is 1 to 31 of a-z, 0-9 and '-'");
        add(std::string(name) + ":" + value);
    }
    if (const auto from = value_of(query, "from"); !from.empty()) add(from);
    if (asked.selector.empty())
        return bad("Line parameter is missing: node and line, or from with a selector, say which line probes");
    if (asked.selector.size() > 1024) return bad("from: at most 1024 characters");
    return asked;
}

Result<std::uint64_t> answer_within_ms(std::string_view header, const Module& module) {
    double scrape_s = kLongestScrapeS;
    if (!header.empty()) {
        const auto [stop, failed] = std::from_chars(header.data(), header.data() + header.size(), scrape_s);
        if (failed != std::errc{} || stop != header.data() + header.size() || !std::isfinite(scrape_s) || scrape_s < 0)
            return bad("Failed to parse timeout from Prometheus header: it is no number of seconds");
        if (scrape_s == 0) scrape_s = kLongestScrapeS;
    }
    const double left_s = std::min(scrape_s, kLongestScrapeS) - kOffsetS;
    const auto left_ms = static_cast<std::uint64_t>(std::max(left_s, 0.0) * 1000);
    if (module.timeout_ms > 0 && (module.timeout_ms < left_ms || left_s <= 0)) return module.timeout_ms;
    return std::max<std::uint64_t>(left_ms, 1);
}

Result<ProbeSpec> probe_spec(const Module& module, const ProbeQuery& query, std::uint64_t within_ms) {
    auto spec = std::visit([&](const auto& one) { return spec_of(one, query, within_ms); }, module.probe);
    if (!spec) return spec.error();
    if (const auto good = check(spec.value()); !good) {
        const std::string where = good.error().where;
        return bad((where.empty() ? where : where.substr(1) + ": ") + good.error().detail);
    }
    return spec;
}

}  // namespace edge::broker::prometheus
