#include "broker/api/authentication.hpp"

#include "broker/http/browser.hpp"
#include "broker/http/text.hpp"

namespace edge::broker::api {
namespace {

bool only_reads(const http::Request& request) {
    return (request.method == "GET" || request.method == "HEAD") && request.header("upgrade").empty();
}

}  // namespace

Credentials credentials_of(const http::Request& request) {
    const std::string_view value = request.header("authorization");
    if (http::equal_without_case(value.substr(0, 7), "bearer ")) return {std::string(http::trim(value.substr(7)))};
    const std::string_view session = http::cookie(request, kSessionCookie);
    return {std::string(session), !session.empty()};
}

bool came_by_tls(const http::Request& request, bool api_tls) {
    const std::string_view said = request.header("x-forwarded-proto");  // of several proxies, the outermost first
    return api_tls || http::equal_without_case(http::trim(said.substr(0, said.find(','))), "https");
}

std::optional<std::string> objection_to_sender(const http::Request& request, const Credentials& credentials,
                                               Reached reached) {
    const http::Sender sender = http::sender_of(request, reached.by_tls);
    if (sender == http::Sender::elsewhere) return "the page that asks is of another origin: Origin differs from Host";
    if (credentials.by_cookie && sender == http::Sender::unsaid && (reached.acts || !only_reads(request)))
        return "with the session's cookie, send Origin, or use Authorization: Bearer";
    return std::nullopt;
}

}  // namespace edge::broker::api
