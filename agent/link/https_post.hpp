// One request to the broker and its answer, for enrolment. Blocks.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "agent/link/https_connection.hpp"
#include "agent/link/proxy.hpp"

namespace edge::agent {

/// Errors: denied (another key than the pinned one), unavailable (nothing was sent), io (sent, and no answer came).
Result<HttpAnswer> https_post(const Endpoint& endpoint, const std::string& path, const std::string& body,
                              std::chrono::seconds within, const std::optional<Proxy>& proxy = {});

}  // namespace edge::agent
