#include "protocol/evidence.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstdio>

namespace edge {
namespace {

std::string hex(std::uint32_t mark) {
    char text[11];
    std::snprintf(text, sizeof text, "0x%x", mark);
    return text;
}

std::string mismatch(const LineFacts& line, const SocketFacts& socket, const std::optional<RouteGet>& route) {
    if (std::find(line.addresses.begin(), line.addresses.end(), socket.src_addr) == line.addresses.end()) {
        return "source address " + socket.src_addr + " is not one of line " + line.name;
    }
    // The bpf guard binds and marks every socket as it is made, and getsockopt(2) tells both to anybody. A prober that
    // binds itself may not mark.
    const bool is_marked = line.enforced_by == EnforcedBy::bpf;
    const bool is_bound = is_marked || line.enforced_by == EnforcedBy::cooperative;
    if (socket.ifname != line.ifname && (is_bound || !socket.ifname.empty())) {
        return "the socket was bound to " + (socket.ifname.empty() ? "no device" : socket.ifname) + ", not " +
               line.ifname;
    }
    if (socket.fwmark != line.mark && (is_marked || socket.fwmark != 0)) {
        return "the socket had mark " + hex(socket.fwmark) + ", not " + hex(line.mark);
    }
    if (!route) return "the launcher did not say which route the kernel takes";
    if (!route->error.empty()) return "the kernel has no route: " + route->error;
    if (route->oif != line.ifname) return "the kernel's route leaves by " + route->oif + ", not " + line.ifname;
    if (route->table != line.table) {
        return "the kernel's route is from table " + std::to_string(route->table) + ", not " +
               std::to_string(line.table);
    }
    return {};
}

std::string mismatch(const LineFacts& line, const std::vector<SocketPath>& paths) {
    if (paths.empty()) return "no socket was used";
    if (paths.size() > kMaxSockets) return std::to_string(paths.size()) + " sockets are more than a probe has";
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string reason = mismatch(line, paths[i].socket, paths[i].route);
        if (reason.empty()) continue;
        if (paths.size() == 1) return reason;
        return "socket " + std::to_string(i + 1) + " of " + std::to_string(paths.size()) + ", to " +
               paths[i].socket.dst_addr + ": " + reason;
    }
    if (line.enforced_by == EnforcedBy::none) return "nothing enforces the line";
    return {};
}

}  // namespace

Flow flow_of(const SocketFacts& socket) {
    switch (socket.protocol) {
        case IPPROTO_TCP:
        case IPPROTO_UDP:
            return {socket.dst_addr, socket.protocol, socket.dst_port};
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return {socket.dst_addr, socket.protocol, 0};
        default:
            return {socket.dst_addr, 0, 0};
    }
}

Evidence make_evidence(const LineFacts& line, const std::vector<SocketPath>& paths) {
    Evidence evidence;
    if (!paths.empty()) {
        const auto& [socket, route] = paths.back();
        evidence.src_addr = socket.src_addr;
        evidence.src_port = socket.src_port;
        evidence.dst_addr = socket.dst_addr;
        evidence.dst_port = socket.dst_port;
        evidence.route_get = route;
    }
    evidence.ifname = line.ifname;
    evidence.ifindex = line.ifindex;
    evidence.fwmark = line.mark;
    evidence.table = line.table;
    evidence.enforced_by = line.enforced_by;
    evidence.mismatch_reason = mismatch(line, paths);
    evidence.verified = evidence.mismatch_reason.empty();
    return evidence;
}

void apply_evidence(const Evidence& evidence, ProbeReport& report) {
    const bool good = report.status == Status::ok || report.status == Status::partial;
    if (evidence.verified || !good) return;
    report.status = Status::failed;
    report.failure = Failure{Source::line, "check", "unverified", evidence.mismatch_reason};
}

}  // namespace edge
