#include "broker/webhooks/receiver_rule.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "protocol/targets/special_ranges.hpp"

namespace edge::broker::webhooks {
namespace {

constexpr std::size_t kLongestUrl = 2'048;
constexpr std::size_t kLongestHost = 253;
constexpr std::size_t kLongestLabel = 63;

Error bad(std::string detail) {
    return Error{Errc::bad_value, "/url", std::move(detail)};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

std::string lower(std::string_view text) {
    std::string small(text);
    for (char& c : small) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return small;
}

bool is_label(std::string_view label) {
    const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; };
    return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, fits);
}

/// `2130706433`, `0x7f.1`, `017700000001`: what some parsers read as an address. A name's last label begins with a
/// letter and is no number of any base.
bool looks_like_number(std::string_view label) {
    return !is_letter(label.front()) || (label.size() > 1 && label[0] == '0' && label[1] == 'x');
}

Result<std::string> parse_host(std::string_view text) {
    if (text.starts_with('[')) {
        const auto address = IpAddress::parse(text.substr(1, text.size() - 2));
        if (!text.ends_with(']') || !address || !address.value().v6)
            return bad("in brackets stands an IPv6 address, without a zone");
        return address.value().text();
    }
    std::string host = lower(text);
    if (const auto address = IpAddress::parse(host)) return address.value().text();
    if (host.empty() || host.size() > kLongestHost) return bad("a host name is 1 to 253 characters");
    std::string_view rest = host;
    while (true) {
        const auto dot = rest.find('.');
        const std::string_view label = rest.substr(0, dot);
        if (!is_label(label))
            return bad("the host is neither a name nor an address; write an international name in its xn-- form");
        if (dot == std::string_view::npos) {
            if (looks_like_number(label)) return bad("write an IPv4 address as four numbers, 192.0.2.1");
            return host;
        }
        rest.remove_prefix(dot + 1);
    }
}

Result<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0) return bad("a port is 1 to 65535");
    return port;
}

bool may_stand_in_url(unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"<>\\^`{|}#").find(static_cast<char>(c)) == std::string_view::npos;
}

}  // namespace

Result<ReceiverUrl> parse_receiver(const std::string& url) {
    if (url.size() > kLongestUrl) return bad("at most 2048 characters");
    if (!std::ranges::all_of(url, may_stand_in_url))
        return bad("no spaces, control characters, \" < > \\ ^ ` { | } and no fragment; write them as %XX");
    const auto colon = url.find("://");
    const std::string scheme = colon == std::string::npos ? std::string() : lower(url.substr(0, colon));
    if (scheme != "http" && scheme != "https") return bad("expected https://HOST/PATH");
    const std::string_view after = std::string_view(url).substr(colon + 3);
    const std::size_t end = std::min(after.find_first_of("/?"), after.size());
    std::string_view authority = after.substr(0, end);
    std::string path(after.substr(end));
    if (!path.starts_with('/')) path.insert(0, "/");
    if (authority.find('@') != std::string_view::npos)
        return bad("no user name or password in a URL: a message is signed, that is how a receiver knows it");
    ReceiverUrl parsed;
    parsed.is_https = scheme == "https";
    parsed.port = parsed.is_https ? 443 : 80;
    const std::size_t bracket = authority.rfind(']');
    const std::size_t port_at = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    bool has_port = false;
    if (port_at != std::string_view::npos) {
        EDGE_TRY(const auto port, parse_port(authority.substr(port_at + 1)));
        has_port = port != parsed.port;
        parsed.port = port;
        authority = authority.substr(0, port_at);
    }
    EDGE_TRY(parsed.host, parse_host(authority));
    const bool is_v6 = parsed.host.find(':') != std::string::npos;
    parsed.text = scheme + "://" + (is_v6 ? "[" + parsed.host + "]" : parsed.host) +
                  (has_port ? ":" + std::to_string(parsed.port) : "") + path;
    return parsed;
}

std::optional<std::string> ReceiverRule::refusal(const ReceiverUrl& url) const {
    if (!url.is_https && !allow_http)
        return "only https may be spoken; [webhooks] allow_http of the broker allows http";
    if (!ports.empty() && std::ranges::find(ports, url.port) == ports.end())
        return "port " + std::to_string(url.port) + " is not one of [webhooks] ports of the broker";
    if (const auto address = IpAddress::parse(url.host)) return refusal(url, address.value());
    return std::nullopt;
}

std::optional<std::string> ReceiverRule::refusal(const ReceiverUrl& url, const IpAddress& address) const {
    if (std::ranges::find(allow_hosts, url.host) != allow_hosts.end()) return std::nullopt;
    std::vector<IpAddress> stands_for = embedded_v4(address);
    stands_for.insert(stands_for.begin(), address);
    for (const IpAddress& one : stands_for) {
        if (std::ranges::any_of(allow, [&](const IpPrefix& prefix) { return prefix.contains(one); })) continue;
        if (const auto range = special_range(one)) {
            return (one == address ? one.text() : address.text() + ", which leads to " + one.text() + ",") + " is in " +
                   range->prefix.text() + ", " + std::string(range->what) +
                   "; [webhooks] allow of the broker lets private receivers be spoken to";
        }
    }
    return std::nullopt;
}

}  // namespace edge::broker::webhooks
