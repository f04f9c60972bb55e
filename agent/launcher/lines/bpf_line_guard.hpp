// The line guard that architecture prefers: BPF programs on the line's cgroup.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/lines/line_guard.hpp"
#include "agent/launcher/lines/traffic_table.hpp"
#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {

/// One of the guard's programs, and where it belongs.
struct GuardHook {
    const char* name;
    bpf_prog_type type;
    bpf_attach_type attach;
    BpfProgram program;
};
/// In the order in which they are put in place: what refuses most comes first.
std::vector<GuardHook> guard_hooks(const Binding& binding, const GuardMaps& maps);

/// The maps that say what a line may reach, made anew when that changes. Owns: them, with the programs.
struct TargetMaps {
    Fd targets4, targets6, open;
    std::optional<std::vector<AddressRange>> denied4;
    GuardMaps numbers(const Fd& traffic, const Fd& buckets) const;
};
/// Errors: unsupported.
Result<TargetMaps> make_target_maps(const TargetTable& targets);
Result<Fd> make_buckets_map();

/// The programs stay with the line's cgroup, not with this object: when the launcher dies, what it held stays held.
class BpfLineGuard final : public LineGuard {
  public:
    Result<> hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) override;
    Result<> begin_traffic(const SandboxId& sandbox) override;
    Traffic traffic(const SandboxId& sandbox) const override;
    void end_traffic(const SandboxId& sandbox) override;
    Enforcement enforcement() const override { return Enforcement::bpf_guard; }

  private:
    static constexpr std::size_t kPrograms = 9;
    struct Held {
        Fd buckets;  // as long as the line: made anew with the rest they would be full again
        Binding binding;
        TargetTable targets;
        std::array<Fd, kPrograms> programs;
    };
    std::map<std::string, Held> held_;
    std::optional<TrafficTable> traffic_;  // of all sandboxes, on whatever line
};

}  // namespace edge::launcher
