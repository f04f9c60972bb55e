// [health] and [lines] of agent.toml.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/ids.hpp"

namespace edge::agent {

inline constexpr std::size_t kMostAnchors = 8;

struct HealthSettings {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t interval_ms = 30'000;         // 1000..3600000; 0: link, address and route only
    std::vector<std::string> anchors;           // addresses that answer pings
    std::string echo;                           // http:// URL of the broker's echo; empty: the egress is not known
    std::string prefix_file;                    // absolute path; empty: identity is not known
    std::map<std::string, std::string> expect;  // line → `AS4134`; without it the carrier of lines.toml
};
BOOST_DESCRIBE_STRUCT(HealthSettings, (), (interval_ms, anchors, echo, prefix_file, expect))

struct LineSettings {
    static constexpr bool fields_have_defaults = true;
    std::vector<LineName> disabled;  // take no tasks and get no worker
};
BOOST_DESCRIBE_STRUCT(LineSettings, (), (disabled))

}  // namespace edge::agent
