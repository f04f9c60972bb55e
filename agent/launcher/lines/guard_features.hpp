// Which line guards this host can hold, found by trying each thing they are made of.
#pragma once
#include <spdlog/logger.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/lines/line_guard.hpp"

namespace edge::launcher {

/// One thing a guard needs, such as `cgroup/connect4`.
struct GuardFeature {
    std::string name;
    std::optional<Error> refusal;  // none: it is there
};
using GuardFeatures = std::vector<GuardFeature>;

/// Loads each of the BPF guard's programs, attaches it to the group and takes it off again.
GuardFeatures try_bpf_guard(int cgroup);
/// Has the kernel check a line's rules, without adding any.
GuardFeatures try_nft_guard();

/// The best guard this host can hold, or the one chosen, and what is in the way of a better one is logged. None at all,
/// which is `cooperative`, is only chosen.
/// Errors: unsupported, naming what is missing for each.
Result<std::unique_ptr<LineGuard>> choose_guard(GuardChoice choice, int cgroup, spdlog::logger& log);

}  // namespace edge::launcher
