#include "agent/launcher/sandbox/loaded_files.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {
namespace {

// Fixed by each architecture's ABI, and what PT_INTERP of every program says.
#if defined(__x86_64__)
constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";
#elif defined(__aarch64__)
constexpr const char* kLoader = "/lib/ld-linux-aarch64.so.1";
#else
#error "say where this architecture's loader is"
#endif

/// What the loader prints about the program; nothing for what is no program.
Result<std::string> listing_of(const std::string& program) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_error(errno, "pipe");
    const Fd in(ends[0]);
    Fd out(ends[1]);
    std::string path = program;
    const std::array<char*, 4> arguments{const_cast<char*>(kLoader), const_cast<char*>("--list"), path.data(), nullptr};
    char* no_environment[] = {nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, kLoader, &actions, nullptr, arguments.data(), no_environment);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return os_error(failed, kLoader, "cannot be run");
    out.reset();
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(in.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(n));
    ::waitpid(pid, nullptr, 0);
    return text;
}

}  // namespace

Result<std::vector<std::string>> paths_listed(std::string_view listing) {
    std::vector<std::string> paths;
    std::istringstream in{std::string(listing)};
    for (std::string line; std::getline(in, line);) {
        if (line.find("not found") != std::string::npos)
            return Error{Errc::not_found, line.substr(line.find_first_not_of(" \t")), "install the library"};
        const auto begin = line.find('/');
        if (begin == std::string::npos) continue;  // the vdso has no file
        paths.push_back(line.substr(begin, line.find(" (", begin) - begin));
    }
    return paths;
}

Result<std::vector<std::string>> loaded_files(const std::string& program) {
    EDGE_TRY(const auto listing, listing_of(program));
    if (listing.empty()) return Error{Errc::bad_value, program, "is no program for this machine"};
    EDGE_TRY(auto paths, paths_listed(listing));
    paths.insert(paths.begin(), program);
    std::vector<std::string> files;
    for (const auto& path : paths)
        if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
    return files;
}

}  // namespace edge::launcher
