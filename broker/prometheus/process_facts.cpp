#include "broker/prometheus/process_facts.hpp"

#include <sys/resource.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

namespace edge::broker::prometheus {
namespace {

constexpr Metric kProcessCpu{"process_cpu_seconds_total", Type::counter, "User and system time of the process."};
constexpr Metric kStart{"process_start_time_seconds", Type::gauge, "When the process began, since 1970."};
constexpr Metric kResident{"process_resident_memory_bytes", Type::gauge, "Memory of the process that is in RAM."};
constexpr Metric kVirtual{"process_virtual_memory_bytes", Type::gauge, "Address space of the process."};
constexpr Metric kFds{"process_open_fds", Type::gauge, "Open file descriptors."};
constexpr Metric kMostFds{"process_max_fds", Type::gauge, "The most there may be."};

struct Stat {
    double cpu_ticks = 0;
    double start_ticks = 0;  // since boot
    double virtual_bytes = 0;
    double resident_pages = 0;
};

/// Fields of proc_pid_stat(5) by their number, behind the name in parentheses, which may hold anything.
std::optional<Stat> read_stat() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(line.substr(name_end + 1));
    std::string field;
    Stat stat;
    for (int number = 3; fields >> field; ++number) {
        const auto value = [&field] { return std::strtod(field.c_str(), nullptr); };
        if (number == 14 || number == 15) stat.cpu_ticks += value();
        if (number == 22) stat.start_ticks = value();
        if (number == 23) stat.virtual_bytes = value();
        if (number == 24) stat.resident_pages = value();
    }
    return stat;
}

std::optional<double> boot_time() {
    std::ifstream file("/proc/stat");
    std::string word;
    while (file >> word) {
        double seconds = 0;
        if (word == "btime" && file >> seconds) return seconds;
    }
    return std::nullopt;
}

std::optional<double> open_fds() {
    std::error_code failed;
    double count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end;
         at.increment(failed))
        ++count;
    if (failed) return std::nullopt;
    return count - 1;  // but for the one that this list is read by
}

}  // namespace

void write_process(Exposition& out) {
    if (const auto stat = read_stat()) {
        const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
        out.add(kProcessCpu, {}, stat->cpu_ticks / ticks);
        out.add(kVirtual, {}, stat->virtual_bytes);
        out.add(kResident, {}, stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
        if (const auto booted = boot_time()) out.add(kStart, {}, *booted + stat->start_ticks / ticks);
    }
    if (const auto fds = open_fds()) out.add(kFds, {}, *fds);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.add(kMostFds, {}, static_cast<double>(limit.rlim_cur));
}

}  // namespace edge::broker::prometheus
