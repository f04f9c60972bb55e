#include "agent/link/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/ip.hpp"

namespace edge::agent {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::string_view kDefaultPort = "443";
constexpr std::string_view kPinPrefix = "sha256:";
constexpr std::string_view kPinKey = "pin=";
constexpr std::string_view kTokenPrefix = "edgej_";
constexpr std::size_t kMaxToken = 512;

Error bad_url(std::string detail) {
    return {Errc::bad_value, "the broker's URL", std::move(detail)};
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
    return error == std::errc{} && end == text.end() && port > 0;
}

bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

Result<Digest> digest_of(const std::optional<Bytes>& bytes) {
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) return Error{Errc::bad_value, "pin", "expected 32 bytes"};
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return digest;
}

std::string to_plain_base64(std::string_view base64url) {
    std::string text(base64url);
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    while (text.size() % 4 != 0) text.push_back('=');
    return text;
}

}  // namespace

std::string Endpoint::authority() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

Result<Endpoint> parse_broker_url(std::string_view url) {
    if (!url.starts_with(kScheme)) return bad_url("expected https://HOST:PORT");
    url.remove_prefix(kScheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    std::string_view host = url;
    std::string_view port = kDefaultPort;
    if (url.starts_with('[')) {
        const auto close = url.find(']');
        if (close == std::string_view::npos) return bad_url("a bracket without its end");
        host = url.substr(1, close - 1);
        const auto address = IpAddress::parse(host);
        if (!address || !address.value().v6) return bad_url("expected an IPv6 address between the brackets");
        url.remove_prefix(close + 1);
        if (!url.empty() && url.front() != ':') return bad_url("expected a port after the bracket");
        if (!url.empty()) port = url.substr(1);
    } else {
        if (const auto colon = url.find(':'); colon != std::string_view::npos) {
            host = url.substr(0, colon);
            port = url.substr(colon + 1);
        }
        if (!is_host(host)) return bad_url("expected https://HOST:PORT and nothing more");
    }
    if (!is_port(port)) return bad_url("a port is 1 to 65535");
    return Endpoint{std::string(host), std::string(port), {}};
}

Result<Endpoint> parse_broker(std::string_view text, const Digest& pin) {
    const auto fragment = text.find('#');
    EDGE_TRY(auto endpoint, parse_broker_url(text.substr(0, fragment)));
    endpoint.pin = pin;
    if (fragment == std::string_view::npos) return endpoint;
    const std::string_view own = text.substr(fragment + 1);
    if (!own.starts_with(kPinKey)) return bad_url("expected #pin=sha256:BASE64 or nothing behind the port");
    EDGE_TRY(endpoint.pin, parse_pin(own.substr(kPinKey.size())));
    return endpoint;
}

std::vector<Endpoint> brokers_of(const std::vector<std::string>& texts, const Endpoint& joined) {
    std::vector<Endpoint> brokers;
    for (const std::string& text : texts) {
        auto broker = parse_broker(text, joined.pin);
        if (!broker) continue;
        if (broker.value().pin == joined.pin) broker.value().next_pin = joined.next_pin;
        brokers.push_back(std::move(broker.value()));
    }
    if (brokers.empty()) brokers.push_back(joined);
    return brokers;
}

std::string pin_text(const Digest& pin) {
    return std::string(kPinPrefix) + to_base64(pin);
}

Result<Digest> parse_pin(std::string_view text) {
    if (!text.starts_with(kPinPrefix)) return Error{Errc::bad_value, "pin", "expected sha256: and base64"};
    return digest_of(from_base64(text.substr(kPinPrefix.size())));
}

Result<JoinToken> parse_join_token(std::string_view text) {
    const Error wrong{Errc::bad_value, "the token", "expected edgej_ID.SECRET.PIN, as the broker printed it"};
    const auto first = text.find('.');
    const auto second = text.find('.', first == std::string_view::npos ? first : first + 1);
    if (text.size() > kMaxToken || !text.starts_with(kTokenPrefix) || second == std::string_view::npos) return wrong;
    if (text.find('.', second + 1) != std::string_view::npos) return wrong;
    const std::string_view pin = text.substr(second + 1);
    if (pin.find_first_of("=+/") != std::string_view::npos) return wrong;
    const auto digest = digest_of(from_base64(to_plain_base64(pin)));
    if (!digest) return wrong;
    return JoinToken{std::string(text), digest.value()};
}

}  // namespace edge::agent
