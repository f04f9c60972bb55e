#include "broker/live/live.hpp"
#include "broker/api/operations.hpp"
#include "broker/http/websocket_request.hpp"
#include "broker/live/stream_messages.hpp"

namespace edge::broker::api {

void get_overview(CallPtr call) {
    call->options->live->overview([call](std::string json) { call->reply(200, std::move(json)); });
}

void open_stream(CallPtr call) {
    if (!call->request.header_lists("upgrade", "websocket") || !call->request.header_lists("connection", "upgrade"))
        return call->refuse(http::Problem{http::Code::upgrade_required, "this is a WebSocket", {}},
                            {{"Upgrade", "websocket"}});
    if (auto objection = http::objection_to_websocket(call->request, live::kStreamProtocol))
        return call->exchange->reply(std::move(*objection));
    call->exchange->post([call] {
        const auto reader = call->principal.admin ? live::Reader::administrator : live::Reader::other;
        call->exchange->upgrade([live = call->options->live, reader](http::Upgraded& upgraded) {
            live->open(std::move(upgraded), reader);
        });
    });
}

}  // namespace edge::broker::api
