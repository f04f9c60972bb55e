// Who listens at the other end: a real datagram socket, of a path or of an abstract name.
#pragma once
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include "protocol/systemd/descriptor.hpp"

namespace edge::systemd::test {

class Receiver {
  public:
    enum class Kind { path, abstract };
    explicit Receiver(Kind kind = Kind::path) {
        char folder[] = "/tmp/edge-systemd-XXXXXX";
        REQUIRE(::mkdtemp(folder) != nullptr);
        folder_ = folder;
        name_ = (kind == Kind::path ? "" : "@") + folder_ + "/socket";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name_.data(), name_.size());
        if (kind == Kind::abstract) address.sun_path[0] = '\0';
        socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    }
    ~Receiver() {
        ::unlink(name_.c_str());
        ::rmdir(folder_.c_str());
    }
    Receiver(const Receiver&) = delete;

    const std::string& name() const { return name_; }

    struct Message {
        std::string text;
        Descriptor file;  // that came with it
    };
    /// What has arrived; unix datagrams are there when they are sent.
    std::optional<Message> next() {
        pollfd waits{socket_.get(), POLLIN, 0};
        if (::poll(&waits, 1, 0) != 1) return std::nullopt;
        Message message;
        message.text.resize(1 << 20);
        iovec part{message.text.data(), message.text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        const ssize_t size = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
        REQUIRE(size >= 0);
        message.text.resize(static_cast<std::size_t>(size));
        if (const cmsghdr* passed = CMSG_FIRSTHDR(&header); passed != nullptr && passed->cmsg_type == SCM_RIGHTS) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(passed), sizeof fd);
            message.file = Descriptor(fd);
        }
        return message;
    }
    /// Its text, or nothing.
    std::string text() {
        const auto message = next();
        return message ? message->text : "";
    }

  private:
    std::string folder_, name_;
    Descriptor socket_;
};

}  // namespace edge::systemd::test
