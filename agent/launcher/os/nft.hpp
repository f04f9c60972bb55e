// nft(8) as a process: a ruleset in, what it said out. The kernel takes a ruleset as one transaction, whole or not.
#pragma once
#include <string>

#include "protocol/result.hpp"

namespace edge::launcher {

/// Runs `/usr/sbin/nft -f -` on the commands, with `check` without changing anything; what it printed.
/// Errors: unsupported, with nft's first line or why it cannot be run.
enum class NftMode { apply, check };
Result<std::string> run_nft(const std::string& commands, NftMode mode = NftMode::apply);

}  // namespace edge::launcher
