#include "agent/health/neighbours.hpp"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "agent/fd.hpp"
#include "protocol/ip.hpp"

namespace edge::agent {
namespace {

Neighbour meaning_of(std::uint16_t state) {
    if ((state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP)) != 0) return Neighbour::reachable;
    if ((state & (NUD_FAILED | NUD_INCOMPLETE)) != 0) return Neighbour::failed;
    return Neighbour::unknown;  // stale, or about to be asked
}

}  // namespace

Neighbour neighbour_state(std::uint32_t ifindex, const std::string& address) {
    const auto ip = IpAddress::parse(address);
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!ip || !socket) return Neighbour::unknown;
    const std::size_t size = ip.value().v6 ? 16 : 4;
    struct {
        nlmsghdr header;
        ndmsg neighbour;
        rtattr attribute;
        std::array<std::uint8_t, 16> address;
    } request{};
    request.header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(ndmsg)) + RTA_LENGTH(size));
    request.header.nlmsg_type = RTM_GETNEIGH;  // of one entry since Linux 5.0, without NLM_F_DUMP
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.neighbour.ndm_family = ip.value().v6 ? AF_INET6 : AF_INET;
    request.neighbour.ndm_ifindex = static_cast<int>(ifindex);
    request.attribute.rta_type = NDA_DST;
    request.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
    std::memcpy(request.address.data(), ip.value().bytes.data(), size);
    if (::send(socket.number(), &request, request.header.nlmsg_len, 0) < 0) return Neighbour::unknown;
    alignas(nlmsghdr) std::array<char, 4096> answer;
    const ssize_t got = ::recv(socket.number(), answer.data(), answer.size(), 0);  // the kernel has answered already
    if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(ndmsg)))) return Neighbour::unknown;
    nlmsghdr header;
    ndmsg found;
    std::memcpy(&header, answer.data(), sizeof header);
    if (header.nlmsg_type != RTM_NEWNEIGH) return Neighbour::unknown;  // an error: no such entry
    std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof found);
    return meaning_of(found.ndm_state);
}

}  // namespace edge::agent
