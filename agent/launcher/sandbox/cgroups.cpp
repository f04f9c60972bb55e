#include "agent/launcher/sandbox/cgroups.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>

#include "agent/launcher/os/capabilities.hpp"
#include "agent/launcher/os/files.hpp"
#include "agent/launcher/os/lock_file.hpp"
#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

using namespace std::chrono_literals;

Result<> make_dir(const std::string& path) {
    if (retry_with_dac_override([&] { return ::mkdir(path.c_str(), 0755); }) == 0 || errno == EEXIST) return ok();
    return Error{Errc::unsupported, path, "the group cannot be made", errno};
}

/// The number behind `key ` in a flat-keyed file, or of a whole one-value file with an empty key; 0 if absent.
std::uint64_t number_in(const std::string& file, std::string_view key = {}) {
    const auto text = read_file(file);
    if (!text) return 0;
    std::size_t at = 0;
    if (!key.empty()) {
        at = ("\n" + text.value()).find("\n" + std::string(key) + " ");
        if (at == std::string::npos) return 0;
        at += key.size() + 1;
    }
    std::uint64_t number = 0;
    std::from_chars(text.value().data() + at, text.value().data() + text.value().size(), number);
    return number;
}

std::vector<std::string> children_of(const std::string& dir) {
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(dir, failed))
        if (entry.is_directory(failed)) names.push_back(entry.path().filename());
    return names;
}

/// The disk that `/` is on: limits are set on whole disks. Empty where it is on none, as on overlayfs.
std::string root_disk() {
    struct stat root {};
    if (::stat("/", &root) != 0 || major(root.st_dev) == 0) return {};
    const std::string number = std::to_string(major(root.st_dev)) + ":" + std::to_string(minor(root.st_dev));
    const std::string sys = "/sys/dev/block/" + number;
    if (::access((sys + "/partition").c_str(), F_OK) != 0) return number;
    const auto whole = read_file(sys + "/../dev");
    return whole ? whole.value().substr(0, whole.value().find('\n')) : std::string();
}

/// Removes the groups below `dir`, deepest first, and with `itself` the group. A killed process may take a moment to
/// leave its group, hence the patience; only at start and end, never while serving.
Result<> remove_groups(const std::string& dir, bool itself) {
    for (const auto& child : children_of(dir)) {
        EDGE_TRY(remove_groups(dir + "/" + child, true));
    }
    if (!itself) return ok();
    const auto deadline = std::chrono::steady_clock::now() + 3s;
    while (retry_with_dac_override([&] { return ::rmdir(dir.c_str()); }) != 0 && errno != ENOENT) {
        if (errno != EBUSY || std::chrono::steady_clock::now() > deadline)
            return os_error(errno, dir, "the group cannot be removed");
        std::this_thread::sleep_for(5ms);
    }
    return ok();
}

}  // namespace

WorkerGroup::WorkerGroup(WorkerGroup&& other) noexcept {
    *this = std::move(other);
}

WorkerGroup& WorkerGroup::operator=(WorkerGroup&& other) noexcept {
    std::swap(mounts_, other.mounts_);
    std::swap(below_, other.below_);
    std::swap(dir_, other.dir_);
    std::swap(id_, other.id_);
    return *this;
}

WorkerGroup::~WorkerGroup() {
    remove();
}

Result<std::vector<Fd>> WorkerGroup::doors() const {
    std::vector<Fd> doors;
    if (!is_there()) return doors;
    for (const auto& tree : mounts_->trees()) {
        if (tree == mounts_->v2) continue;
        const std::string door = tree + below_ + "/tasks";
        Fd fd(::open(door.c_str(), O_WRONLY | O_CLOEXEC));
        if (!fd) return os_error(errno, door);
        doors.push_back(std::move(fd));
    }
    return doors;
}

Result<> WorkerGroup::kill() const {
    return write_file(mounts_->v2 + below_ + "/cgroup.kill", "1");
}

