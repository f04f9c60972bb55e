// The guards of one transfer, each by itself, against real sockets: what arrived is the oracle.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <unistd.h>

#include <thread>

#include "broker/webhooks/transfer.hpp"

using namespace edge;
using namespace edge::broker::webhooks;

namespace {

/// Listens on an address of loopback, and answers nothing.
class Listener {
  public:
    explicit Listener(const char* address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        REQUIRE(::inet_pton(AF_INET, address, &to.sin_addr) == 1);
        socklen_t size = sizeof to;
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&to), size) == 0);
        REQUIRE(::listen(fd_, 8) == 0);
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&to), &size) == 0);
        port = ntohs(to.sin_port);
    }
    Listener(const Listener&) = delete;
    ~Listener() { ::close(fd_); }
    std::size_t came() const {
        std::size_t count = 0;
        for (int fd = 0; (fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ++count) ::close(fd);
        return count;
    }
    /// The first that comes is told this, and no more is read of it than there is at once.
    void tell(const std::string& text) const {
        pollfd coming{fd_, POLLIN, 0};
        REQUIRE(::poll(&coming, 1, 1'000) == 1);
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        std::array<char, 4'096> request{};
        ::recv(fd, request.data(), request.size(), 0);
        for (std::size_t told = 0; told < text.size();) {
            const ssize_t n = ::send(fd, text.data() + told, text.size() - told, MSG_NOSIGNAL);
            if (n <= 0) break;
            told += static_cast<std::size_t>(n);
        }
        ::close(fd);
    }
    std::uint16_t port = 0;

  private:
    int fd_;
};

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

/// What comes of a POST to `host`, whose addresses were vetted as `vetted`.
Answer post(const std::string& host, std::uint16_t port, std::vector<IpAddress> vetted, const ReceiverRule& rule) {
    REQUIRE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    CURLM* multi = curl_multi_init();
    Answer answer;
    {
        Transfer transfer(multi, rule,
                          {.url = parse_receiver("http://" + host + ":" + std::to_string(port) + "/").value(),
                           .addresses = std::move(vetted),
                           .headers = {{"webhook-id", "msg_1"}},
                           .body = "{}",
                           .ca_file = {},
                           .head = std::chrono::milliseconds(100),
                           .whole = std::chrono::milliseconds(200),
                           .resolve = {}});
        int running = 1, left = 0;
        while (running > 0) {
            curl_multi_perform(multi, &running);
            if (running > 0) curl_multi_poll(multi, nullptr, 0, 50, nullptr);
        }
        const CURLMsg* message = curl_multi_info_read(multi, &left);
        REQUIRE(message);
        answer = transfer.answer(message->data.result);
    }
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    return answer;
}

const ReceiverRule kLoopback{
    .allow_http = true, .ports = {}, .allow = {IpPrefix::parse("127.0.0.0/8").value()}, .allow_hosts = {}};

}  // namespace

TEST_CASE("a name leads to the addresses that were vetted, whatever this host would resolve it to") {
    const Listener listener("127.0.0.2");
    const auto answer = post("localhost", listener.port, {address("127.0.0.2")}, kLoopback);
    CHECK(listener.came() == 1);
    CHECK(answer.attempt.peer == "127.0.0.2:" + std::to_string(listener.port));
    CHECK(!answer.is_refused);
    CHECK(answer.is_timeout);
}

TEST_CASE("a socket is opened only to what was vetted, and what may be spoken to now") {
    const Listener listener("127.0.0.1");
    const ReceiverRule strict{.allow_http = true, .ports = {}, .allow = {}, .allow_hosts = {}};
    const std::pair<std::vector<IpAddress>, ReceiverRule> table[] = {
        {{address("198.51.100.1")}, kLoopback},  // another was vetted
        {{}, kLoopback},                         // none was
        {{address("127.0.0.1")}, strict},        // it was, and should not have been
    };
    for (const auto& [vetted, rule] : table) {
        const auto answer = post("127.0.0.1", listener.port, vetted, rule);
        CHECK(listener.came() == 0);
        CHECK(answer.is_refused);
        CHECK(answer.attempt.error == "the address may not be spoken to");
    }
    CHECK(post("127.0.0.1", listener.port, {address("127.0.0.1")}, kLoopback).is_timeout);
    CHECK(listener.came() == 1);
}

TEST_CASE("a head that is too large is called so, be it of many lines or of one") {
    for (const std::string& line :
         {std::string("X-Much: ") + std::string(900, 'x') + "\r\n", std::string(200'000, 'x')}) {
        const Listener listener("127.0.0.2");
        std::string head = "HTTP/1.1 200 OK\r\nX-One: ";
        while (head.size() < 150'000) head += line;
        std::thread receiver([&] { listener.tell(head); });
        const auto answer = post("localhost", listener.port, {address("127.0.0.2")}, kLoopback);
        receiver.join();
        CHECK(answer.attempt.error == "the head of the answer is larger than 16 KiB");
    }
}
