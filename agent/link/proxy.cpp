#include "agent/link/proxy.hpp"

#include <algorithm>
#include <charconv>

#include "agent/link/endpoint.hpp"
#include "protocol/codings.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostOfUser = 256;

Error bad_proxy(std::string detail) {
    return {Errc::bad_value, "the proxy's URL", std::move(detail)};
}

Result<std::string> without_percents(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain.push_back(text[i]);
            continue;
        }
        unsigned byte = 0;
        const char* digits = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2)
            return bad_proxy("expected two hex digits behind each %");
        plain.push_back(static_cast<char>(byte));
        i += 2;
    }
    const bool fits = plain.size() <= kMostOfUser && std::none_of(plain.begin(), plain.end(), [](char c) {
                          return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
                      });
    if (!fits) return bad_proxy("user and password are at most 256 bytes, none of them a control character");
    return plain;
}

}  // namespace

Result<Proxy> parse_proxy_url(std::string_view url) {
    Proxy proxy;
    proxy.tls = url.starts_with("https://");
    if (!proxy.tls && !url.starts_with("http://")) return bad_proxy("expected http://HOST:PORT or https://HOST:PORT");
    url.remove_prefix(proxy.tls ? 8 : 7);
    if (const auto at = url.rfind('@'); at != std::string_view::npos) {
        const std::string_view who = url.substr(0, at);
        const auto colon = who.find(':');
        EDGE_TRY(proxy.user, without_percents(who.substr(0, colon)));
        if (proxy.user.empty() || proxy.user.find(':') != std::string::npos)
            return bad_proxy("expected a user without a colon before the @");
        if (colon != std::string_view::npos) {
            EDGE_TRY(proxy.password, without_percents(who.substr(colon + 1)));
        }
        url.remove_prefix(at + 1);
    }
    const auto where = parse_broker_url("https://" + std::string(url));
    if (!where) return bad_proxy("expected HOST:PORT and nothing more behind the user");
    proxy.host = where.value().host;
    const bool says_port = url.find(':', url.starts_with('[') ? url.find(']') : 0) != std::string_view::npos;
    proxy.port = says_port ? where.value().port : proxy.tls ? "443" : "3128";
    return proxy;
}

std::string connect_request(const Proxy& proxy, const std::string& authority) {
    std::string request =
        "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\nUser-Agent: edge-agent/" EDGE_VERSION "\r\n";
    if (!proxy.user.empty())
        request += "Proxy-Authorization: Basic " + to_base64(as_bytes(proxy.user + ":" + proxy.password)) + "\r\n";
    return request + "\r\n";
}

std::optional<Result<>> proxy_answer(std::string_view so_far) {
    const auto refuse = [](Errc code, std::string what) { return Error{code, "the proxy", std::move(what)}; };
    constexpr std::string_view kBegin = "HTTP/1.";
    const std::string_view begin = so_far.substr(0, std::min(so_far.size(), kBegin.size()));
    if (!kBegin.starts_with(begin)) return refuse(Errc::bad_syntax, "it does not answer as an HTTP proxy does");
    const auto end = so_far.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (so_far.size() < kMostProxyAnswer) return std::nullopt;
        return refuse(Errc::bad_syntax, "its answer has no end within 8 KiB");
    }
    unsigned status = 0;
    if (so_far.size() < 12 || so_far[8] != ' ' ||
        std::from_chars(so_far.data() + 9, so_far.data() + 12, status).ptr != so_far.data() + 12 || status < 100)
        return refuse(Errc::bad_syntax, "it does not answer as an HTTP proxy does");
    const std::string said = "it answered HTTP " + std::to_string(status);
    if (status / 100 == 2) {
        if (end + 4 == so_far.size()) return ok();
        return refuse(Errc::bad_syntax, "it speaks before the broker was asked anything");
    }
    if (status == 407)
        return refuse(Errc::denied,
                      said + ": it wants another user or password; see [link] proxy, proxy_password_file");
    if (status == 403 || status == 405)
        return refuse(Errc::denied, said + ": it allows no tunnel to the broker's host and port");
    if (status >= 500) return refuse(Errc::unavailable, said + ": it does not reach the broker");
    return refuse(Errc::unavailable, said + " to CONNECT; is that a proxy?");
}

}  // namespace edge::agent
