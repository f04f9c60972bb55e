#include "agent/launcher/os/passed_fds.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace edge::launcher {

bool send_with_fds(int to, std::span<const std::byte> packet, std::span<const int> fds) {
    iovec part{const_cast<std::byte*>(packet.data()), packet.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(kMostPassedFds * sizeof(int))]{};
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        auto* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    return ::sendmsg(to, &message, MSG_NOSIGNAL) >= 0;
}

Received receive_with_fds(int from, std::span<std::byte> buffer) {
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(kMostPassedFds * sizeof(int))]{};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = 0;
    do got = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    Received received;
    if (got <= 0) return received;
    for (auto* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
        int numbers[kMostPassedFds];
        const std::size_t bytes = std::min(one->cmsg_len - CMSG_LEN(0), sizeof numbers);
        std::memcpy(numbers, CMSG_DATA(one), bytes);
        for (std::size_t i = 0; i < bytes / sizeof(int); ++i) received.fds.emplace_back(numbers[i]);
    }
    received.bytes = static_cast<std::size_t>(got);
    received.truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return received;
}

}  // namespace edge::launcher
