// How many frames a message has, read off the bytes that come: Beast joins them and does not tell. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace edge::broker::gateway {

/// Of all a peer sends, from the first frame on, in whatever pieces it comes.
/// Source: RFC 6455 sections 5.2 and 5.4.
class FrameCount {
  public:
    static constexpr unsigned kMost = 64;  // a message of 256 KiB in pieces of 4 KiB

    /// True: a message has more frames than that. Then nothing more is looked at.
    bool saw(std::span<const std::uint8_t> bytes);

  private:
    void head_byte(std::uint8_t byte);
    void head_is_whole();

    std::uint64_t payload_left_ = 0;
    std::uint64_t length_ = 0;
    unsigned at_ = 0;    // byte of a head
    unsigned head_ = 2;  // bytes of it, as far as is known
    unsigned length_end_ = 2;
    unsigned frames_ = 0;  // of the message that is coming
    bool is_control_ = false;
    bool is_last_ = false;
};

}  // namespace edge::broker::gateway
