// `edge-agent doctor`: whether this machine can do what it was enrolled for, and what to do where it cannot.
#pragma once
#include "agent/doctor/findings.hpp"
#include "agent/settings.hpp"

namespace edge::agent {

/// Asks the kernel, the launcher and the broker, and replays the escape attempts. Blocks for some seconds.
Diagnosis examine(const Settings& settings);

}  // namespace edge::agent
