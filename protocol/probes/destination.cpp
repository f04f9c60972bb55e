#include "protocol/probes/destination.hpp"

#include <algorithm>
#include <charconv>

namespace edge {
namespace {

std::string in_lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

Destination to(std::string_view host, std::optional<std::uint16_t> port) {
    if (const auto address = IpAddress::parse(host)) return {address.value().text(), address.value(), port};
    if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
    return {in_lower_case(host), std::nullopt, port};
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`. Anything odder is left to the one parser of URLs that counts, the worker's.
std::optional<Destination> in_url(std::string_view url) {
    const bool is_https = in_lower_case(url.substr(0, 6)) == "https:";
    const auto start = url.find("//");
    if (start == std::string_view::npos) return std::nullopt;
    url.remove_prefix(start + 2);
    std::string_view host = url.substr(0, url.find_first_of("/?#"));
    if (host.find_first_of("@\\%") != std::string_view::npos) return std::nullopt;
    std::string_view port;
    const bool bracketed = host.starts_with('[');
    const auto colon = host.find(':', bracketed ? host.find(']') : 0);
    if (colon != std::string_view::npos) {
        port = host.substr(colon + 1);
        host = host.substr(0, colon);
    }
    if (bracketed) {
        if (host.size() < 2 || !host.ends_with(']')) return std::nullopt;
        host = host.substr(1, host.size() - 2);
    }
    std::uint16_t number = is_https ? 443 : 80;
    if (!port.empty()) {
        const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (failed != std::errc{} || end != port.data() + port.size()) return std::nullopt;
    }
    return host.empty() ? std::nullopt : std::optional(to(host, number));
}

}  // namespace

std::optional<Destination> destination_of(const ProbeSpec& spec) {
    struct {
        std::optional<Destination> operator()(const DnsSpec& s) const {
            if (!s.server) return std::nullopt;
            return to(*s.server, static_cast<std::uint16_t>(s.port));
        }
        std::optional<Destination> operator()(const HttpSpec& s) const {
            auto destination = in_url(s.target);
            if (destination && s.connect_to) return to(*s.connect_to, destination->port);
            return destination;
        }
        std::optional<Destination> operator()(const PingSpec& s) const { return to(s.target, std::nullopt); }
    } visitor;
    return std::visit(visitor, spec);
}

}  // namespace edge
