#include "agent/host/host_readings.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

#include "agent/fd.hpp"
#include "agent/host/kernel_texts.hpp"

namespace edge::agent {
namespace {

std::optional<std::string> small_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    char text[4096];
    const ssize_t n = ::read(fd.number(), text, sizeof text);
    return n < 0 ? std::nullopt : std::optional(std::string(text, static_cast<std::size_t>(n)));
}

/// /proc/pressure first; where a unit hides it, the root of the v2 tree says the same.
std::optional<std::uint32_t> pressure(const std::string& of) {
    for (const std::string& path :
         {"/proc/pressure/" + of, "/sys/fs/cgroup/" + of + ".pressure", "/sys/fs/cgroup/unified/" + of + ".pressure"}) {
        const auto text = small_file(path);
        if (const auto permille = text ? pressure_permille(*text) : std::nullopt) return permille;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> cpu_us() {
    for (const char* path : {"/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/unified/cpu.stat"}) {
        const auto text = small_file(path);
        if (const auto us = text ? keyed_number(*text, "usage_usec") : std::nullopt) return us;
    }
    return std::nullopt;
}

}  // namespace

link::HostFacts HostReadings::read(std::uint64_t elapsed_us) {
    link::HostFacts host;
    host.cpus = static_cast<std::uint32_t>(std::max(::get_nprocs(), 1));
    struct sysinfo info {};
    if (::sysinfo(&info) == 0) {
        host.load_permille = static_cast<std::uint32_t>(info.loads[0] * 1000 >> SI_LOAD_SHIFT);
        host.memory_bytes = std::uint64_t{info.totalram} * info.mem_unit;
        host.memory_free_bytes = std::uint64_t{info.freeram + info.bufferram} * info.mem_unit;
    }
    struct statvfs disk {};
    if (::statvfs(state_dir_.c_str(), &disk) == 0) {
        host.disk_bytes = std::uint64_t{disk.f_blocks} * disk.f_frsize;
        host.disk_free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    }
    host.cpu_pressure_permille = pressure("cpu");
    host.memory_pressure_permille = pressure("memory");
    host.io_pressure_permille = pressure("io");
    const auto before = std::exchange(cpu_us_, cpu_us());
    if (before && cpu_us_ && *cpu_us_ >= *before && elapsed_us > 0)
        host.cpu_permille = static_cast<std::uint32_t>(
            std::min<std::uint64_t>((*cpu_us_ - *before) * 1000 / (elapsed_us * host.cpus), 1000));
    return host;
}

}  // namespace edge::agent
