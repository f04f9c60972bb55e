#include "agent/launcher/lines/line_info.hpp"

#include <string>

#include "agent/launcher/packets.hpp"

namespace edge::launcher {

static_assert(static_cast<int>(LineKind::netns) == static_cast<int>(LineBy::netns), "told as they are numbered");

LineInfo line_info(const Line& line, const Device* device) {
    LineInfo info;
    line.name.copy(info.name.text, sizeof info.name.text - 1);
    line.carrier.copy(info.carrier, sizeof info.carrier - 1);
    line.device.copy(info.ifname, sizeof info.ifname - 1);
    info.ifindex = device != nullptr ? device->index : 0;
    info.kind = static_cast<LineBy>(line.kind);
    info.mark = line.mark;
    info.table = line.table;
    info.link_up = device != nullptr && device->up && device->carrier ? 1 : 0;
    (line.kind == LineKind::macvlan ? line.parent : line.netns).copy(info.place, sizeof info.place - 1);
    for (std::size_t i = 0; i < line.addresses.size(); ++i) {
        info.addresses[i] = to_wire(line.addresses[i]);
        if (device == nullptr || device->find(line.addresses[i]) == nullptr) info.absent |= std::uint32_t{1} << i;
    }
    for (std::size_t i = 0; i < line.resolvers.size(); ++i) info.resolvers[i] = to_wire(line.resolvers[i]);
    info.gateway4 = to_wire(line.gateway4);
    info.gateway6 = to_wire(line.gateway6);
    return info;
}

void add_answer(const RouteAnswer& answer, const Devices& devices, Route& route) {
    route.error = answer.error;
    if (answer.error != 0) return;
    route.ifindex = answer.device;
    route.table = answer.table;
    route.gateway = to_wire(answer.gateway);
    route.source = to_wire(answer.source);
    for (const auto& [name, device] : devices)
        if (device.index == answer.device) name.copy(route.ifname, sizeof route.ifname - 1);
}

}  // namespace edge::launcher
