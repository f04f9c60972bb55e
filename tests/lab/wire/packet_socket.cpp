#include "tests/lab/wire/packet_socket.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace edge::wire {
namespace {

// A segment still to be cut may be 64 KiB long, and has its Ethernet and virtio headers in front.
constexpr std::size_t kLargestFrame = 65536 + 512;
constexpr int kReceiveBuffer = 8 << 20;  // bursts wait here while the process sleeps

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::system_category(), what);
}

void set_option(int fd, int level, int option, int value, const char* name) {
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0) fail(name);
}

}  // namespace

PacketSocket::PacketSocket(const std::string& device)
    : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), buffer_(kLargestFrame) {
    if (fd_ < 0) fail("socket(AF_PACKET)");
    try {
        set_option(fd_, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
        set_option(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
        set_option(fd_, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer, "SO_RCVBUFFORCE");
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
        if (address.sll_ifindex == 0) fail(device);
        if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind " + device);
    } catch (...) {
        ::close(fd_);
        throw;
    }
}

PacketSocket::~PacketSocket() {
    ::close(fd_);
}

bool PacketSocket::receive(Frame& frame) {
    const auto size = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (size < 0) {
        // ENETDOWN comes once when the device goes down; packet(7) says frames come again when it is up.
        if (errno == EAGAIN || errno == ENETDOWN || errno == EINTR) return false;
        fail("recv");
    }
    frame.assign(buffer_.begin(), buffer_.begin() + size);
    return true;
}

bool PacketSocket::send(const Frame& frame) {
    return ::send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

}  // namespace edge::wire
