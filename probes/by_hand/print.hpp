// What a person reads. Pure. Text from outside is made printable: no byte of a server reaches the terminal as a
// control.
#pragma once
#include <string>

#include "probes/by_hand/outcome.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::probes {

/// One line for a progress event, or nothing.
std::string progress_text(Service service, const Json& data);
/// The result with its evidence, several lines.
std::string outcome_text(const ProbeSpec& spec, const Outcome& outcome);
/// The same as one JSON object.
Json outcome_json(const ProbeSpec& spec, const Outcome& outcome);

/// What to do where this group may make no ping sockets, of what /proc/sys/net/ipv4/ping_group_range says.
std::string ping_hint(std::uint32_t group, const std::string& range);

/// Control characters as `\x1b`; UTF-8 passes.
std::string printable(std::string_view text);

}  // namespace edge::probes
