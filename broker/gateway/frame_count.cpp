#include "broker/gateway/frame_count.hpp"

#include <algorithm>

namespace edge::broker::gateway {
namespace {

constexpr unsigned kMaskBytes = 4;

}  // namespace

bool FrameCount::saw(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty() && frames_ <= kMost) {
        if (payload_left_ > 0) {
            const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
            payload_left_ -= skipped;
            bytes = bytes.subspan(skipped);
            continue;
        }
        head_byte(bytes.front());
        bytes = bytes.subspan(1);
        if (at_ == head_) head_is_whole();
    }
    return frames_ > kMost;
}

void FrameCount::head_byte(std::uint8_t byte) {
    const unsigned at = at_++;
    if (at == 0) {
        is_last_ = (byte & 0x80) != 0;
        is_control_ = (byte & 0x08) != 0;
    } else if (at == 1) {
        const unsigned length = byte & 0x7F;
        length_end_ = 2 + (length == 127 ? 8U : length == 126 ? 2U : 0U);
        length_ = length_end_ == 2 ? length : 0;
        head_ = length_end_ + ((byte & 0x80) != 0 ? kMaskBytes : 0);
    } else if (at < length_end_) {
        length_ = length_ << 8 | byte;
    }
}

/// A frame that breaks the protocol otherwise is Beast's to refuse.
void FrameCount::head_is_whole() {
    payload_left_ = length_;
    at_ = 0;
    head_ = length_end_ = 2;
    if (is_control_) return;  // may come between the frames of a message
    ++frames_;
    if (is_last_ && frames_ <= kMost) frames_ = 0;
}

}  // namespace edge::broker::gateway
