// The server on a real unix socket, driven one round of the poller at a time.
#include "agent/launcher/server.hpp"

#include <doctest/doctest.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

using namespace edge;
using namespace edge::launcher;

namespace {

struct Setting {
    Setting() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        REQUIRE(server.listen(folder + "/s"));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder + "/s";
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        round();
    }
    ~Setting() { std::filesystem::remove_all(folder); }
    Setting(const Setting&) = delete;

    void round() { poller.wait(std::chrono::steady_clock::now()); }
    void ask(std::uint32_t serial) {
        const auto packet = packet_of(Type::get_line, serial, GetLine{0});
        REQUIRE(::send(client.get(), packet.data(), packet.size(), MSG_DONTWAIT) > 0);
    }
    /// The serial of the next packet the client has; 0: none.
    std::uint32_t read(Fd* passed = nullptr) {
        Header header{};
        iovec part{&header, sizeof header};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(client.get(), &message, MSG_DONTWAIT) <= 0) return 0;
        if (const auto* rights = CMSG_FIRSTHDR(&message); rights != nullptr) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
            Fd held(fd);
            if (passed != nullptr) *passed = std::move(held);
        }
        return header.serial;
    }
    /// Sends numbered packets until the socket holds no more and some wait; how many it took.
    std::uint32_t fill() {
        std::uint32_t sent = 0;
        while (sent < 100 * 1024 && said().empty()) server.send(1, packet_of(Type::get_line, ++sent, LineInfo{}));
        REQUIRE_FALSE(said().empty());
        return sent;
    }
    std::string said() const { return log.sink->text; }

    struct Log {
        struct Sink final : spdlog::sinks::base_sink<spdlog::details::null_mutex> {
            void sink_it_(const spdlog::details::log_msg& message) override {
                const std::string line(message.payload.data(), message.payload.size());
                if (line.starts_with("client_slow")) text += line;
            }
            void flush_() override {}
            std::string text;
        };
        std::shared_ptr<Sink> sink = std::make_shared<Sink>();
        spdlog::logger logger{"test", sink};
        Log() { logger.set_level(spdlog::level::debug); }
    } log;
    std::string folder = "/tmp/edge-server-test.XXXXXX";
    Poller poller = std::move(Poller::open().value());
    std::vector<std::uint32_t> asked;
    int gone = 0;
    Server server{poller, ::getuid(), log.logger,
                  [this](ClientId, const Request& request) { asked.push_back(request.header.serial); },
                  [this](ClientId) { ++gone; }};
    Fd client{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
};

}  // namespace

TEST_CASE("what the socket cannot hold waits, and arrives in order, with the descriptor that goes along") {
    Setting at;
    std::uint32_t sent = at.fill();
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    Fd kept(ends[0]);
    at.server.send(1, packet_of(Type::get_line, ++sent, LineInfo{}), Fd(ends[1]));
    Fd passed;
    std::uint32_t read = 0;
    while (read < sent) {
        const auto serial = at.read(&passed);
        if (serial == 0)
            at.round();
        else
            REQUIRE(serial == ++read);
    }
    CHECK(at.gone == 0);
    REQUIRE(passed);
    CHECK(::send(passed.get(), "x", 1, MSG_NOSIGNAL) == 1);
    char byte = 0;
    CHECK(::recv(kept.get(), &byte, 1, MSG_DONTWAIT) == 1);
}

TEST_CASE("a client that does not read is not asked further, until it has read") {
    Setting at;
    const std::uint32_t sent = at.fill();
    at.ask(7);
    at.round();
    CHECK(at.asked.empty());
    for (std::uint32_t read = 0; read < sent;)
        if (at.read() != 0)
            ++read;
        else
            at.round();
    at.round();  // it is seen that all is sent
    at.round();
    CHECK(at.asked == std::vector<std::uint32_t>{7});
}

TEST_CASE("a client that never reads is dropped when the bound is reached, and not before") {
    Setting at;
    at.fill();  // one waits
    for (std::size_t n = 1; n < Server::kMaxUnsent; ++n) at.server.send(1, packet_of(Type::get_line, 1, LineInfo{}));
    CHECK(at.gone == 0);
    at.server.send(1, packet_of(Type::get_line, 1, LineInfo{}));
    CHECK(at.gone == 1);
    at.server.send(1, packet_of(Type::get_line, 1, LineInfo{}));  // to one that has gone: nothing
    CHECK(at.gone == 1);
}

TEST_CASE("a client that goes while something waits for it is gone once") {
    Setting at;
    at.fill();
    at.client.reset();
    at.round();
    CHECK(at.gone == 1);
}
