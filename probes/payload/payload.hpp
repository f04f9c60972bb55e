// Hidden: `edge-probe payload NAME…` tries to get out of the sandbox it runs in and says how far it came. The escape
// tests of the launcher and of `doctor` run it; it does nothing that a compromised worker could not do.
#pragma once
#include <string>
#include <vector>

namespace edge::probes {

/// One line a name, `NAME: ENOENT` or `NAME: ok`; `--sealed` puts the worker's own filter on first. Without names it
/// lists them. Exit status: 0 when every attempt failed, 1 when one succeeded, 64 for an unknown name.
int run_payload(const std::vector<std::string>& arguments);

}  // namespace edge::probes
