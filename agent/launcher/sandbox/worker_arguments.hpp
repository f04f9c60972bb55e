// What a worker is told, as arguments: all of it from files that only root writes.
#pragma once
#include <string>
#include <vector>

#include "agent/launcher/config.hpp"

namespace edge::launcher {

/// `PROGRAM worker --fd 3 --line …`; `ca` is the CA bundle's path in the sandbox, empty for none. Pure.
std::vector<std::string> worker_arguments(const std::string& program, const Line& line, const Policy& policy,
                                          const std::string& ca);

}  // namespace edge::launcher
