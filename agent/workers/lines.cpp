#include "agent/workers/lines.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "protocol/ip.hpp"
#include "protocol/launcher/why_down.hpp"

namespace edge::agent {
namespace {

template <std::size_t N>
std::string text_of(const char (&field)[N]) {
    return {field, strnlen(field, N)};
}

std::string text_of(const launcher::Address& address) {
    if (address.family != AF_INET && address.family != AF_INET6) return {};
    IpAddress ip;
    ip.v6 = address.family == AF_INET6;
    std::copy_n(address.bytes, ip.v6 ? 16 : 4, ip.bytes.begin());
    return ip.text();
}

template <std::size_t N>
std::vector<std::string> texts_of(const launcher::Address (&addresses)[N]) {
    std::vector<std::string> texts;
    for (const auto& address : addresses) {
        if (auto text = text_of(address); !text.empty()) texts.push_back(std::move(text));
    }
    return texts;
}

EnforcedBy enforcement(launcher::Enforcement by) {
    switch (by) {
        case launcher::Enforcement::none:
            return EnforcedBy::none;
        case launcher::Enforcement::cooperative:
            return EnforcedBy::cooperative;
        case launcher::Enforcement::nft_guard:
            return EnforcedBy::nft;
        case launcher::Enforcement::bpf_guard:
            return EnforcedBy::bpf;
    }
    return EnforcedBy::none;
}

std::string errno_name(int number) {
    const char* name = strerrorname_np(number);
    return name ? name : "errno " + std::to_string(number);
}

}  // namespace

Result<Line> line_from(const launcher::LineInfo& info) {
    EDGE_TRY(auto name, LineName::parse(text_of(info.name.text)));
    Line line;
    line.report.reason = launcher::why_down(info);
    line.up = line.report.reason.empty();
    line.report.name = name;
    line.report.carrier = text_of(info.carrier);
    line.report.device = text_of(info.ifname);
    line.report.addresses = texts_of(info.addresses);
    line.report.resolvers = texts_of(info.resolvers);
    line.report.state = line.up ? link::LineState::up : link::LineState::down;
    line.report.enforced_by = enforcement(info.enforced_by);
    if (info.kind == launcher::LineBy::netns) line.netns = text_of(info.place);
    if (info.kind == launcher::LineBy::macvlan) line.parent = text_of(info.place);
    line.report.mark = info.mark;
    line.report.table = info.table;
    line.facts = {.name = name.text(),
                  .ifname = line.report.device,
                  .ifindex = info.ifindex,
                  .mark = info.mark,
                  .table = info.table,
                  .addresses = line.report.addresses,
                  .enforced_by = line.report.enforced_by};
    for (const auto* gateway : {&info.gateway4, &info.gateway6}) {
        if (auto text = text_of(*gateway); !text.empty()) line.gateways.push_back(std::move(text));
    }
    if (!line.gateways.empty()) line.towards = line.gateways.front();
    if (line.towards.empty() && !line.report.resolvers.empty()) line.towards = line.report.resolvers.front();
    for (std::size_t i = 0; i < launcher::kMaxAddresses; ++i) {
        if ((info.absent >> i & 1) != 0) line.absent.push_back(text_of(info.addresses[i]));
    }
    return line;
}

RouteAnswer route_from(const launcher::Route& route) {
    RouteAnswer answer;
    answer.route = {.oif = text_of(route.ifname),
                    .gw = text_of(route.gateway),
                    .prefsrc = text_of(route.source),
                    .table = route.table,
                    .error = route.error == 0 ? std::string() : errno_name(route.error)};
    answer.link_up = route.link_up != 0;
    return answer;
}

std::optional<launcher::Address> address_from(const std::string& text) {
    const auto ip = IpAddress::parse(text);
    if (!ip) return std::nullopt;
    launcher::Address address;
    address.family = ip.value().v6 ? AF_INET6 : AF_INET;
    std::copy_n(ip.value().bytes.begin(), ip.value().v6 ? 16 : 4, address.bytes);
    return address;
}

std::string address_text(const launcher::Address& address) {
    return text_of(address);
}

bool is_v6(const std::string& address) {
    return address.find(':') != std::string::npos;
}

std::vector<std::string> of_family(const std::vector<std::string>& addresses, bool v6) {
    std::vector<std::string> some;
    std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(some),
                 [v6](const std::string& one) { return is_v6(one) == v6; });
    return some;
}

link::LineUsage usage_from(const LineName& name, const launcher::LineUsage& usage) {
    const launcher::Traffic& t = usage.traffic;
    return {.name = name,
            .sent_bytes = t.sent_bytes,
            .sent_packets = t.sent_packets,
            .received_bytes = t.received_bytes,
            .received_packets = t.received_packets,
            .denied = t.denied,
            .throttled = t.throttled,
            .day_bytes = usage.day_bytes};
}

link::SandboxUsage usage_from(const LineName& line, const launcher::WorkerStats& stats) {
    return {.worker = stats.worker,
            .line = line,
            .pids = stats.pids,
            .cpu_us = stats.cpu_us,
            .throttled_us = stats.throttled_us,
            .memory_bytes = stats.memory_bytes,
            .memory_peak_bytes = stats.memory_peak_bytes,
            .oom_kills = stats.oom_kills};
}

launcher::LineName launcher_name(const LineName& name) {
    launcher::LineName out;
    std::copy(name.text().begin(), name.text().end(), out.text);  // a name is at most 31 characters
    return out;
}

}  // namespace edge::agent
