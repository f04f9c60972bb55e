// A client that sends bytes and reads bytes; nothing is done for it.
#pragma once
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace edge::broker::test {

class PlainClient {
  public:
    explicit PlainClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
            throw std::runtime_error("connect");
    }
    PlainClient(PlainClient&&) = delete;
    ~PlainClient() { ::close(fd_); }

    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;  // the server closed; what it said is still to be read
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// Reads until `end` is there, or the server closes, or hangs; what came, `end` included.
    std::string read_until(std::string_view end) {
        while (end.empty() || came_.find(end) == std::string::npos) {
            if (!read_some()) return std::exchange(came_, {});
        }
        const std::size_t size = came_.find(end) + end.size();
        std::string text = came_.substr(0, size);
        came_.erase(0, size);
        return text;
    }
    /// So many bytes, or fewer when the server closes.
    std::string read_exactly(std::size_t size) {
        while (came_.size() < size && read_some()) {
        }
        std::string text = came_.substr(0, size);
        came_.erase(0, size);
        return text;
    }
    std::string read_all() { return read_until({}); }
    /// Head and body of a response with Content-Length.
    std::string read_response() {
        std::string head = read_until("\r\n\r\n");
        const std::size_t at = head.find("Content-Length: ");
        const std::size_t length = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        while (came_.size() < length && read_some()) {
        }
        head += came_.substr(0, length);
        came_.erase(0, length);
        return head;
    }
    void close_sending() { ::shutdown(fd_, SHUT_WR); }
    bool is_silent_for(int ms) {
        pollfd poll{fd_, POLLIN, 0};
        return came_.empty() && ::poll(&poll, 1, ms) == 0;
    }

  private:
    static constexpr int kPatienceMs = 120'000;

    bool read_some() {
        pollfd poll{fd_, POLLIN, 0};
        char bytes[4096];
        if (::poll(&poll, 1, kPatienceMs) <= 0) return false;
        const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
        if (size <= 0) return false;
        came_.append(bytes, static_cast<std::size_t>(size));
        return true;
    }

    int fd_;
    std::string came_;
};

}  // namespace edge::broker::test
