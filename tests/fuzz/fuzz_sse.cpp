// An event stream, cut anywhere.
#include <algorithm>
#include "cli/api/sse.hpp"

#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

std::string told(std::string_view bytes, std::size_t step) {
    cli::SseParser parser;
    std::string all;
    while (!bytes.empty()) {
        const auto events = parser.push(bytes.substr(0, step));
        if (!events) return all;
        for (const auto& event : events.value()) all += event.name + "\x01" + event.id + "\x01" + event.data + "\x02";
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    return all + parser.last_id();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
    fuzz::demand(told(bytes, data[0] % 32 + 1u) == told(bytes, bytes.size() + 1),
                 "events are the same however the stream is cut");
    return 0;
}
