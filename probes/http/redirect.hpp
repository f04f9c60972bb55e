// Whether an answer sends us elsewhere, and with which request. Pure. Source: RFC 9110 section 15.4.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "probes/http/url.hpp"
#include "protocol/probes/report.hpp"

namespace edge::probes {

struct HttpRequest {
    Url url;
    HttpMethod method = HttpMethod::GET;
    std::vector<HttpHeader> headers;
    std::string body;
};

/// The Location of a 301, 302, 303, 307 or 308, if there is one.
std::optional<std::string> redirect_location(std::uint32_t status, const std::vector<HttpHeader>& headers);

/// The request that follows. 303, and 301 or 302 of a POST, become GET without a body; to another origin no credentials
/// and no Host header go along. Errors: bad_value for a Location that is no http(s) URL.
Result<HttpRequest> next_request(const HttpRequest& current, std::uint32_t status, const std::string& location);

}  // namespace edge::probes
