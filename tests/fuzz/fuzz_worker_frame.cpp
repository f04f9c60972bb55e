// The stream between agent and worker, cut anywhere. The worker parses hostile bytes and could lie.
#include <algorithm>
#include "protocol/worker/frames.hpp"

#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

std::vector<std::string> frames_of(std::string_view bytes, std::size_t step) {
    worker::FrameReader reader;
    std::vector<std::string> frames;
    while (!bytes.empty()) {
        reader.push(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        while (true) {
            auto next = reader.next();
            if (!next) return frames;
            if (!next.value()) break;
            frames.push_back(std::move(*next.value()));
        }
    }
    return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
    const auto whole = frames_of(bytes, bytes.size() + 1);
    fuzz::demand(frames_of(bytes, data[0] % 64 + 1u) == whole, "frames are the same however the stream is cut");
    for (const auto& frame : whole) {
        const auto decoded = worker::decode_frame(frame);
        if (!decoded) continue;
        const std::string written = worker::encode_frame(decoded.value());
        fuzz::demand(written.size() <= 4 + worker::kMaxFrame, "what is written is no longer than what is read");
        fuzz::demand(bool(worker::decode_frame(std::string_view(written).substr(4))),
                     "what was encoded can be decoded");
    }
    // The same bytes as one frame, so that the JSON behind the length is reached.
    worker::decode_frame(bytes);
    return 0;
}
