#include "agent/launcher/lines/nft_line_guard.hpp"

#include <cerrno>

#include "agent/launcher/lines/nft_ruleset.hpp"
#include "agent/launcher/os/nft.hpp"

namespace edge::launcher {

NftLineGuard::~NftLineGuard() {
    if (!held_.empty()) (void)remove_nft_guard();
}

Result<> NftLineGuard::hold(const std::string& line, int, const Binding& binding, const TargetTable& targets) {
    const auto before = held_.find(line);
    if (before != held_.end() && before->second.binding == binding && before->second.targets == targets) return ok();
    EDGE_TRY(run_nft(nft_line(line, binding, targets)));
    held_.insert_or_assign(line, Held{binding, targets});
    return ok();
}

Result<> NftLineGuard::begin_traffic(const SandboxId& sandbox) {
    EDGE_TRY(run_nft(nft_counters_removal(sandbox.uid)));
    return ok();
}

Traffic NftLineGuard::traffic(const SandboxId& sandbox) const {
    const auto listing = run_nft(nft_listing());
    return listing ? traffic_in(listing.value(), sandbox.uid) : Traffic{};
}

Result<> remove_nft_guard() {
    const auto removed = run_nft(nft_removal());
    if (removed || removed.error().os_errno == ENOENT) return ok();
    return removed.error();
}

}  // namespace edge::launcher
