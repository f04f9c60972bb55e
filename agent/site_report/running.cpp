#include "agent/site_report/running.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace edge::agent {
namespace {

constexpr int kLooks = 20;  // at the kernel's list of locks
constexpr std::chrono::milliseconds kBetweenLooks{1};

std::string whole(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

std::string proc(pid_t pid, const char* what) {
    return "/proc/" + std::to_string(pid) + "/" + what;
}

/// NUL-terminated words, as cmdline and environ have them.
std::vector<std::string> words_in(const std::string& file) {
    std::vector<std::string> words;
    std::istringstream in(whole(file));
    for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
    return words;
}

std::string link_at(const std::string& path) {
    std::error_code failed;
    const auto to = std::filesystem::read_symlink(path, failed).string();
    return failed || to.ends_with(" (deleted)") ? std::string() : to;
}

}  // namespace

std::string unit_in(const std::string& proc_cgroup) {
    std::string unit;
    std::istringstream lines(proc_cgroup);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("0::/") && line.find(":name=systemd:/") == std::string::npos) continue;
        std::istringstream parts(line.substr(line.find(":/") + 2));
        for (std::string part; std::getline(parts, part, '/');)
            if (part.ends_with(".service")) unit = part;
    }
    return unit;
}

std::string value_of(const std::vector<std::string>& words, const std::string& flag) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == flag && i + 1 < words.size()) return words[i + 1];
        if (words[i].starts_with(flag + "=")) return words[i].substr(flag.size() + 1);
    }
    return {};
}

pid_t flock_in(const std::string& proc_locks, const std::string& device_and_inode) {
    std::istringstream lines(proc_locks);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string number, kind, how, mode, file;
        pid_t pid = 0;
        if (words >> number >> kind >> how >> mode >> pid >> file && kind == "FLOCK" && file == device_and_inode)
            return pid;
    }
    return 0;
}

SiteProgram program_of(pid_t pid) {
    if (pid == 0) return {};
    SiteProgram program{pid, {}, link_at(proc(pid, "exe"))};
    // A group alone does not tell: what a shell below ssh.service started is in that unit's, too.
    if (value_of(words_in(proc(pid, "environ")), "SYSTEMD_EXEC_PID") == std::to_string(pid))
        program.unit = unit_in(whole(proc(pid, "cgroup")));
    return program;
}

std::string path_given_to(pid_t pid, const std::string& name) {
    const std::filesystem::path given = value_of(words_in(proc(pid, "cmdline")), "--" + name);
    if (given.empty() || given.is_absolute()) return given.lexically_normal();
    std::error_code failed;
    const auto path = (std::filesystem::path(link_at(proc(pid, "cwd"))) / given).lexically_normal();
    return path.is_absolute() && std::filesystem::exists(path, failed) ? path.string() : std::string();
}

pid_t holder_of(const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return 0;
    char text[64];
    std::snprintf(text, sizeof text, "%02x:%02x:%lu", major(status.st_dev), minor(status.st_dev), status.st_ino);
    // The kernel gives the list page by page and counts on from where it was: when a lock goes meanwhile, it passes
    // over another that is there all the time. So one look that finds none does not say that there is none.
    for (int look = 0; look < kLooks; ++look) {
        if (look > 0) std::this_thread::sleep_for(kBetweenLooks);
        if (const pid_t pid = flock_in(whole("/proc/locks"), text); pid != 0) return pid;
    }
    return 0;
}

}  // namespace edge::agent
