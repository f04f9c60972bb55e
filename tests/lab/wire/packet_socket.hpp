// Whole Ethernet frames in and out of one network device.
#pragma once
#include <string>

#include "tests/lab/wire/delay_line.hpp"

namespace edge::wire {

/// A frame starts with the kernel's virtio_net_hdr: what is left to do about its checksum and its segments.
/// Owns: the socket. Errors: the constructor throws std::system_error (no such device, not permitted).
class PacketSocket {
  public:
    explicit PacketSocket(const std::string& device);
    ~PacketSocket();
    PacketSocket(const PacketSocket&) = delete;
    PacketSocket& operator=(const PacketSocket&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

    /// The next frame waiting into `frame`; false when none is, or while the device is down.
    [[nodiscard]] bool receive(Frame& frame);

    /// False when the device did not take the frame (down, or its queue is full): a cable does not try again.
    [[nodiscard]] bool send(const Frame& frame);

  private:
    int fd_;
    Frame buffer_;
};

}  // namespace edge::wire
