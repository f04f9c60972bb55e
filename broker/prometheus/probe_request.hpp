// From blackbox_exporter's parameters to a probe of ours. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "broker/prometheus/modules.hpp"

namespace edge::broker::prometheus {

struct ProbeQuery {
    std::string module = "http_2xx";
    std::string target;
    std::string hostname;  // empty: none
    std::string selector;  // of node, line and from
    bool debug = false;
};

/// Of the request's parameters. Errors: bad_value; `detail` is the answer's text.
Result<ProbeQuery> probe_query(const std::map<std::string, std::string>& query);

/// How long the answer may take, in milliseconds: the module's timeout, or what the scrape leaves less half a second,
/// whichever ends first. `header`: X-Prometheus-Scrape-Timeout-Seconds, or empty. Errors: bad_value.
Result<std::uint64_t> answer_within_ms(std::string_view header, const Module& module);

/// What a line is asked to do. `within_ms`: until the answer has to be on its way. Errors: bad_value.
Result<ProbeSpec> probe_spec(const Module& module, const ProbeQuery& query, std::uint64_t within_ms);

}  // namespace edge::broker::prometheus
