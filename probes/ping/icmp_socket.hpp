// An ICMP datagram socket, connected to one target. No capability is needed where net.ipv4.ping_group_range allows.
// Source: icmp(7), ip(7) IP_RECVERR, Documentation/networking/timestamping.rst.
#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "probes/reactor/socket_facts.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

/// Owns: the descriptor. Executor: the io_context's one thread.
class IcmpSocket {
  public:
    struct Message {
        std::span<const std::uint8_t> bytes;
        std::string from;
        std::optional<std::uint32_t> ttl;
        std::optional<std::chrono::nanoseconds> stamped;  // wall clock, by the kernel on arrival
    };
    struct IcmpError {
        std::span<const std::uint8_t> quoted;  // our request, from its ICMP header on
        std::uint8_t type = 0, code = 0;
        std::string from;
        bool is_local = false;  // this host's own: `os_errno` says what
        int os_errno = 0;
    };

    explicit IcmpSocket(boost::asio::io_context& io) : descriptor_(io) {}

    /// Errors: os_error whose `where` is `socket` or `connect`.
    Result<> open(const IpAddress& target);
    /// 0 or an errno.
    int send(std::span<const std::uint8_t> message);
    void wait_readable(std::function<void()> ready);
    /// At most 64 of what has arrived, errors first; the rest wakes wait_readable() again.
    void receive(const std::function<void(const Message&)>& on_message,
                 const std::function<void(const IcmpError&)>& on_error);
    SocketFacts facts() const {
        return socket_facts(const_cast<IcmpSocket*>(this)->descriptor_.native_handle(), Endpoint{target_, 0});
    }
    void close();

  private:
    bool receive_one(bool from_error_queue, const std::function<void(const Message&)>& on_message,
                     const std::function<void(const IcmpError&)>& on_error);

    boost::asio::posix::stream_descriptor descriptor_;
    IpAddress target_;
};

}  // namespace edge::probes
