// The stream between agent and worker, in pieces: frames decode or fail, and a spec that decodes has passed its checks.
#include <cstdint>
#include <cstdlib>

#include "protocol/worker/frames.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    worker::FrameReader reader;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::size_t step = size > 0 ? data[0] % 7 + 1 : 1;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        reader.push(bytes.substr(at, step));
        for (;;) {
            auto text = reader.next();
            if (!text) return 0;
            if (!text.value()) break;
            auto frame = worker::decode_frame(*text.value());
            if (!frame) continue;
            if (const auto* run = std::get_if<worker::Run>(&frame.value())) {
                const auto spec = decode_spec(run->service, run->params);
                if (spec && !check(spec.value())) std::abort();
            }
            if (worker::encode_frame(frame.value()).size() > worker::kMaxFrame + 4 + 64 * 1024) std::abort();
        }
    }
    return 0;
}
