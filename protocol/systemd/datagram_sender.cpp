#include "protocol/systemd/datagram_sender.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace edge::systemd {
namespace {

Result<> deliver(int socket, const std::string& to, msghdr& message, WhenFull when_full) {
    sockaddr_un address{};
    if (to.size() < 2 || to.size() >= sizeof address.sun_path) return os_error(ENAMETOOLONG, to, "is no socket's name");
    address.sun_family = AF_UNIX;
    std::copy(to.begin(), to.end(), address.sun_path);
    if (to.front() == '@') address.sun_path[0] = '\0';
    message.msg_name = &address;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + to.size());
    ssize_t sent = -1;
    const int flags = MSG_NOSIGNAL | (when_full == WhenFull::give_up ? MSG_DONTWAIT : 0);
    do sent = ::sendmsg(socket, &message, flags);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return os_error(errno, to, "nothing can be said to it");
    return ok();
}

}  // namespace

DatagramSender::DatagramSender(std::string to)
    : to_(std::move(to)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    constexpr timeval kLongest{5, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kLongest, sizeof kLongest);  // refused of no socket alone
}

Result<> DatagramSender::send(std::string_view bytes, WhenFull when_full) const {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg(2) only reads it
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return deliver(socket_.get(), to_, message, when_full);
}

Result<> DatagramSender::pass(const Descriptor& file) const {
    const int fd = file.get();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return deliver(socket_.get(), to_, message, WhenFull::wait);
}

}  // namespace edge::systemd
