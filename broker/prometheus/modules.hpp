// How a target is probed and what counts as success: blackbox_exporter's modules, as far as our probes can do them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/prometheus/pattern.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::broker::prometheus {

/// Fails where it matches (fail_if_header_matches), or where it does not.
struct HeaderCheck {
    std::string header;
    std::optional<Pattern> pattern;  // always there once it is loaded
    bool allow_missing = false;
};

struct HttpModule {
    std::vector<std::uint32_t> valid_status_codes;  // none: 2xx
    std::vector<std::string> valid_http_versions;   // none: any
    HttpMethod method = HttpMethod::GET;
    std::vector<HttpHeader> headers;
    std::string body;
    std::uint64_t body_size_limit = 0;  // bytes; 0: none
    bool follow_redirects = true;
    bool fail_if_ssl = false;
    bool fail_if_not_ssl = false;
    std::vector<Pattern> fail_if_body_matches;
    std::vector<Pattern> fail_if_body_not_matches;
    std::vector<HeaderCheck> fail_if_header_matches;
    std::vector<HeaderCheck> fail_if_header_not_matches;
    bool verify = true;
    bool enable_http2 = true;
    Family family = Family::v6_first;

    bool looks_at_body() const { return !fail_if_body_matches.empty() || !fail_if_body_not_matches.empty(); }
};

/// Of the records of one section, as their lines of text.
struct RecordCheck {
    std::vector<Pattern> fail_if_matches;
    std::vector<Pattern> fail_if_all_match;
    std::vector<Pattern> fail_if_not_matches;
    std::vector<Pattern> fail_if_none_matches;
};

struct DnsModule {
    std::string query_name;
    std::string query_type = "ANY";
    DnsTransport transport = DnsTransport::udp;
    bool recursion_desired = true;
    std::vector<std::string> valid_rcodes;  // none: NOERROR
    RecordCheck answer;
    RecordCheck authority;
    RecordCheck additional;
};

struct IcmpModule {
    std::uint32_t payload_size = 56;
    std::uint32_t packets = 1;  // ours: more of them tell loss and jitter
    Family family = Family::v6_first;
};

struct Module {
    std::string name;
    std::uint64_t timeout_ms = 0;  // 0: the scrape's
    std::variant<HttpModule, DnsModule, IcmpModule> probe;
    std::string source;  // as it stands in the file
    /// Not empty: it asks for what our probes cannot do; FILE:LINE: what.
    std::string refused;
};

/// Owners: the settings, and each probe under way.
using Modules = std::shared_ptr<const std::map<std::string, Module, std::less<>>>;

struct LoadedModules {
    Modules modules;
    std::vector<Error> problems;  // `where` is FILE:LINE; then no module of the file is to be used
};

/// All of a file: modules, with those that are refused, and what is wrong with it. Pure.
LoadedModules load_modules(std::string_view text, const std::string& file);
/// http_2xx, http_post_2xx, dns_udp, dns_tcp and icmp, for whoever has no file.
Modules built_in_modules();

}  // namespace edge::broker::prometheus
