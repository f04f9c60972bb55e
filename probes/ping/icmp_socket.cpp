#include "probes/ping/icmp_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "probes/ping/control_messages.hpp"
#include "probes/reactor/line_device.hpp"

namespace edge::probes {
namespace {

/// What the kernel tells with every packet. An option an old kernel lacks costs that field, not the probe.
void ask_for_details(int fd, bool v6) {
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    (void)setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
    (void)setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, &on, sizeof on);
}

std::string address_text(const sockaddr_storage& storage) {
    const auto endpoint = from_sockaddr(reinterpret_cast<const sockaddr*>(&storage), sizeof storage);
    return endpoint ? endpoint->address.text() : std::string();
}

}  // namespace

Result<> IcmpSocket::open(const IpAddress& target) {
    target_ = target;
    const int fd = ::socket(target.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                            target.v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP});
    if (fd < 0) return os_error(errno, "socket");
    descriptor_.assign(fd);
    if (const int error = bind_to_line(fd); error != 0) return os_error(error, "SO_BINDTODEVICE");
    ask_for_details(fd, target.v6);
    sockaddr_storage storage{};
    const socklen_t length = to_sockaddr(Endpoint{target, 0}, storage);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0) return os_error(errno, "connect");
    return ok();
}

int IcmpSocket::send(std::span<const std::uint8_t> message) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (::send(descriptor_.native_handle(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return 0;
        // With IP_RECVERR an earlier packet's ICMP error is told here once and the packet is not sent: try again.
    }
    return errno;
}

void IcmpSocket::wait_readable(std::function<void()> ready) {
    descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                           [ready = std::move(ready)](boost::system::error_code error) {
                               if (!error) ready();
                           });
}

void IcmpSocket::receive(const std::function<void(const Message&)>& on_message,
                         const std::function<void(const IcmpError&)>& on_error) {
    int left = 64;
    while (left > 0 && receive_one(true, on_message, on_error)) --left;
    while (left > 0 && receive_one(false, on_message, on_error)) --left;
}

bool IcmpSocket::receive_one(bool from_error_queue, const std::function<void(const Message&)>& on_message,
                             const std::function<void(const IcmpError&)>& on_error) {
    std::array<std::uint8_t, 2048> bytes;
    alignas(cmsghdr) std::array<char, 512> control;
    sockaddr_storage from{};
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got =
        ::recvmsg(descriptor_.native_handle(), &header, MSG_DONTWAIT | (from_error_queue ? MSG_ERRQUEUE : 0));
    if (got < 0) return errno != EAGAIN && errno != EBADF && !from_error_queue;  // a pending error was told: go on
    Message message;
    message.bytes = {bytes.data(), static_cast<std::size_t>(got)};
    const ControlFacts told = read_control(header);
    message.ttl = told.ttl;
    message.stamped = told.stamped;
    if (told.error) {
        const QueuedError& error = *told.error;
        on_error({.quoted = message.bytes,
                  .type = error.type,
                  .code = error.code,
                  .from = error.from ? error.from->text() : std::string(),
                  .is_local = error.is_local,
                  .os_errno = error.os_errno});
    } else if (!from_error_queue) {
        message.from = address_text(from);
        on_message(message);
    }
    return true;
}

void IcmpSocket::close() {
    boost::system::error_code ignored;
    if (descriptor_.is_open()) descriptor_.close(ignored);
}

}  // namespace edge::probes
