// URLs as libcurl reads them: one parser for what we vet and for what is sent. Pure.
#pragma once
#include <cstdint>
#include <string>

#include "protocol/result.hpp"

namespace edge::probes {

struct Url {
    std::string text;  // normalised
    bool is_https = false;
    std::string host;  // a name, or an address without brackets
    std::uint16_t port = 0;

    bool same_origin(const Url& other) const;
};

/// Errors: bad_value for anything but http and https, for user names, zones, hosts that are not ASCII, and a URL
/// libcurl does not accept.
Result<Url> parse_url(const std::string& text);

/// `reference` as a Location header gives it, relative to `base`. Errors: as parse_url.
Result<Url> resolve_url(const Url& base, const std::string& reference);

}  // namespace edge::probes
