// The line guard that architecture prefers: BPF programs on the line's cgroup.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "agent/launcher/lines/line_guard.hpp"
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

/// The maps those programs ask, but for the one of all sandboxes' traffic. Owns: them, with the programs.
struct KeptMaps {
    Fd targets4, targets6, open, buckets;
    GuardMaps numbers(const Fd& traffic) const;
};
/// Errors: unsupported.
Result<KeptMaps> make_guard_maps(const TargetTable& targets);
Result<Fd> make_traffic_map();

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
        Binding binding;
        TargetTable targets;
        std::array<Fd, kPrograms> programs;
    };
    std::map<std::string, Held> held_;
    Fd traffic_;  // of all sandboxes, on whatever line
};

}  // namespace edge::launcher
