// The lines that a machine seems to have, for a person to look at. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/enrolment/network_facts.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// A [[line]] of lines.toml, and what is to be known of it.
struct ProposedLine {
    std::string name;
    std::string carrier;
    std::string carrier_from;    // what it is guessed from; empty: it is not, and `carrier` is other
    bool shares_device = false;  // with other lines: kind = "address"
    std::string device;
    std::vector<FoundAddress> addresses;  // the source first; a length of 0 is not to be said
    std::optional<IpAddress> gateway4{}, gateway6{};
    std::uint32_t table = 0;
    std::uint32_t mark = 0;
    bool managed = true;  // false: `table` is there, and what is in it is somebody else's
    std::vector<IpAddress> resolvers{};
    std::vector<std::string> notes{};  // a sentence each, of what may want a person's hand
};

struct Proposal {
    std::vector<ProposedLine> lines;
    std::vector<std::string> notes;  // what was left out, and why
};

/// A line for each way out: a device with a default route in any table, or, where several carriers' addresses stand
/// on one device, an address with one. A table that holds the default routes of one line alone is taken as it is; else
/// table and mark are new. What a line's resolvers are is not guessed: those of its lease, those in its own networks,
/// and the host's for the line that the host itself goes out by.
/// Errors: not_found, there is no default route, or none that could be a line's.
Result<Proposal> propose_lines(const NetworkFacts& facts);

}  // namespace edge::agent