WorkerStats WorkerGroup::stats() const {
    WorkerStats stats;
    if (!is_there()) return stats;
    stats.cpu_us = number_in(mounts_->v2 + below_ + "/cpu.stat", "usage_usec");  // there without the controller too
    const auto cpu = path(Controller::cpu) + "/cpu.stat";
    stats.throttled_us =
        mounts_->in_v2(Controller::cpu) ? number_in(cpu, "throttled_usec") : number_in(cpu, "throttled_time") / 1000;
    const auto memory = path(Controller::memory);
    if (mounts_->in_v2(Controller::memory)) {
        stats.memory_bytes = number_in(memory + "/memory.current");
        stats.memory_peak_bytes = number_in(memory + "/memory.peak");  // Linux 5.19
        stats.oom_kills = number_in(memory + "/memory.events", "oom_kill");
    } else {
        stats.memory_bytes = number_in(memory + "/memory.usage_in_bytes");
        stats.memory_peak_bytes = number_in(memory + "/memory.max_usage_in_bytes");
        stats.oom_kills = number_in(memory + "/memory.oom_control", "oom_kill");
    }
    stats.pids = static_cast<std::uint32_t>(number_in(path(Controller::pids) + "/pids.current"));
    return stats;
}

bool WorkerGroup::remove() {
    if (below_.empty()) return true;
    for (const auto& tree : mounts_->trees())
        if (::rmdir((tree + below_).c_str()) != 0 && errno != ENOENT) return false;
    below_.clear();
    return true;
}

Result<CgroupTree> CgroupTree::claim(CgroupMounts mounts, const std::string& name) {
    CgroupTree tree(std::move(mounts), name);
    EDGE_TRY(tree.check_ours());
    EDGE_TRY(tree.take());
    EDGE_TRY(tree.clear());
    if (tree.mounts_->has(Controller::io) && !tree.mounts_->in_v2(Controller::io) &&
        !make_dir(tree.mounts_->of(Controller::io) + "/" + name))
        tree.mounts_->home[static_cast<unsigned>(Controller::io)].clear();  // not delegated
    EDGE_TRY(tree.make_group("/" + name));
    EDGE_TRY(tree.enable_controllers("/" + name));
    if (tree.is_delegated()) forget_dac_override();
    return tree;
}

/// Before anything is touched: a group that holds processes itself, or groups not named as ours, is somebody else's.
Result<> CgroupTree::check_ours() const {
    for (const auto& tree : mounts_->trees()) {
        const std::string path = tree + "/" + name_;
        const auto processes = read_file(path + "/cgroup.procs");
        bool ours = !processes || processes.value().empty();
        for (const auto& child : children_of(path)) ours = ours && child.starts_with("line-");
        if (!ours) return Error{Errc::conflict, path, "is a group of something else; choose another --cgroup"};
    }
    return ok();
}

