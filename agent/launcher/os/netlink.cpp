#include "agent/launcher/os/netlink.hpp"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace edge::launcher {

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags) {
    auto* message = mnl_nlmsg_put_header(buffer_.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

Result<Netlink> Netlink::open() {
    Netlink netlink(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!netlink.socket_) return os_error(errno, "netlink", "cannot be opened");
    if (mnl_socket_bind(netlink.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) return os_error(errno, "netlink", "bind");
    int on = 1;  // strict checking (Linux 4.20): dumps are filtered by table and protocol in the kernel
    mnl_socket_setsockopt(netlink.socket_.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return netlink;
}

Result<Netlink> Netlink::subscribe(std::initializer_list<unsigned> groups) {
    Netlink netlink(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!netlink.socket_) return os_error(errno, "netlink", "cannot be opened");
    if (mnl_socket_bind(netlink.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) return os_error(errno, "netlink", "bind");
    for (unsigned group : groups)
        if (mnl_socket_setsockopt(netlink.socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
            return os_error(errno, "netlink", "cannot follow group " + std::to_string(group));
    return netlink;
}

Result<> Netlink::change(NetlinkRequest& request) {
    request.header()->nlmsg_flags |= NLM_F_ACK;
    return transact(request, [](const nlmsghdr*) {});
}

Result<> Netlink::ask(NetlinkRequest& request, const std::function<void()>& restart, const Each& each) {
    constexpr int kAttempts = 8;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        restart();
        auto done = transact(request, each);
        if (done || done.error().os_errno != EINTR) return done;  // EINTR: NLM_F_DUMP_INTR, see netlink(7)
    }
    return Error{Errc::unavailable, "netlink", "the kernel's tables change faster than they can be read"};
}

Result<> Netlink::transact(NetlinkRequest& request, const Each& each) {
    request.header()->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request.header(), request.header()->nlmsg_len) < 0)
        return os_error(errno, "netlink", "send");
    std::vector<char> buffer(32 * 1024);
    bool interrupted = false;
    for (;;) {
        const ssize_t received = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (received < 0) return os_error(errno, "netlink", "receive");
        std::span<const char> left(buffer.data(), static_cast<std::size_t>(received));
        while (const auto* message = next_message(left)) {
            if (message->nlmsg_seq != sequence_) continue;  // the rest of an answer that was given up
            interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
                // Both begin with a negative errno or 0: nlmsgerr, and what a dump ended with.
                const int status = mnl_nlmsg_get_payload_len(message) >= sizeof(int)
                                       ? *static_cast<const int*>(mnl_nlmsg_get_payload(message))
                                       : 0;
                if (status != 0) return os_error(-status, "netlink");
                if (interrupted) return os_error(EINTR, "netlink");
                return ok();
            }
            each(message);
            if ((message->nlmsg_flags & NLM_F_MULTI) == 0) return ok();
        }
    }
}

bool Netlink::drain(const std::function<void(const nlmsghdr*)>& see) {
    bool complete = true;
    alignas(nlmsghdr) std::array<char, 16 * 1024> buffer;
    for (;;) {
        const ssize_t n = ::recv(fd(), buffer.data(), buffer.size(), MSG_TRUNC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != ENOBUFS) return complete;
        // ENOBUFS: the kernel had no room for some (netlink(7)); a longer one was cut.
        if (n < 0 || static_cast<std::size_t>(n) > buffer.size()) {
            complete = false;
            continue;
        }
        int left = static_cast<int>(n);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left))
            see(message);
    }
}

}  // namespace edge::launcher
