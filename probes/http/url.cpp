#include "probes/http/url.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace edge::probes {
namespace {

struct FreeUrl {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(const Handle& url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), what, &text, flags) != CURLUE_OK) return {};
    std::string copy = text;
    curl_free(text);
    return copy;
}

Error bad(std::string detail) {
    return Error{Errc::bad_value, "/target", std::move(detail)};
}

Result<> set(const Handle& url, const std::string& text) {
    const bool is_clean = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    if (!is_clean || text.size() > 8192)
        return bad("a URL has no spaces or control characters and is at most 8192 bytes");
    const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
    if (code != CURLUE_OK) return bad(std::string("not a URL: ") + curl_url_strerror(code));
    return ok();
}

Result<Url> taken_apart(const Handle& url) {
    Url parts;
    const std::string scheme = part(url, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https") return bad("scheme \"" + scheme + "\" is not http or https");
    parts.is_https = scheme == "https";
    if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
        return bad("user names in a URL are not taken; use a header");
    if (!part(url, CURLUPART_ZONEID).empty()) return bad("an address with a zone is not taken");
    parts.host = part(url, CURLUPART_HOST);
    if (parts.host.starts_with('[') && parts.host.ends_with(']'))
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    const bool is_ascii =
        std::all_of(parts.host.begin(), parts.host.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (parts.host.empty() || !is_ascii)
        return bad("the host is not an ASCII name; write an international one in its xn-- form");
    const std::string port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), parts.port);
    if (failed != std::errc{} || end != port.data() + port.size() || parts.port == 0)
        return bad("port \"" + port + "\" is not 1 to 65535");
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);  // never sent
    parts.text = part(url, CURLUPART_URL);
    return parts;
}

}  // namespace

bool Url::same_origin(const Url& other) const {
    return is_https == other.is_https && host == other.host && port == other.port;
}

Result<Url> parse_url(const std::string& text) {
    const Handle url(curl_url());
    EDGE_TRY(set(url, text));
    return taken_apart(url);
}

Result<Url> resolve_url(const Url& base, const std::string& reference) {
    const Handle url(curl_url());
    EDGE_TRY(set(url, base.text));
    EDGE_TRY(set(url, reference));
    return taken_apart(url);
}

}  // namespace edge::probes
