#include "agent/enrolment/other_programs.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "agent/fd.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostSaid = 64 * 1024;

std::string all_from(int fd) {
    std::string all;
    char part[4096];
    for (;;) {
        const ssize_t n = ::read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return all;
        all.append(part, std::min(static_cast<std::size_t>(n), kMostSaid - all.size()));
    }
}

}  // namespace

Result<ProgramEnd> run_program(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_error(errno, "pipe");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    for (const int output : {1, 2}) ::posix_spawn_file_actions_adddup2(&files, theirs.number(), output);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    if (failed != 0)
        return Error{failed == ENOENT ? Errc::not_found : Errc::io, words.front(), "cannot be run", failed};
    theirs = Fd();
    ProgramEnd end;
    end.said = all_from(ours.number());
    while (end.said.ends_with('\n')) end.said.pop_back();
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return end;
}

std::string launcher_program() {
    std::error_code failed;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", failed);
    const auto beside = own.parent_path() / "edge-launcher";
    return !failed && std::filesystem::exists(beside, failed) ? beside.string() : "/usr/sbin/edge-launcher";
}

Result<> check_lines_files(const std::string& folder) {
    const std::string program = launcher_program();
    const auto end = run_program({program, "--check-config", "--config", folder});
    if (!end) return Error{end.error().code, program, "cannot be run; is all of EDGE installed?", end.error().os_errno};
    if (end.value().status == 0) return ok();
    return Error{Errc::bad_value, {}, end.value().said};
}

Result<> start_units(const std::vector<std::string>& units) {
    std::vector<std::string> words{"systemctl", "enable", "--now"};
    words.insert(words.end(), units.begin(), units.end());
    EDGE_TRY(const auto end, run_program(words));
    if (end.status == 0) return ok();
    return Error{Errc::unavailable, "systemctl", end.said.empty() ? "status " + std::to_string(end.status) : end.said};
}

}  // namespace edge::agent
