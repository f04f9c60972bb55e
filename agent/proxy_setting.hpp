// The proxy that agent.toml names, its password from its file.
#pragma once
#include <optional>

#include "agent/link/proxy.hpp"
#include "agent/settings.hpp"

namespace edge::agent {

/// None where [link] proxy is empty. Errors: of the URL; of the file: io, denied, not_found, bad_value.
Result<std::optional<Proxy>> proxy_of(const LinkTable& link);

}  // namespace edge::agent
