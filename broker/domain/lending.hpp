// May this be asked of that line? What the node would refuse by its policy, or because its operator has taken the line
// out of service, is not sent to it. A line that is down is asked: that it fails is an answer. It only narrows: of a
// node that has not told its policy everything is asked, and every node looks again. Pure.
#pragma once
#include <optional>
#include <string>

#include "broker/domain/fleet.hpp"
#include "protocol/probes/destination.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::broker {

/// The policy with its prefixes parsed; what does not parse denies nothing here.
TargetPolicy target_policy_of(const link::Policy& policy);

/// For one job; ask line by line, the lines of a node one after another.
class Lending {
  public:
    Lending(const ProbeSpec& spec, EnforcedBy least);
    /// For any job of this service.
    explicit Lending(Service service) : service_(service) {}

    /// Why not, as one sentence; nothing where it may.
    std::optional<std::string> refusal(const NodeRecord& node, const link::LineReport& line);

  private:
    std::optional<std::string> target_refusal(const link::LineReport& line);

    Service service_;
    std::optional<Destination> destination_;
    EnforcedBy least_ = EnforcedBy::none;
    const NodeRecord* node_ = nullptr;  // whose policy this is
    TargetPolicy policy_;
};

}  // namespace edge::broker
