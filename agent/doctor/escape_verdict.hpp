// What an escape attempt's answer means: for the level that holds the line, and for what policy.toml lends anyway.
// Pure.
#pragma once
#include <string>
#include <vector>

#include "protocol/launcher/messages.hpp"
#include "protocol/launcher/payloads.hpp"
#include "protocol/link/node_policy.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::agent {

enum class EscapeVerdict {
    not_tried,  // what it needs is not there
    blocked,
    allowed,   // it got where policy.toml lets every probe go
    not_held,  // it got through, and the level does not claim to hold it
    escaped,
};

struct JudgedEscape {
    EscapeVerdict verdict = EscapeVerdict::blocked;
    std::string why{};  // of the last three
};

/// `said`: the attempt's lines, as probes/payload/payload.hpp tells them. `ran_out`: it ended by itself.
JudgedEscape judge_escape(const std::vector<std::string>& said, bool ran_out, launcher::PayloadAim aim,
                          launcher::Enforcement by, const TargetPolicy& policy);

/// What may be spoken to over a line with these resolvers, on a node with these addresses.
TargetPolicy targets_of(const link::Policy& policy, const std::vector<std::string>& resolvers,
                        const std::vector<std::string>& own_addresses);

}  // namespace edge::agent
