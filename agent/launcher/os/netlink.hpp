// One rtnetlink socket: requests that are answered, dumps that are complete or an error, and events.
#pragma once
#include <libmnl/libmnl.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <span>

#include "protocol/result.hpp"

namespace edge::launcher {

/// A request under construction, in a buffer of its own.
class NetlinkRequest {
  public:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags);
    /// The family's fixed header (rtmsg, fib_rule_hdr, ifinfomsg), zeroed; once, before any attribute.
    template <class Header>
    Header& extra() {
        return *static_cast<Header*>(mnl_nlmsg_put_extra_header(header(), sizeof(Header)));
    }
    void put_u8(std::uint16_t attribute, std::uint8_t value) { mnl_attr_put_u8(header(), attribute, value); }
    void put_u32(std::uint16_t attribute, std::uint32_t value) { mnl_attr_put_u32(header(), attribute, value); }
    void put_bytes(std::uint16_t attribute, const void* bytes, std::size_t size) {
        mnl_attr_put(header(), attribute, size, bytes);
    }
    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

  private:
    alignas(nlmsghdr) std::array<char, 512> buffer_{};
};

/// The next message of what was received, cut off its front; null where no whole one is left. mnl_nlmsg_ok() takes a
/// length above INT_MAX for one that fits, and mnl_nlmsg_next() then stays where it is.
inline const nlmsghdr* next_message(std::span<const char>& received) {
    if (received.size() < sizeof(nlmsghdr)) return nullptr;
    const auto* message = reinterpret_cast<const nlmsghdr*>(received.data());
    if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > received.size()) return nullptr;
    received = received.subspan(std::min<std::size_t>(NLMSG_ALIGN(message->nlmsg_len), received.size()));
    return message;
}

/// The attributes of one message, by type; absent ones are null. mnl_attr_parse() rounds the message's length up to
/// the next four bytes, and takes an attribute that ends behind it.
template <std::size_t Count>
struct Attributes {
    std::array<const nlattr*, Count> by_type{};

    Attributes(const nlmsghdr* message, std::size_t header_size) {
        const char* const end = reinterpret_cast<const char*>(message) + message->nlmsg_len;
        const auto* at = static_cast<const char*>(mnl_nlmsg_get_payload_offset(message, header_size));
        for (;;) {
            const auto* attribute = reinterpret_cast<const nlattr*>(at);
            if (!mnl_attr_ok(attribute, static_cast<int>(end - at))) return;
            if (mnl_attr_get_type(attribute) < Count) by_type[mnl_attr_get_type(attribute)] = attribute;
            at += MNL_ALIGN(attribute->nla_len);
        }
    }
    const nlattr* operator[](std::size_t type) const { return by_type[type]; }
    std::uint32_t u32(std::size_t type) const {
        const auto* at = by_type[type];
        return at != nullptr && mnl_attr_get_payload_len(at) >= 4 ? mnl_attr_get_u32(at) : 0;
    }
    std::uint8_t u8(std::size_t type) const {
        const auto* at = by_type[type];
        return at != nullptr && mnl_attr_get_payload_len(at) >= 1 ? mnl_attr_get_u8(at) : std::uint8_t{0};
    }
};

/// Owns: the socket. Executor: one thread; requests wait for the kernel's answer, which is immediate.
class Netlink {
  public:
    using Each = std::function<void(const nlmsghdr*)>;

    static Result<Netlink> open();
    /// A second kind of socket: only events of these RTNLGRP_ groups, never blocks.
    static Result<Netlink> subscribe(std::initializer_list<unsigned> groups);

    /// Sends and waits for the acknowledgement. Errors: io with the kernel's errno.
    Result<> change(NetlinkRequest& request);
    /// Sends and hands over each answer; a dump that changed under our feet is begun again, so `each` must forget
    /// what it had when `restart` is called.
    Result<> ask(NetlinkRequest& request, const std::function<void()>& restart, const Each& each);
    /// Reads away what is pending, each event seen by `see`. False if one was lost or cut, which may have been
    /// anything.
    bool drain(const std::function<void(const nlmsghdr*)>& see);
    int fd() const { return mnl_socket_get_fd(socket_.get()); }

  private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    explicit Netlink(mnl_socket* socket) : socket_(socket) {}
    Result<> transact(NetlinkRequest& request, const Each& each);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace edge::launcher
