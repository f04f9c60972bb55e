// Asks the launcher and the kernel for what stands on the site report's page.
#pragma once
#include "agent/settings.hpp"
#include "agent/site_report/site_page.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// Errors: unavailable, denied (the launcher), not_found (ip(8) is not installed).
Result<SiteFacts> gather_site_facts(const Settings& settings);

}  // namespace edge::agent
