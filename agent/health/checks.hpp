// One thing that is asked of a line again and again, and what the last answers come to. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/health/health_settings.hpp"
#include "agent/moment.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::agent {

enum class What { route, gateway, resolver, anchor, egress };
BOOST_DESCRIBE_ENUM(What, route, gateway, resolver, anchor, egress)

struct Check {
    What what = What::route;
    bool v6 = false;
    std::string target{};
    bool by_neighbour = false;  // a gateway that answers no ping

    link::CheckState state = link::CheckState::unknown;
    std::string text{};       // of the last failure, or why there is nothing to go by
    unsigned bad = 0;         // failures in a row
    unsigned good = 0;        // answers in a row
    Time due{};               // when it is asked next
    std::uint64_t asked = 0;  // the question that is out; 0: none

    /// Failed, or about to change: worth a question sooner.
    bool unsettled() const { return bad > 0 || state == link::CheckState::failed; }
    link::LineCheck report() const;
};

/// What a line is asked with these settings, each once. Families are those that the line has addresses of; a route is
/// looked up towards an anchor, or towards an address that stands for any.
std::vector<Check> checks_of(const Line& line, const HealthSettings& settings);

/// The probe that asks; of anything but a route.
ProbeSpec spec_of(const Check& check);

enum class Outcome { good, bad, none };
struct Heard {
    Outcome outcome = Outcome::none;
    std::string text{};    // unless good
    std::string egress{};  // of a good egress check: the address
};
Heard hear(const Check& check, const ProbeReport& report);
Heard hear(const Line& line, const std::optional<RouteAnswer>& route);

/// Counts it: three failures in a row are a failure, two answers in a row are its end. A route's answer is the kernel's
/// and counts at once.
void count(Check& check, const Heard& heard);

}  // namespace edge::agent
