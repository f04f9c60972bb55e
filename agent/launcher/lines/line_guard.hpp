// What holds the sockets and packets of a line's workers to the line. Two implementations, BPF and nftables.
#pragma once
#include <cstdint>
#include <string>

#include "agent/launcher/lines/guard_programs.hpp"
#include "agent/launcher/lines/target_table.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// A sandbox, as the one guard knows it and as the other.
struct SandboxId {
    std::uint64_t cgroup = 0;  // a group below a line's
    std::uint32_t uid = 0;
};

class LineGuard {
  public:
    virtual ~LineGuard() = default;
    /// From now on what is made in the line's cgroup, and below it, or by the line's uids, is so bound and may speak to
    /// these targets.
    /// Idempotent; the first call comes before the first worker, later ones when the device came, went or was made
    /// anew, or the host's addresses changed. Errors: unsupported; then what held before still holds.
    virtual Result<> hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) = 0;
    /// Begins, reads and ends the figures of one sandbox. Of one that was not begun all are zero. Errors: io.
    virtual Result<> begin_traffic(const SandboxId& sandbox) = 0;
    virtual Traffic traffic(const SandboxId& sandbox) const = 0;
    virtual void end_traffic(const SandboxId& sandbox) = 0;
    virtual Enforcement enforcement() const = 0;
};

}  // namespace edge::launcher
