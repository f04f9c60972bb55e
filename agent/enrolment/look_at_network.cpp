#include "agent/enrolment/look_at_network.hpp"

#include <fstream>
#include <sstream>

#include "agent/command_output.hpp"
#include "agent/enrolment/ip_output.hpp"

namespace edge::agent {
namespace {

std::string printed_by(const std::string& command) {
    std::string all;
    for (const auto& line : lines_of_command(command)) all += line + "\n";
    return all;
}

std::string content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

Error not_understood(const std::string& command, const Error& why) {
    return Error{why.code, command,
                 "prints what is not understood here: " + why.message() +
                     "; write lines.toml by hand and name it with --lines FILE"};
}

template <class Add>
Result<> add_printed(const std::string& command, Add add) {
    if (const auto added = add(printed_by(command)); !added) return not_understood(command, added.error());
    return ok();
}

/// Where the host's own is a stub, what it asks stands beside.
std::vector<IpAddress> host_resolvers() {
    auto found = resolvers_in(content_of("/etc/resolv.conf"));
    return found.empty() ? resolvers_in(content_of("/run/systemd/resolve/resolv.conf")) : found;
}

Result<> add_origins(const std::string& prefix_file, NetworkFacts& facts) {
    std::ifstream in(prefix_file, std::ios::binary);
    if (!in) return os_error(errno, prefix_file, "cannot be read");
    std::vector<IpAddress> wanted;
    for (const auto& device : facts.devices)
        for (const auto& address : device.addresses) wanted.push_back(address.ip);
    PrefixLines lines(prefix_file, wanted);
    std::string piece(1 << 16, '\0');
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0)
        lines.push(std::string_view(piece).substr(0, static_cast<std::size_t>(in.gcount())));
    lines.finish();
    const auto found = lines.found();
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (found[i]) facts.origins.emplace(wanted[i], *found[i]);
    return ok();
}

}  // namespace

Result<NetworkFacts> look_at_network(const std::string& prefix_file) {
    NetworkFacts facts;
    EDGE_TRY(add_printed("ip -N -j address", [&](const std::string& text) { return add_devices(text, facts); }));
    if (facts.devices.empty() && printed_by("ip -V").empty())
        return Error{Errc::unavailable, "ip", "cannot be run; apt-get install iproute2, or say --lines FILE"};
    for (const bool v6 : {false, true}) {
        const std::string family = v6 ? "-6" : "-4";
        EDGE_TRY(add_printed("ip -N -j " + family + " route show table all default",
                             [&](const std::string& text) { return add_routes(text, v6, facts); }));
        EDGE_TRY(add_printed("ip -N -j " + family + " rule",
                             [&](const std::string& text) { return add_rules(text, facts); }));
    }
    facts.resolvers = host_resolvers();
    for (const auto& device : facts.devices) {
        auto of_lease = resolvers_in_lease(content_of("/run/systemd/netif/leases/" + std::to_string(device.index)));
        if (!of_lease.empty()) facts.resolvers_of.emplace(device.name, std::move(of_lease));
    }
    if (!prefix_file.empty()) {
        EDGE_TRY(add_origins(prefix_file, facts));
    }
    return facts;
}

}  // namespace edge::agent
