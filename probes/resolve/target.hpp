// From a target's name to the one vetted address a probe speaks to. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "probes/resolve/resolver.hpp"
#include "protocol/probes/report.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::probes {

/// Why there is nothing to speak to.
struct NoTarget {
    Status status = Status::failed;
    Failure failure;
};

/// Every address of the answer is classified; the first allowed one is taken. Refused when there are addresses and the
/// policy allows none of them. `port` is empty for ICMP.
std::variant<IpAddress, NoTarget> choose_target(const std::string& name, const Lookup& lookup,
                                                const TargetPolicy& policy, std::optional<std::uint16_t> port);

std::vector<std::string> texts(const std::vector<IpAddress>& addresses);

}  // namespace edge::probes
