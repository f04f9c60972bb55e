// Sockets of a line for the agent's own link: what arrived at the carriers is the oracle.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

struct Running {
    Running() {
        REQUIRE_MESSAGE(launcher.says("ready"), launcher.log());
        client.emplace(launcher.socket());
    }
    Carriers carriers;
    ConfigFolder folder;
    LauncherProcess launcher{folder};
    std::optional<Client> client;

    std::variant<UplinkSocket, int> open(const std::string& line, int family, UplinkTransport transport, Fd& socket) {
        return client->ask<UplinkSocket>(
            Type::open_uplink, OpenUplink{line_name(line), static_cast<std::uint16_t>(family), transport}, &socket);
    }
};

/// What the target answers who connects with this socket: the line's name, and where it saw the question come from.
std::string asked(const Fd& socket, int family, const std::string& target) {
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    six.sin6_port = four.sin_port = htons(kPort);
    ::inet_pton(AF_INET6, target.c_str(), &six.sin6_addr);
    ::inet_pton(AF_INET, target.c_str(), &four.sin_addr);
    const bool v6 = family == AF_INET6;
    const auto* to = v6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    if (::connect(socket.get(), to, v6 ? sizeof six : sizeof four) != 0 && errno != EINPROGRESS)
        return std::string("connect: ") + std::strerror(errno);
    pollfd ready{socket.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 5'000) != 1) return "no connection";
    (void)!::send(socket.get(), "?", 1, MSG_NOSIGNAL);
    ready.events = POLLIN;
    if (::poll(&ready, 1, 5'000) != 1) return "no answer";
    char text[128];
    const auto size = ::recv(socket.get(), text, sizeof text, 0);
    return size < 0 ? std::string("recv: ") + std::strerror(errno) : std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

TEST_CASE(
    "a socket of a line leaves by it, from its address, over both families, and is bound before it is handed over") {
    Running up;
    struct Case {
        const char* line;
        int family;
        UplinkTransport transport;
        const char* target;
        const char* answer;
    };
    constexpr Case kCases[] = {
        {"telecom", AF_INET, UplinkTransport::tcp, kTarget4, "telecom 100.64.1.2"},
        {"unicom", AF_INET, UplinkTransport::tcp, kTarget4, "unicom 100.64.2.2"},
        {"telecom", AF_INET, UplinkTransport::udp, kTarget4, "telecom 100.64.1.2"},
        {"unicom", AF_INET6, UplinkTransport::tcp, kTarget6, "unicom fd64:2::2"},
        {"telecom", AF_INET6, UplinkTransport::udp, kTarget6, "telecom fd64:1::2"},
    };
    for (const Case& one : kCases) {
        CAPTURE(one.answer);
        Fd socket;
        const auto opened = up.open(one.line, one.family, one.transport, socket);
        REQUIRE(std::holds_alternative<UplinkSocket>(opened));
        CHECK(std::get<UplinkSocket>(opened).marked == 1);
        REQUIRE(socket);
        char device[IFNAMSIZ]{};
        std::uint32_t mark = 0;
        socklen_t size = sizeof device, mark_size = sizeof mark;
        REQUIRE(::getsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, device, &size) == 0);
        REQUIRE(::getsockopt(socket.get(), SOL_SOCKET, SO_MARK, &mark, &mark_size) == 0);
        const bool is_telecom = std::string(one.line) == "telecom";
        CHECK(std::string(device) == (is_telecom ? "wan0" : "wan1"));
        CHECK(mark == (is_telecom ? 0x101 : 0x102));
        CHECK(asked(socket, one.family, one.target) == one.answer);
    }
    CHECK(up.carriers.arrived(0) == 3);
    CHECK(up.carriers.arrived(1) == 2);
}

TEST_CASE("a line without its device gives no socket, and one without a route a socket that reaches nothing") {
    Running up;
    sh("ip route flush table 101");
    Fd socket;
    REQUIRE(std::holds_alternative<UplinkSocket>(up.open("telecom", AF_INET, UplinkTransport::udp, socket)));
    sh("ip link del wan0");
    const auto gone = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(gone);
    CHECK(asked(socket, AF_INET, kTarget4).find("connect: ") == 0);
    CHECK(std::get<int>(up.open("telecom", AF_INET, UplinkTransport::tcp, socket)) == ENODEV);
    CHECK(std::get<int>(up.open("nowhere", AF_INET, UplinkTransport::tcp, socket)) == ENOENT);
    CHECK(up.carriers.arrived(1) == 0);
}

TEST_CASE("sockets are given out thirty-two at once, then four a second") {
    Running up;
    int refused = 0;
    for (int i = 0; i < 64; ++i) {
        Fd socket;
        const auto opened = up.open("telecom", AF_INET, UplinkTransport::udp, socket);
        if (!std::holds_alternative<int>(opened)) continue;
        CHECK(std::get<int>(opened) == EAGAIN);
        ++refused;
    }
    CHECK(refused > 8);
    CHECK(refused <= 32);
}
