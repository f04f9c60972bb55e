// Asks the launcher and the kernel for what stands on the site report's page.
#pragma once
#include "agent/settings.hpp"
#include "agent/site_report/site_facts.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// `config` is where agent.toml was read, if no agent runs that tells. A launcher that is not there is a fact.
/// Errors: io, denied, timed_out (the launcher may run, and tells nothing).
Result<SiteFacts> gather_site_facts(const Settings& settings, const std::string& config);

}  // namespace edge::agent
