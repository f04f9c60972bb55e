// What a browser adds to a request by itself: cookies, and where the page stands that sends it. Pure.
#pragma once
#include <string_view>

#include "broker/http/http.hpp"

namespace edge::http {

/// The value of the request's cookie `name`, or empty; of two of that name the first.
/// Source: RFC 6265 section 4.2.
std::string_view cookie(const Request& request, std::string_view name);

enum class Sender {
    unsaid,       // no browser, or a request that browsers say nothing of
    same_origin,  // a page of this very server
    elsewhere,    // a page of another origin, or of none (`null`)
};

/// `Origin`, whose host and port have to equal `Host`; without it `Sec-Fetch-Site: same-origin`. A page of a server
/// that is reached `by_tls` alone came by https; behind a proxy that ends TLS it may have come by either. Source: RFC
/// 6454 section 7, W3C Fetch Metadata section 2.3.
Sender sender_of(const Request& request, bool by_tls);

}  // namespace edge::http
