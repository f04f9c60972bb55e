#include "agent/launcher/sandbox/loaded_files.hpp"

#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {
namespace {

template <class T>
bool copy_at(std::string_view bytes, std::size_t at, T& out) {
    if (at > bytes.size() || bytes.size() - at < sizeof out) return false;
    std::memcpy(&out, bytes.data() + at, sizeof out);
    return true;
}

/// The start of the file: the program headers and the interpreter's name stand in its first page.
Result<std::string> head_of(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return Error{Errc::not_found, path, "cannot be opened; say where edge-probe is with --probe", errno};
    std::string head(64 * 1024, '\0');
    const ssize_t n = ::read(fd.get(), head.data(), head.size());
    if (n < 0) return os_error(errno, path, "cannot be read");
    head.resize(static_cast<std::size_t>(n));
    return head;
}

Result<std::string> output_of(const std::vector<std::string>& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_error(errno, "pipe");
    const Fd in(ends[0]);
    Fd out(ends[1]);
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    char* no_environment[] = {nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
    pid_t pid = 0;
    const int failed = ::posix_spawn(&pid, command[0].c_str(), &actions, nullptr, arguments.data(), no_environment);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return os_error(failed, command[0], "cannot be run");
    out.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(in.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return Error{Errc::bad_value, command.back(), "cannot be loaded by " + command[0]};
    return text;
}

}  // namespace

Result<std::string> interpreter_of(std::string_view elf) {
    const Error not_elf{Errc::bad_value, {}, "is not a 64-bit ELF program"};
    Elf64_Ehdr header;
    if (!copy_at(elf, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64)
        return not_elf;
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        if (!copy_at(elf, header.e_phoff + i * sizeof segment, segment)) return not_elf;
        if (segment.p_type != PT_INTERP) continue;
        if (segment.p_offset > elf.size() || elf.size() - segment.p_offset < segment.p_filesz) return not_elf;
        const auto name = elf.substr(segment.p_offset, segment.p_filesz);
        return std::string(name.substr(0, name.find('\0')));
    }
    return std::string();
}

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
    EDGE_TRY(const auto head, head_of(program));
    auto interpreter = interpreter_of(head);
    if (!interpreter) return Error{Errc::bad_value, program, interpreter.error().detail};
    std::vector<std::string> files{program};
    if (interpreter.value().empty()) return files;
    EDGE_TRY(const auto listing, output_of({interpreter.value(), "--list", program}));
    EDGE_TRY(auto paths, paths_listed(listing));
    paths.push_back(interpreter.value());
    for (const auto& path : paths)
        if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
    return files;
}

}  // namespace edge::launcher
