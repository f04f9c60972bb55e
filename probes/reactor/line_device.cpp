#include "probes/reactor/line_device.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace edge::probes {
namespace {

std::string line_device;  // of the process: a worker is on one line

}  // namespace

void bind_sockets_to(const std::string& device) {
    line_device = device;
}

int bind_to_line(int fd) {
    if (line_device.empty()) return 0;
    const auto size = static_cast<socklen_t>(line_device.size());
    return ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, line_device.data(), size) == 0 ? 0 : errno;
}

}  // namespace edge::probes
