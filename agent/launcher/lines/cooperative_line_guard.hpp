// No guard: where the operator says that the line's own routes, and probers that bind themselves, are enough.
#pragma once
#include "agent/launcher/lines/line_guard.hpp"

namespace edge::launcher {

/// What is left without one: rules by the workers' uids (routing_plan) lead what is not bound by the line's table, and
/// nowhere else; edge-probe binds each socket to the line's device, because it is told `--bind`. Any other program may
/// leave by another device, from another address, to any target, as often as it likes, and nothing is counted.
class CooperativeLineGuard final : public LineGuard {
  public:
    Result<> hold(const std::string&, int, const Binding&, const TargetTable&) override { return ok(); }
    Result<> begin_traffic(const SandboxId&) override { return ok(); }
    Traffic traffic(const SandboxId&) const override { return {}; }
    void end_traffic(const SandboxId&) override {}
    Enforcement enforcement() const override { return Enforcement::cooperative; }
};

}  // namespace edge::launcher
