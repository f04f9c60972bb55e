#include "protocol/systemd/listen_sockets.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "protocol/systemd/environment.hpp"

namespace edge::systemd {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr std::uint64_t kMost = 64;

std::vector<std::string> names_in(const std::string& text) {
    std::vector<std::string> names{""};
    for (const char c : text) {
        if (c == ':')
            names.emplace_back();
        else
            names.back() += c;
    }
    return names;
}

}  // namespace

Result<std::vector<ListenSocket>> take_listen_sockets() {
    const auto whose = take_variable("LISTEN_PID");
    const auto count_text = take_variable("LISTEN_FDS");
    const auto names_text = take_variable("LISTEN_FDNAMES");
    std::vector<ListenSocket> sockets;
    if (!whose || !count_text || number_in(*whose) != static_cast<std::uint64_t>(::getpid())) return sockets;
    const auto count = number_in(*count_text);
    if (!count || *count > kMost)
        return Error{Errc::bad_value, "LISTEN_FDS", "\"" + *count_text + "\" is no number from 0 to 64"};
    const auto names = names_in(names_text.value_or(""));
    if (names_text && *count > 0 && names.size() != *count)
        return Error{Errc::bad_value, "LISTEN_FDNAMES",
                     "has " + std::to_string(names.size()) + " names for " + *count_text + " sockets"};
    for (std::size_t i = 0; i < *count; ++i) {
        const int fd = kFirst + static_cast<int>(i);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
            Error error = os_error(errno, "LISTEN_FDS", "descriptor " + std::to_string(fd) + " is not open");
            error.code = Errc::bad_value;
            return error;
        }
        sockets.push_back({names_text ? names[i] : "unknown", Descriptor(fd)});
    }
    return sockets;
}

}  // namespace edge::systemd
