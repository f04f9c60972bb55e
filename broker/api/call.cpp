#include "broker/api/call.hpp"

#include "broker/http/text.hpp"

namespace edge::broker::api {
namespace {

constexpr std::uint32_t kLongestWait = 120;
constexpr std::size_t kLongestCursor = 512;

}  // namespace

void Call::reply(int status, std::string json, http::Headers headers) const {
    exchange->reply({status, "application/json", std::move(headers), std::move(json)});
}

void Call::refuse(http::Problem problem, http::Headers headers) const {
    auto response = http::problem_response(problem, request);
    response.headers = std::move(headers);
    exchange->reply(std::move(response));
}

bool is_admin(const Call& call, std::string_view what) {
    if (call.principal.admin) return true;
    call.refuse(http::Problem{http::Code::denied, "only an administrator's token " + std::string(what), {}});
    return false;
}

void Call::refuse(const Error& error) const {
    if (error.code != Errc::bad_value || !request.body.empty()) return refuse(http::problem_of(error));
    // Without a body it was a parameter that the domain could not use, a cursor say.
    const std::string name = error.where.starts_with('/') ? error.where.substr(1) : error.where;
    refuse(http::Problem{http::Code::bad_parameter, name + ": " + error.detail, {{name, "bad_value", error.detail}}});
}

std::optional<PageRequest> page_in_query(const Call& call) {
    PageRequest page;
    const auto wrong = [&call](const char* parameter, std::string message) {
        call.refuse(http::Problem{
            http::Code::bad_parameter, std::string(parameter) + ": " + message, {{parameter, "bad_value", message}}});
    };
    if (const auto limit = call.query.find("limit"); limit != call.query.end()) {
        const auto value = number<std::uint32_t>(limit->second);
        if (!value || *value < 1 || *value > 500) {
            wrong("limit", "expected a number from 1 to 500");
            return std::nullopt;
        }
        page.limit = *value;
    }
    if (const auto cursor = call.query.find("cursor"); cursor != call.query.end()) {
        if (cursor->second.empty() || cursor->second.size() > kLongestCursor) {
            wrong("cursor", "expected next_cursor of the page before");
            return std::nullopt;
        }
        page.cursor = cursor->second;
    }
    return page;
}

Result<Json> json_body(const http::Request& request, const JsonLimits& limits) {
    const std::string_view type = request.header("content-type");
    if (!http::equal_without_case(http::trim(type.substr(0, type.find(';'))), "application/json")) {
        return Error{Errc::unsupported, {}, "send the body with Content-Type: application/json"};
    }
    return parse_json(request.body, limits);
}

std::uint32_t preferred_wait(const http::Request& request) {
    for (const auto& [name, value] : request.headers) {
        if (name != "prefer") continue;
        std::string_view rest = value;
        while (!rest.empty()) {
            const std::string_view item = http::trim(rest.substr(0, rest.find_first_of(",;")));
            rest.remove_prefix(std::min(rest.size(), rest.find_first_of(",;") == std::string_view::npos
                                                         ? rest.size()
                                                         : rest.find_first_of(",;") + 1));
            if (!http::equal_without_case(item.substr(0, 5), "wait=")) continue;
            const auto seconds = number<std::uint32_t>(item.substr(5));
            if (seconds) return std::min(*seconds, kLongestWait);
        }
    }
    return 0;
}

}  // namespace edge::broker::api
