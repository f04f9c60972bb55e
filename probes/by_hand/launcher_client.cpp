#include "probes/by_hand/launcher_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "probes/failures.hpp"
#include "protocol/ip.hpp"
#include "protocol/nearest.hpp"

namespace edge::probes {
namespace {

using launcher::Address;
using launcher::Packet;

template <std::size_t N>
std::string text_of(const char (&field)[N]) {
    return std::string(field, strnlen(field, N));
}

std::string address_text(const Address& address) {
    if (address.family == 0) return {};
    IpAddress ip;
    ip.v6 = address.family == AF_INET6;
    std::memcpy(ip.bytes.data(), address.bytes, ip.v6 ? 16 : 4);
    return ip.text();
}

Address packed(const IpAddress& ip) {
    Address address;
    address.family = ip.v6 ? AF_INET6 : AF_INET;
    std::memcpy(address.bytes, ip.bytes.data(), 16);
    return address;
}

EnforcedBy enforcement(launcher::Enforcement by) {
    switch (by) {
        case launcher::Enforcement::bpf_guard:
            return EnforcedBy::bpf;
        case launcher::Enforcement::nft_guard:
            return EnforcedBy::nft;
        case launcher::Enforcement::cooperative:
            return EnforcedBy::cooperative;
        case launcher::Enforcement::none:
            break;
    }
    return EnforcedBy::none;
}

Errc kind_of(int os_errno) {
    if (os_errno == EACCES || os_errno == EPERM) return Errc::denied;
    return os_errno == ENOENT || os_errno == ECONNREFUSED ? Errc::unavailable : Errc::io;
}

struct Received {
    ssize_t size = 0;
    int fd = -1;
};

Received receive(int fd, void* buffer, std::size_t size) {
    iovec part{buffer, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    Received got;
    got.size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got.size < 0) return got;
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS)
            std::memcpy(&got.fd, CMSG_DATA(one), sizeof got.fd);
    }
    return got;
}

}  // namespace

Result<LauncherClient> LauncherClient::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{Errc::bad_value, path, "the path is too long for a socket"};
    std::memcpy(address.sun_path, path.c_str(), path.size());
    LauncherClient client(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (client.fd_ < 0) return os_error(errno, path, "cannot make a socket");
    if (::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        const Errc kind = kind_of(error);
        return Error{kind, path,
                     kind == Errc::denied ? "only root and the agent's user may ask the launcher"
                                          : "the launcher is not there; is edge-launcher running?",
                     error};
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client.fd_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return os_error(errno, path);
    if (peer.uid != 0 && peer.uid != ::geteuid())
        return Error{Errc::denied, path,
                     "is served by uid " + std::to_string(peer.uid) +
                         ", not by root; ask as that user, if it is an ordinary user's launcher, or end that process"};
    return client;
}

LauncherClient::LauncherClient(LauncherClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), serial_(other.serial_) {}

LauncherClient::~LauncherClient() {
    if (fd_ >= 0) ::close(fd_);
}

template <class Answer, class Body>
Result<Answer> LauncherClient::ask(launcher::Type type, const Body& body, int* received_fd) {
    Packet<Body> request;
    request.header.type = type;
    request.header.serial = ++serial_;
    request.body = body;
    if (::send(fd_, &request, sizeof request, MSG_NOSIGNAL) < 0)
        return Error{Errc::unavailable, "launcher", "the launcher has gone", errno};
    for (;;) {
        alignas(8) std::array<char, 2048> buffer{};
        const Received got = receive(fd_, buffer.data(), buffer.size());
        if (got.size < 0 && errno == EINTR) continue;
        if (got.size < static_cast<ssize_t>(sizeof(launcher::Header)))
            return Error{Errc::unavailable, "launcher", "the launcher has gone"};
        launcher::Header header;
        std::memcpy(&header, buffer.data(), sizeof header);
        const bool is_mine =
            header.magic == launcher::kMagic && header.version == launcher::kVersion && header.serial == serial_;
        if (!is_mine) {
            if (got.fd >= 0) ::close(got.fd);
            if (header.serial == 0 && header.magic == launcher::kMagic) continue;  // an event
            return Error{Errc::unsupported, "launcher", "the launcher is of another version"};
        }
        if (header.status != 0) {
            Packet<launcher::Failure> failure;
            std::memcpy(&failure, buffer.data(), std::min(sizeof failure, static_cast<std::size_t>(got.size)));
            return Error{kind_of(header.status), "launcher", text_of(failure.body.text), header.status};
        }
        if (got.size != static_cast<ssize_t>(sizeof(Packet<Answer>)))
            return Error{Errc::unsupported, "launcher", "the launcher is of another version"};
        Packet<Answer> answer;
        std::memcpy(&answer, buffer.data(), sizeof answer);
        if (received_fd) *received_fd = got.fd;
        return answer.body;
    }
}

Result<launcher::LineInfo> LauncherClient::find_line(const std::string& name) {
    std::vector<std::string> names;
    for (std::uint32_t index = 0, count = 1; index < count && index < launcher::kMaxLines; ++index) {
        EDGE_TRY(auto line, ask<launcher::LineInfo>(launcher::Type::get_line, launcher::GetLine{index}));
        if (text_of(line.name.text) == name) return line;
        names.push_back(text_of(line.name.text));
        count = line.count;
    }
    std::string all;
    for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
    return Error{Errc::not_found, "--line " + name, "no such line; there are " + all + did_you_mean(name, names)};
}

Result<LauncherClient::Worker> LauncherClient::spawn(const launcher::LineInfo& line) {
    int stream = -1;
    EDGE_TRY(auto spawned, ask<launcher::Spawned>(launcher::Type::spawn, launcher::Spawn{line.name}, &stream));
    if (stream < 0) return Error{Errc::internal, "launcher", "it spawned a worker and passed no stream"};
    return Worker{spawned.worker, stream};
}

Result<> LauncherClient::kill(std::uint32_t worker) {
    EDGE_TRY(ask<launcher::Done>(launcher::Type::kill, launcher::Kill{worker}));
    return ok();
}

Result<RouteGet> LauncherClient::route_get(const launcher::LineInfo& line, const Flow& flow) {
    EDGE_TRY(auto address, IpAddress::parse(flow.destination));
    const launcher::RouteGet query{line.name, packed(address), flow.protocol, flow.port};
    EDGE_TRY(auto route, ask<launcher::Route>(launcher::Type::route_get, query));
    return route_facts(route);
}

LineFacts line_facts(const launcher::LineInfo& line) {
    LineFacts facts;
    facts.name = text_of(line.name.text);
    facts.ifname = text_of(line.ifname);
    facts.ifindex = line.ifindex;
    facts.mark = line.mark;
    facts.table = line.table;
    facts.enforced_by = enforcement(line.enforced_by);
    for (const Address& address : line.addresses) {
        if (address.family != 0) facts.addresses.push_back(address_text(address));
    }
    return facts;
}

RouteGet route_facts(const launcher::Route& route) {
    RouteGet facts;
    facts.oif = text_of(route.ifname);
    facts.gw = address_text(route.gateway);
    facts.prefsrc = address_text(route.source);
    facts.table = route.table;
    if (route.error != 0) facts.error = errno_name(route.error);
    return facts;
}

}  // namespace edge::probes
