#include "broker/live/stream_messages.hpp"

#include "broker/api/views_json.hpp"
#include "broker/http/problem.hpp"
#include "protocol/json/described.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::live {

Result<ClientMessage> decode_client_message(std::string_view text) {
    EDGE_TRY(const auto json, parse_json(text, JsonLimits{.bytes = kMostClientMessage}));
    EDGE_TRY(auto message, decode<ClientMessage>(json, UnknownFields::reject));
    if (message.op == StreamOp::unsubscribe && (message.topic || message.key || message.stream || message.after))
        return Error{Errc::bad_value, "/op", "unsubscribe takes `sub` alone"};
    if (message.op == StreamOp::subscribe && !message.topic) return Error{Errc::bad_value, "/topic", "is missing"};
    if (message.after.has_value() != message.stream.has_value())
        return Error{Errc::bad_value, "/after", "`stream` and `after` go together"};
    return message;
}

std::string hello_text(std::string_view stream) {
    return "{\"event\":\"hello\",\"stream\":\"" + std::string(stream) + "\"}";
}

std::string heartbeat_text(std::uint64_t now_wall_us) {
    return "{\"event\":\"heartbeat\",\"at\":\"" + rfc3339_ms(now_wall_us) + "\"}";
}

std::string standing_text(std::uint32_t sub, std::string_view event, std::uint64_t seq) {
    return "{\"sub\":" + std::to_string(sub) + ",\"seq\":" + std::to_string(seq) + ",\"event\":\"" +
           std::string(event) + "\"}";
}

std::string end_text(std::uint32_t sub) {
    return "{\"sub\":" + std::to_string(sub) + ",\"event\":\"end\"}";
}

std::string gap_text(std::uint32_t sub, std::uint64_t from, std::uint64_t to) {
    return "{\"sub\":" + std::to_string(sub) + ",\"event\":\"gap\",\"data\":{\"from\":" + std::to_string(from) +
           ",\"to\":" + std::to_string(to) + "}}";
}

std::string event_text(std::uint32_t sub, const TopicEvent& event) {
    return api::with_member(standing_text(sub, event.name, event.seq), "data", event.data);
}

std::string error_text(std::optional<std::uint32_t> sub, const Error& error) {
    Json json;
    if (sub) json["sub"] = *sub;
    json["event"] = "error";
    const std::string said = api::with_member(dump_json(json), "data", "{}");
    return said.substr(0, said.size() - 3) +
           http::problem_response(http::problem_of(error), "/api/v1/stream", "").body + "}";
}

}  // namespace edge::broker::live
