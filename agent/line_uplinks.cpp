#include "agent/line_uplinks.hpp"

#include <algorithm>
#include <utility>

namespace edge::agent {

std::optional<UplinkLine> LineUplinks::line(const LineName& name) const {
    const auto lines = workers_.lines();
    const auto report = std::ranges::find(lines, name, &link::LineReport::name);
    if (report == lines.end()) return std::nullopt;
    UplinkLine line;
    // One that takes no tasks, or is in doubt, may carry the link all the same.
    line.up = report->state != link::LineState::down;
    line.reason = report->reason;
    line.resolvers = report->resolvers;
    line.v4 = !of_family(report->addresses, false).empty();
    line.v6 = !of_family(report->addresses, true).empty();
    line.bound =
        report->enforced_by == EnforcedBy::cooperative ? link::UplinkBound::cooperative : link::UplinkBound::launcher;
    return line;
}

void LineUplinks::open(const LineName& line, bool v6, SocketKind kind, std::function<void(Result<Fd>)> done) {
    const auto transport = kind == SocketKind::tcp ? launcher::UplinkTransport::tcp : launcher::UplinkTransport::udp;
    workers_.open_uplink(line, v6, transport, std::move(done));
}

}  // namespace edge::agent
