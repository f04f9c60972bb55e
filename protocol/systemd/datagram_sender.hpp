// Datagrams to a unix socket that has a name: how the service manager and the journal are spoken to.
#pragma once
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/systemd/descriptor.hpp"

namespace edge::systemd {

/// Of the receiver's queue.
enum class WhenFull { wait, give_up };

/// Owns: one socket from its birth on, so that a process which is out of descriptors can still say so. It is never
/// connected: who listens may be started anew, and edge-launcher may not connect. Executor: any thread.
class DatagramSender {
  public:
    /// `to`: a path, or '@' and an abstract name. What is wrong with it, send() says.
    explicit DatagramSender(std::string to);

    /// Where the receiver's queue is full: five seconds at most, or not at all.
    /// Errors: io, os_errno EMSGSIZE where it is too long for one datagram, EAGAIN where the queue stayed full.
    Result<> send(std::string_view bytes, WhenFull when_full) const;
    /// An open file in place of bytes; waits. Errors: io.
    Result<> pass(const Descriptor& file) const;

  private:
    std::string to_;
    Descriptor socket_;
};

}  // namespace edge::systemd
