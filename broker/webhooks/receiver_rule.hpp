// Which receivers may be spoken to: by their URL when an endpoint is made, by their address whenever something is sent.
// Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/result.hpp"

namespace edge::broker::webhooks {

/// A URL in its one spelling.
struct ReceiverUrl {
    std::string text;
    bool is_https = true;
    std::string host;  // a name in small letters, or an address without brackets
    std::uint16_t port = 0;
};

/// Errors: bad_value, `/url`: not http or https, a user name, a host that is neither a name of ASCII letters nor an
/// address in its usual spelling, characters that no URL has.
Result<ReceiverUrl> parse_receiver(const std::string& url);

/// What the operator allows beyond https to public addresses.
struct ReceiverRule {
    bool allow_http = false;
    std::vector<std::uint16_t> ports{443};  // none: any
    std::vector<IpPrefix> allow;            // private receivers
    std::vector<std::string> allow_hosts;   // names that may lead to any address

    /// Nothing, or why not, as one sentence. Of a host that is an address the address is vetted as well.
    std::optional<std::string> refusal(const ReceiverUrl& url) const;
    std::optional<std::string> refusal(const ReceiverUrl& url, const IpAddress& address) const;
};

}  // namespace edge::broker::webhooks
