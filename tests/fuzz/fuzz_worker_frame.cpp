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

void check(std::string_view text) {
    const auto frame = worker::decode_frame(text);
    if (!frame) return;
    fuzz::demand(fuzz::nesting(text) <= kDetailDepth + 2, "a detail is one that the broker takes");
    if (const auto* run = std::get_if<worker::Run>(&frame.value())) {
        const auto spec = decode_spec(run->service, run->params);
        fuzz::demand(!spec || edge::check(spec.value()), "a spec that decodes has passed its checks");
    }
    const std::string written = worker::encode_frame(frame.value());
    fuzz::demand(written.size() <= 4 + worker::kMaxFrame, "what is written is no longer than what is read");
    const auto again = worker::decode_frame(std::string_view(written).substr(4));
    fuzz::demand(again && worker::encode_frame(again.value()) == written, "what was encoded decodes to the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
    const auto whole = frames_of(bytes, bytes.size() + 1);
    fuzz::demand(frames_of(bytes, data[0] % 64 + 1u) == whole, "frames are the same however the stream is cut");
    std::string again;
    for (const auto& frame : whole) {
        for (int shift = 24; shift >= 0; shift -= 8) again += static_cast<char>(frame.size() >> shift);
        again += frame;
        check(frame);
    }
    fuzz::demand(bytes.starts_with(again), "a frame is what stood behind its length");
    check(bytes);  // as one frame, so that the JSON behind a length is reached
    return 0;
}
