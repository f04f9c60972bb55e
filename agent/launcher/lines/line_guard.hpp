// What holds the sockets and packets of a line's cgroup to the line. One implementation, BPF.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/launcher/lines/guard_programs.hpp"
#include "agent/launcher/lines/target_table.hpp"
#include "agent/launcher/os/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

class LineGuard {
  public:
    virtual ~LineGuard() = default;
    /// From now on what is made in the line's cgroup, and below it, is so bound and may speak to these targets.
    /// Idempotent; the first call comes before the first worker, later ones when the device came, went or was made
    /// anew, or the host's addresses changed. Errors: unsupported; then what held before still holds.
    virtual Result<> hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) = 0;
    /// Begins, reads and ends the figures of one sandbox: a cgroup below a line's, by its id. Of one that was not begun
    /// all are zero. Errors: io.
    virtual Result<> begin_traffic(std::uint64_t cgroup) = 0;
    virtual Traffic traffic(std::uint64_t cgroup) const = 0;
    virtual void end_traffic(std::uint64_t cgroup) = 0;
    virtual Enforcement enforcement() const = 0;
};

/// The programs stay with the line's cgroup, not with this object: when the launcher dies, what it held stays held.
class BpfLineGuard final : public LineGuard {
  public:
    Result<> hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) override;
    Result<> begin_traffic(std::uint64_t cgroup) override;
    Traffic traffic(std::uint64_t cgroup) const override;
    void end_traffic(std::uint64_t cgroup) override;
    Enforcement enforcement() const override { return Enforcement::bpf_guard; }

  private:
    static constexpr std::size_t kPrograms = 9;
    struct Held {
        Binding binding;
        TargetTable targets;
        Fd targets4, targets6, open, buckets;
        std::array<Fd, kPrograms> programs;
    };
    std::map<std::string, Held> held_;
    Fd traffic_;  // of all sandboxes, on whatever line
};

}  // namespace edge::launcher
