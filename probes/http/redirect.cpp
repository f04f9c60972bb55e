#include "probes/http/redirect.hpp"

#include <strings.h>

#include <algorithm>

namespace edge::probes {
namespace {

bool is_named(const HttpHeader& header, const char* name) {
    return strcasecmp(header.name.c_str(), name) == 0;
}

bool drops_body(HttpMethod method, std::uint32_t status) {
    if (status == 303) return method != HttpMethod::HEAD;
    return (status == 301 || status == 302) && method == HttpMethod::POST;
}

void drop(std::vector<HttpHeader>& headers, std::initializer_list<const char*> names) {
    std::erase_if(headers, [&](const HttpHeader& header) {
        return std::any_of(names.begin(), names.end(), [&](const char* name) { return is_named(header, name); });
    });
}

}  // namespace

std::optional<std::string> redirect_location(std::uint32_t status, const std::vector<HttpHeader>& headers) {
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return std::nullopt;
    for (const HttpHeader& header : headers) {
        if (is_named(header, "location") && !header.value.empty()) return header.value;
    }
    return std::nullopt;
}

Result<HttpRequest> next_request(const HttpRequest& current, std::uint32_t status, const std::string& location) {
    HttpRequest next = current;
    EDGE_TRY(next.url, resolve_url(current.url, location));
    if (drops_body(current.method, status)) {
        next.method = HttpMethod::GET;
        next.body.clear();
        drop(next.headers, {"content-type", "content-encoding", "content-language", "content-location"});
    }
    if (!next.url.same_origin(current.url))
        drop(next.headers, {"authorization", "cookie", "proxy-authorization", "host"});
    return next;
}

}  // namespace edge::probes