/// The lock is on a file of the group that only root may open, at all; it goes with the process.
Result<> CgroupTree::take() {
    const std::string path = mounts_->v2 + "/" + name_, kill = path + "/cgroup.kill";
    for (;;) {
        EDGE_TRY(make_dir(path));
        Fd file(::open(kill.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file && errno == ENOENT && ::access(path.c_str(), F_OK) != 0) continue;
        if (!file) return os_error(errno, kill, "cannot be opened; it needs Linux 5.14");
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
            return Error{Errc::unavailable, path,
                         "another edge-launcher holds this group; stop it, or choose another --cgroup", 0};
        if (!is_in_place(file, kill)) continue;  // its last holder removed it between our open and our lock
        lock_ = std::move(file);
        return ok();
    }
}

Result<> CgroupTree::clear() {
    const std::string path = mounts_->v2 + "/" + name_;
    EDGE_TRY(write_file(path + "/cgroup.kill", "1"));
    for (const auto& tree : mounts_->trees()) {
        EDGE_TRY(remove_groups(tree + "/" + name_, tree != mounts_->v2));
    }
    return ok();
}

CgroupMode CgroupTree::mode() const {
    if (!mounts_) return CgroupMode::none;
    return mounts_->hybrid() ? CgroupMode::hybrid : CgroupMode::v2;
}

CgroupTree::~CgroupTree() {
    if (!lock_) return;
    (void)write_file(mounts_->v2 + "/" + name_ + "/cgroup.kill", "1");
    for (const auto& tree : mounts_->trees()) (void)remove_groups(tree + "/" + name_, true);
}

Result<> CgroupTree::make_group(const std::string& below) const {
    for (const auto& tree : mounts_->trees()) {
        EDGE_TRY(make_dir(tree + below));
    }
    return ok();
}

/// Whether NAME's parents are ours to write in by mode alone, as in a unit's group and not in the root of a tree.
bool CgroupTree::is_delegated() const {
    bool delegated = true;
    for (const auto& tree : mounts_->trees()) {
        struct stat parent {};
        const auto path = std::filesystem::path(tree + "/" + name_).parent_path();
        delegated = delegated && ::stat(path.c_str(), &parent) == 0 && (parent.st_mode & S_IWUSR) != 0;
    }
    return delegated;
}

/// Lets the groups below `below` have limits. Only in groups of ours: above NAME it is the host's business.
Result<> CgroupTree::enable_controllers(const std::string& below) const {
    for (const auto controller : kControllers) {
        if (!mounts_->in_v2(controller)) continue;
        const auto wanted = "+" + std::string(name_of(controller));
        if (write_file(mounts_->v2 + below + "/cgroup.subtree_control", wanted) || controller == Controller::io)
            continue;
        const auto parent = std::filesystem::path(mounts_->v2 + "/" + name_).parent_path().string();
        return Error{Errc::unsupported, mounts_->v2 + below,
                     "controller " + std::string(name_of(controller)) + " is not delegated to it; run: echo " + wanted +
                         " > " + parent + "/cgroup.subtree_control, or set Delegate=cpu memory pids in the unit"};
    }
    return ok();
}

void CgroupTree::put_host_first(bool cpu_first) const {
    if (!mounts_) return;
    for (const auto controller : kControllers) {
        if (!mounts_->has(controller) || (controller == Controller::cpu && !cpu_first)) continue;
        for (const auto& file : host_first_files(controller, mounts_->in_v2(controller), root_disk()))
            (void)write_file(mounts_->of(controller) + "/" + name_ + "/" + file.name, file.value);
    }
}

Result<Fd> CgroupTree::add_line(const std::string& line) {
    if (!mounts_) return Fd();
    const std::string below = "/" + name_ + "/line-" + line;
    EDGE_TRY(make_group(below));
    EDGE_TRY(enable_controllers(below));
    Fd dir(::open((mounts_->v2 + below).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return os_error(errno, mounts_->v2 + below);
    return dir;
}

Result<WorkerGroup> CgroupTree::add_worker(const std::string& line, std::uint32_t id, const Limits& limits) {
    WorkerGroup group;
    if (!mounts_) return group;
    group.mounts_ = mounts_.get();
    group.below_ = "/" + name_ + "/line-" + line + "/worker-" + std::to_string(id);
    EDGE_TRY(make_group(group.below_));
    for (const auto controller : kControllers) {
        if (controller == Controller::pids && EDGE_IS_OFF(pids_limit)) continue;
        for (const auto& file : limit_files(controller, mounts_->in_v2(controller), limits)) {
            const auto set = write_file(group.path(controller) + "/" + file.name, file.value);
            if (!set && !(file.optional && set.error().os_errno == ENOENT)) return set.error();
        }
    }
    group.dir_ = Fd(::open((mounts_->v2 + group.below_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!group.dir_ || ::fstat(group.fd(), &status) != 0) return os_error(errno, mounts_->v2 + group.below_);
    group.id_ = status.st_ino;
    return group;
}

}  // namespace edge::launcher
