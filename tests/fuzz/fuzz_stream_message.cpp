// What a browser says on the stream: refused with an error that is JSON, or understood within its bounds.
#include "broker/live/stream_messages.hpp"
#include "protocol/json/bounded.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::broker;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto asked = live::decode_client_message(fuzz::text_of(data, size));
    if (!asked) {
        const auto said = parse_json(live::error_text(7, asked.error()));
        fuzz::demand(said && said.value()["event"] == "error" && said.value()["data"].is_object(),
                     "what is refused is told as JSON");
        return 0;
    }
    fuzz::demand(size <= live::kMostClientMessage, "a message has a bound");
    fuzz::demand(asked.value().op == live::StreamOp::unsubscribe || asked.value().topic.has_value(),
                 "a subscription has a topic");
    fuzz::demand(asked.value().after.has_value() == asked.value().stream.has_value(), "who resumes says of what");
    return 0;
}
