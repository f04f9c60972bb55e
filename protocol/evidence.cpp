#include "protocol/evidence.hpp"

#include <algorithm>
#include <cstdio>

namespace edge {
namespace {

std::string hex(std::uint32_t mark) {
    char text[11];
    std::snprintf(text, sizeof text, "0x%x", mark);
    return text;
}

std::string mismatch(const LineFacts& line, const std::optional<SocketFacts>& socket,
                     const std::optional<RouteGet>& route) {
    if (!socket) return "no socket was used";
    if (std::find(line.addresses.begin(), line.addresses.end(), socket->src_addr) == line.addresses.end()) {
        return "source address " + socket->src_addr + " is not one of line " + line.name;
    }
    if (!socket->ifname.empty() && socket->ifname != line.ifname) {
        return "the socket was bound to " + socket->ifname + ", not " + line.ifname;
    }
    if (socket->fwmark != 0 && socket->fwmark != line.mark) {
        return "the socket had mark " + hex(socket->fwmark) + ", not " + hex(line.mark);
    }
    if (!route) return "the launcher did not say which route the kernel takes";
    if (!route->error.empty()) return "the kernel has no route: " + route->error;
    if (route->oif != line.ifname) return "the kernel's route leaves by " + route->oif + ", not " + line.ifname;
    if (route->table != line.table) {
        return "the kernel's route is from table " + std::to_string(route->table) + ", not " +
               std::to_string(line.table);
    }
    if (line.enforced_by != EnforcedBy::bpf && line.enforced_by != EnforcedBy::nft)
        return "no kernel guard enforces the line";
    return {};
}

}  // namespace

Evidence make_evidence(const LineFacts& line, const std::optional<SocketFacts>& socket,
                       const std::optional<RouteGet>& route) {
    Evidence evidence;
    if (socket) {
        evidence.src_addr = socket->src_addr;
        evidence.src_port = socket->src_port;
        evidence.dst_addr = socket->dst_addr;
        evidence.dst_port = socket->dst_port;
    }
    evidence.ifname = line.ifname;
    evidence.ifindex = line.ifindex;
    evidence.fwmark = line.mark;
    evidence.table = line.table;
    evidence.route_get = route;
    evidence.enforced_by = line.enforced_by;
    evidence.mismatch_reason = mismatch(line, socket, route);
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
