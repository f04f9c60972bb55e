// What the agent, which talks to the internet, could send to the launcher, which is root.
#include "agent/launcher/packets.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto request = launcher::parse_request(std::as_bytes(std::span(data, size)));
    if (!request) return 0;
    fuzz::demand(size <= launcher::kMaxRequest, "a request has a bound");
    if (const auto* spawn = std::get_if<launcher::Spawn>(&request->verb)) {
        fuzz::demand(spawn->line.text[sizeof spawn->line.text - 1] == '\0', "a name ends");
    }
    if (const auto* route = std::get_if<launcher::RouteGet>(&request->verb)) {
        fuzz::demand(route->line.text[sizeof route->line.text - 1] == '\0', "a name ends");
        launcher::address_in(route->destination);
    }
    return 0;
}
