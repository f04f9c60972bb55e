// What came of a probe by hand.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "protocol/evidence.hpp"
#include "protocol/probes/report.hpp"

namespace edge::probes {

struct Outcome {
    ProbeReport report;
    std::optional<Evidence> evidence;  // empty without a line
    std::string line;
};

using ShowProgress = std::function<void(const Json& data)>;

}  // namespace edge::probes
