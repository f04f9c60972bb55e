// The line guard of a host whose kernel or privileges do not allow BPF: nftables by user id.
#pragma once
#include <map>
#include <string>

#include "agent/launcher/lines/line_guard.hpp"

namespace edge::launcher {

/// Rules in a table of our own, which stays when this process dies. Routing by uid (routing_plan) stands beside it:
/// this rejects what leaves otherwise.
class NftLineGuard final : public LineGuard {
  public:
    ~NftLineGuard() override;
    Result<> hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) override;
    Result<> begin_traffic(const SandboxId& sandbox) override;
    Traffic traffic(const SandboxId& sandbox) const override;
    void end_traffic(const SandboxId&) override {}
    Enforcement enforcement() const override { return Enforcement::nft_guard; }

  private:
    struct Held {
        Binding binding;
        TargetTable targets;
    };
    std::map<std::string, Held> held_;
};

/// Removes the table: ours, or a crashed launcher's. Where nft is not installed there is none.
Result<> remove_nft_guard();

}  // namespace edge::launcher
