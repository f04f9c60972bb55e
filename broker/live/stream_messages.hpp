// What is said on the stream `edge.stream.v1`, both ways. Pure.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/live/topic.hpp"
#include "protocol/result.hpp"

namespace edge::broker::live {

inline constexpr std::string_view kStreamProtocol = "edge.stream.v1";
inline constexpr std::string_view kDeliveriesTopic = "deliveries";
inline constexpr std::size_t kMostClientMessage = 4 * 1024;

enum class StreamOp { subscribe, unsubscribe };
BOOST_DESCRIBE_ENUM(StreamOp, subscribe, unsubscribe)

struct ClientMessage {
    StreamOp op = StreamOp::subscribe;
    std::uint32_t sub = 0;  // the client's number of the subscription
    std::optional<std::string> topic;
    std::optional<std::string> key;
    std::optional<std::string> stream;   // to resume: which broker process
    std::optional<std::uint64_t> after;  // … after which event
};
BOOST_DESCRIBE_STRUCT(ClientMessage, (), (op, sub, topic, key, stream, after))

/// Strict. Errors: bad_syntax, bad_value, too_large.
Result<ClientMessage> decode_client_message(std::string_view text);

std::string hello_text(std::string_view stream);
std::string heartbeat_text(std::uint64_t now_wall_us);
/// `subscribed` and `reset`: where the topic stands.
std::string standing_text(std::uint32_t sub, std::string_view event, std::uint64_t seq);
std::string end_text(std::uint32_t sub);
std::string gap_text(std::uint32_t sub, std::uint64_t from, std::uint64_t to);
std::string event_text(std::uint32_t sub, const TopicEvent& event);
/// Without `sub` when it is not known which one was meant.
std::string error_text(std::optional<std::uint32_t> sub, const Error& error);

}  // namespace edge::broker::live
