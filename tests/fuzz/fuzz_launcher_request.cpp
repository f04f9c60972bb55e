// What the agent, which talks to the internet, could send to the launcher, which is root.
#include <cstring>

#include "agent/launcher/packets.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto request = launcher::parse_request(std::as_bytes(std::span(data, size)));
    if (!request) return 0;
    const std::size_t whole = std::visit(
        []<class Verb>(const Verb&) {
            return std::is_same_v<Verb, launcher::GetHost> ? sizeof(launcher::Header) : sizeof(launcher::Packet<Verb>);
        },
        request->verb);
    fuzz::demand(size == whole && size <= launcher::kMaxRequest, "a request is whole, and nothing is behind it");
    const auto ends = [](const launcher::LineName& name) {
        return std::memchr(name.text, 0, sizeof name.text) != nullptr;
    };
    if (const auto* spawn = std::get_if<launcher::Spawn>(&request->verb))
        fuzz::demand(ends(spawn->line), "a name ends within its field");
    if (const auto* route = std::get_if<launcher::RouteGet>(&request->verb)) {
        fuzz::demand(ends(route->line), "a name ends within its field");
        fuzz::demand(route->protocol < 59, "a protocol is one that the kernel is asked by");
        const auto to = launcher::address_in(route->destination);
        fuzz::demand(!to || IpAddress::parse(to->text()).value() == *to, "a destination is an address");
    }
    return 0;
}
