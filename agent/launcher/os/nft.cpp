#include "agent/launcher/os/nft.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {
namespace {

constexpr const char* kNft = "/usr/sbin/nft";

std::string content_of(const Fd& file) {
    std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) return {};
    return text;
}

}  // namespace

Result<std::string> run_nft(const std::string& commands, NftMode mode) {
    // Files in memory rather than pipes: whatever their sizes, nobody waits for the other.
    const Fd in(::memfd_create("nft-in", MFD_CLOEXEC)), out(::memfd_create("nft-out", MFD_CLOEXEC));
    if (!in || !out || ::write(in.get(), commands.data(), commands.size()) != static_cast<ssize_t>(commands.size()))
        return os_error(errno, kNft);
    ::lseek(in.get(), 0, SEEK_SET);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, in.get(), 0);
    for (const int fd : {1, 2}) ::posix_spawn_file_actions_adddup2(&files, out.get(), fd);
    const char* const checked[] = {kNft, "-c", "-f", "-", nullptr};
    const char* const applied[] = {kNft, "-f", "-", nullptr};
    char* const no_environment[] = {nullptr};
    pid_t pid = -1;
    const int failed =
        ::posix_spawn(&pid, kNft, &files, nullptr, const_cast<char* const*>(mode == NftMode::check ? checked : applied),
                      no_environment);
    ::posix_spawn_file_actions_destroy(&files);
    if (failed != 0) return Error{Errc::unsupported, kNft, "cannot be run; install nftables", failed};
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    auto said = content_of(out);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
    return Error{Errc::unsupported, kNft, "refused the line guard: " + said.substr(0, said.find('\n'))};
}

}  // namespace edge::launcher
