// The control groups of lines and workers: NAME/line-<line>/worker-<id> in the v2 tree, and the same path below each v1
// controller that a hybrid host keeps out of v2. Only groups below NAME are made, changed or removed.
#pragma once
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/launcher/config.hpp"
#include "agent/launcher/os/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

enum class Controller : unsigned { cpu, memory, pids, io };
inline constexpr std::array kControllers{Controller::cpu, Controller::memory, Controller::pids, Controller::io};
std::string_view name_of(Controller controller);  // as v2 has it; v1 says blkio for io

/// Where the trees are mounted: v2 for guards and kill, and for each controller the tree that enforces it.
struct CgroupMounts {
    std::string v2;
    std::array<std::string, 4> home;  // by Controller; of io empty where the kernel has none: it is no condition

    const std::string& of(Controller controller) const { return home[static_cast<unsigned>(controller)]; }
    bool in_v2(Controller controller) const { return of(controller) == v2; }
    bool hybrid() const { return !(in_v2(Controller::cpu) && in_v2(Controller::memory) && in_v2(Controller::pids)); }
    bool has(Controller controller) const { return !of(controller).empty(); }
    /// Every mount point once, v2 last.
    std::vector<std::string> trees() const;
};

/// From /proc/self/mountinfo; `controllers_of` reads cgroup.controllers of a v2 mount point. Pure.
/// Errors: unsupported, naming the tree or controller that is missing.
Result<CgroupMounts> find_cgroup_mounts(std::string_view mountinfo,
                                        const std::function<std::string(const std::string&)>& controllers_of);

/// The files that set one controller's limit, and their values, in order. Pure.
struct LimitFile {
    std::string name;
    std::string value;
    bool optional = false;  // absent where the kernel does not account swap
};
std::vector<LimitFile> limit_files(Controller controller, bool v2, const Limits& limits);

/// What all workers together are held to, set on NAME, because a group's weight counts among its siblings only: the
/// host's own work goes first. `disk` is MAJOR:MINOR of a whole disk, or empty. Each where the kernel has it (cpu.idle:
/// Linux 5.15), in this order: an idle group takes no weight. Pure.
std::vector<LimitFile> host_first_files(Controller controller, bool v2, const std::string& disk);

/// One worker's group. Owns: its directories, if they can be removed when it goes.
class WorkerGroup {
  public:
    WorkerGroup() = default;
    WorkerGroup(WorkerGroup&& other) noexcept;
    WorkerGroup& operator=(WorkerGroup&& other) noexcept;
    ~WorkerGroup();

    /// Without it nothing is limited or counted, and nothing can be killed by it.
    bool is_there() const { return mounts_ != nullptr; }
    int fd() const { return dir_.get(); }  // for CLONE_INTO_CGROUP
    /// As BPF's bpf_skb_cgroup_id says it: the inode of its directory (kernfs_id).
    std::uint64_t id() const { return id_; }
    /// The v1 twins' doors: a thread that writes 0 into one is in. None on a host with v2 alone. Errors: io.
    Result<std::vector<Fd>> doors() const;
    /// SIGKILL to all in it, children and daemons too, by the kernel in one step (cgroup.kill, Linux 5.14).
    Result<> kill() const;
    /// All but `worker`.
    WorkerStats stats() const;
    /// False while something still lives in it.
    bool remove();

  private:
    friend class CgroupTree;
    std::string path(Controller controller) const { return mounts_->of(controller) + below_; }

    const CgroupMounts* mounts_ = nullptr;  // the tree's
    std::string below_;                     // "/NAME/line-x/worker-1"; empty: nothing to remove
    Fd dir_;
    std::uint64_t id_ = 0;
};

/// NAME, held by a lock so that two launchers cannot share it. Owns: all below it; removes it when it goes.
/// Or none at all: then no group is made, and those it hands out are not there.
class CgroupTree {
  public:
    CgroupTree() = default;
    /// Takes NAME, kills and removes what a crashed launcher left there, and makes it anew.
    /// Errors: unavailable (another launcher holds it), conflict (NAME is not ours), unsupported (controllers), io.
    static Result<CgroupTree> claim(CgroupMounts mounts, const std::string& name);
    CgroupTree(CgroupTree&&) noexcept = default;
    CgroupTree& operator=(CgroupTree&&) noexcept = default;
    ~CgroupTree();

    CgroupMode mode() const;
    /// The disk goes to the host's own work first, and with `cpu_first` the processors as well.
    void put_host_first(bool cpu_first) const;
    /// The line's group in v2, to attach guards to.
    Result<Fd> add_line(const std::string& line);
    Result<WorkerGroup> add_worker(const std::string& line, std::uint32_t id, const Limits& limits);

  private:
    CgroupTree(CgroupMounts mounts, std::string name)
        : mounts_(std::make_unique<CgroupMounts>(std::move(mounts))), name_(std::move(name)) {}
    bool is_delegated() const;
    Result<> check_ours() const;
    Result<> take();
    Result<> clear();
    Result<> enable_controllers(const std::string& below) const;
    Result<> make_group(const std::string& below) const;

    std::unique_ptr<CgroupMounts> mounts_;  // its address is with the groups; null: none, or moved from
    std::string name_;
    Fd lock_;
};

}  // namespace edge::launcher
