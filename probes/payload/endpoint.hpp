// Addresses and sockets for escape attempts, as plain as a hostile program would make them.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "probes/payload/attempt.hpp"

namespace edge::probes {

struct FarEnd {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    bool v6() const { return storage.ss_family == AF_INET6; }
};

/// An address without a meaning gives an endpoint that the kernel refuses.
FarEnd endpoint(const std::string& address, int port, int scope = 0);

/// `192.0.2.1:80`, `[2001:db8::1]:80`, as TargetPort reads it; without a port the address alone.
std::string text_of(const FarEnd& to, bool with_port = true);

class AttemptSocket {
  public:
    AttemptSocket(int family, int type, int protocol = 0) : fd_(socket(family, type | SOCK_CLOEXEC, protocol)) {}
    AttemptSocket(const AttemptSocket&) = delete;
    ~AttemptSocket() {
        if (fd_ >= 0) close(fd_);
    }
    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }
    long set(int level, int name, const void* value, std::size_t size) const {
        return setsockopt(fd_, level, name, value, static_cast<socklen_t>(size));
    }
    long set(int level, int name, int value) const { return set(level, name, &value, sizeof value); }
    /// With bits in the upper halves of level and name, which a filter sees and the kernel does not.
    long set_wide(int level, int name, const void* value, std::size_t size) const {
        constexpr long kHigh = 1L << 32;
        return syscall(SYS_setsockopt, fd_, level | kHigh, name | kHigh, value, size);
    }
    long send_to(const FarEnd& to) const { return sendto(fd_, "edge", 4, MSG_NOSIGNAL, to.get(), to.size); }

  private:
    int fd_;
};

/// A datagram with one control message.
long send_with_control(int fd, const FarEnd& to, int level, int type, const void* data, std::size_t size);

/// UDP by sendto, by connect; TCP, which is not waited for; a ping that is answered: the first that got through, and
/// where to, for whoever knows what policy allows.
AttemptOutcome send_all_ways(const FarEnd& to);

}  // namespace edge::probes
