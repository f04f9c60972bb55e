#include "broker/gateway/echo.hpp"

#include "broker/http/problem.hpp"
#include "protocol/ip.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::broker::gateway {
namespace {

constexpr std::size_t kMostConnections = 1024;
constexpr std::size_t kMostPerAddress = 16;  // the lines of many nodes may stand behind one address

/// RFC 4291 section 2.5.5.2: what a socket of both families calls an IPv4 peer.
std::string without_mapping(const std::string& address) {
    constexpr std::string_view kMapped = "::ffff:";
    if (!address.starts_with(kMapped)) return address;
    const auto inner = IpAddress::parse(std::string_view(address).substr(kMapped.size()));
    return inner && !inner.value().v6 ? inner.value().text() : address;
}

}  // namespace

http::Response echo(const http::Request& request) {
    const Json told = {{"address", without_mapping(request.peer)}, {"port", request.peer_port}};
    return {200, "application/json", {{"Cache-Control", "no-store"}}, dump_json(told)};
}

http::Settings echo_settings(http::ListenAddress listen) {
    http::Settings settings;
    settings.name = "echo";
    settings.listen = listen;
    settings.requests.body_bytes = 0;
    settings.deadlines.head = std::chrono::milliseconds(5'000);
    settings.deadlines.idle = std::chrono::milliseconds(5'000);
    settings.connections = kMostConnections;
    settings.per_address = kMostPerAddress;
    settings.handler = [](const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
        const bool known = request.path == "/" || request.path == kEchoPath;
        if (known && request.method == "GET") return exchange->reply(echo(request));
        exchange->reply(http::problem_response({http::Code::not_found, "GET / tells your address", {}}, request));
    };
    return settings;
}

}  // namespace edge::broker::gateway
