// Lines as a launcher would tell them.
#pragma once
#include <sys/socket.h>

#include <cstring>

#include "agent/workers/lines.hpp"

namespace edge::agent {

inline launcher::LineInfo line_info(std::uint32_t index, const char* name, bool up = true, std::uint32_t count = 1) {
    launcher::LineInfo info;
    info.count = count;
    info.index = index;
    std::strncpy(info.name.text, name, sizeof info.name.text - 1);
    std::strcpy(info.carrier, "ct");
    std::strcpy(info.ifname, "wan0");
    info.ifindex = 7;
    info.mark = 0x101;
    info.table = 101;
    info.link_up = up ? 1 : 0;
    info.enforced_by = launcher::Enforcement::bpf_guard;
    info.addresses[0] = *address_from("100.64.1.2");
    info.gateway4 = *address_from("100.64.1.1");
    info.resolvers[0] = *address_from("100.64.1.53");
    return info;
}

inline launcher::Route good_route() {
    launcher::Route route;
    route.ifindex = 7;
    std::strcpy(route.ifname, "wan0");
    route.table = 101;
    route.mark = 0x101;
    route.link_up = 1;
    route.gateway = *address_from("100.64.1.1");
    route.source = *address_from("100.64.1.2");
    return route;
}

}  // namespace edge::agent
