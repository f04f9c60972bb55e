#include "hostile_servers.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "protocol/ip.hpp"

namespace edge::ssrf {
namespace {

using launcher::Fd;

void bind_to(const Fd& fd, int port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, kPublic4, &at.sin_addr);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind");
}

/// A name's labels as the wire has them.
std::string wire_name(const std::string& name) {
    std::string wire;
    for (std::size_t at = 0; at < name.size();) {
        const auto end = std::min(name.find('.', at), name.size());
        wire += static_cast<char>(end - at);
        wire += name.substr(at, end - at);
        at = end + 1;
    }
    return wire + '\0';
}

void put16(std::string& wire, unsigned value) {
    wire += static_cast<char>(value >> 8);
    wire += static_cast<char>(value);
}

/// One record of the question's name, TTL 0.
void put_record(std::string& wire, unsigned type, const std::string& data) {
    put16(wire, 0xc00c);
    put16(wire, type);
    put16(wire, 1);
    wire.append(4, '\0');
    put16(wire, static_cast<unsigned>(data.size()));
    wire += data;
}

}  // namespace

HostileServers::HostileServers(const launcher::test::Carriers& carriers, const Attack& attack)
    : attack_(attack),
      asked_(2 * attack.names.size()),
      names_(carriers.socket_in_carrier(0, AF_INET, SOCK_DGRAM, 0)),
      web_(carriers.socket_in_carrier(0, AF_INET, SOCK_STREAM, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
    bind_to(names_, 53);
    bind_to(web_, 80);
    if (::listen(web_.get(), 128) != 0) throw std::runtime_error("listen");
    thread_ = std::thread([this] { serve(); });
}

HostileServers::~HostileServers() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
}

void HostileServers::serve() {
    for (;;) {
        pollfd waiting[] = {{stop_.get(), POLLIN, 0}, {names_.get(), POLLIN, 0}, {web_.get(), POLLIN, 0}};
        ::poll(waiting, 3, -1);
        if (waiting[0].revents != 0) return;
        if (waiting[1].revents != 0) answer_name();
        if (waiting[2].revents != 0) answer_web();
    }
}

void HostileServers::answer_name() {
    char question[512];
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const ssize_t n = ::recvfrom(names_.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (n < 17) return;
    const auto* end = static_cast<const char*>(std::memchr(question + 12, 0, static_cast<std::size_t>(n) - 12));
    if (end == nullptr || end + 5 > question + n) return;
    const unsigned type = static_cast<unsigned char>(end[2]);
    const auto index = static_cast<std::size_t>(std::atoi(question + 14));  // behind the length and the n
    std::string records;
    unsigned count = 0;
    if ((question[13] == 'n' || question[13] == 'N') && index < attack_.names.size() && (type == 1 || type == 28)) {
        const auto& turns = attack_.names[index].turns;
        const auto turn = asked_[2 * index + (type == 28)]++ % turns.size();
        for (const auto& one : turns[turn]) {
            if (one.starts_with('=')) {
                put_record(records, 5, wire_name(one.substr(1)));
                ++count;
                continue;
            }
            const auto address = IpAddress::parse(one).value();
            if (address.v6 != (type == 28)) continue;
            put_record(records, type,
                       std::string(reinterpret_cast<const char*>(address.bytes.data()), address.v6 ? 16 : 4));
            ++count;
        }
    }
    std::string answer(question, 2);
    answer += "\x84";
    answer += '\0';
    put16(answer, 1);
    put16(answer, count);
    answer.append(4, '\0');
    answer.append(question + 12, static_cast<std::size_t>(end + 5 - (question + 12)));
    answer += records;
    ::sendto(names_.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&peer), size);
}

/// `GET /302/17` is sent to location 17; all else is a short page.
void HostileServers::answer_web() {
    const Fd client(::accept4(web_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    pollfd waiting{client.get(), POLLIN, 0};
    char head[2048]{};
    if (::poll(&waiting, 1, 1000) != 1 || ::recv(client.get(), head, sizeof head - 1, 0) <= 0) return;
    int code = 0;
    unsigned index = 0;
    std::string answer = "HTTP/1.1 200 OK\r\n";
    if (std::sscanf(head, "GET /%d/%u ", &code, &index) == 2 && index < attack_.locations.size())
        answer = "HTTP/1.1 " + std::to_string(code) + " Go\r\nLocation: " + attack_.locations[index] + "\r\n";
    answer += "Content-Length: 0\r\nConnection: close\r\n\r\n";
    (void)!::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
}

}  // namespace edge::ssrf
