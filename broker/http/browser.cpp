#include "broker/http/browser.hpp"

#include "broker/http/text.hpp"

namespace edge::http {
namespace {

std::string_view cut(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return part;
}

bool has_header(const Request& request, std::string_view name) {
    for (const auto& header : request.headers) {
        if (header.first == name) return true;
    }
    return false;
}

bool is_this_server(std::string_view origin, std::string_view host, bool by_tls) {
    const std::size_t end = origin.find("://");
    if (end == std::string_view::npos || host.empty()) return false;
    const std::string_view scheme = origin.substr(0, end);
    return (scheme == "https" || (scheme == "http" && !by_tls)) && equal_without_case(origin.substr(end + 3), host);
}

}  // namespace

std::string_view cookie(const Request& request, std::string_view name) {
    std::string_view rest = request.header("cookie");
    while (!rest.empty()) {
        std::string_view value = trim(cut(rest, ';'));
        if (cut(value, '=') == name) return value;
    }
    return {};
}

Sender sender_of(const Request& request, bool by_tls) {
    if (!has_header(request, "origin")) {
        return request.header("sec-fetch-site") == "same-origin" ? Sender::same_origin : Sender::unsaid;
    }
    for (const auto& [name, value] : request.headers) {
        if (name == "origin" && !is_this_server(value, request.header("host"), by_tls)) return Sender::elsewhere;
    }
    return Sender::same_origin;
}

}  // namespace edge::http
