#include "broker/http/websocket_request.hpp"

#include "broker/http/problem.hpp"
#include "protocol/codings.hpp"

namespace edge::http {

std::optional<Response> objection_to_websocket(const Request& request, std::string_view subprotocol) {
    if (request.header("sec-websocket-version") != "13") {
        auto response = problem_response({Code::upgrade_required, "Sec-WebSocket-Version is 13", {}}, request);
        response.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
        return response;
    }
    const auto key = from_base64(request.header("sec-websocket-key"));
    if (!key || key->size() != 16)
        return problem_response({Code::bad_request, "Sec-WebSocket-Key is base64 of 16 bytes", {}}, request);
    if (!request.header_lists("sec-websocket-protocol", subprotocol)) {
        return problem_response(
            {Code::bad_request, "Sec-WebSocket-Protocol has to offer " + std::string(subprotocol), {}}, request);
    }
    return std::nullopt;
}

}  // namespace edge::http
