// Text from outside, cut where it is taken: no more of it is kept, sent or shown than a person reads.
#pragma once
#include <cstddef>
#include <string>

namespace edge {

/// Of a failure's sentence, in bytes. JSON may write each of them as six.
inline constexpr std::size_t kMaxFailureText = 1024;
/// Of a phase, a code, an address.
inline constexpr std::size_t kMaxCode = 64;

/// Cuts `text` to at most `most` bytes, between characters: half a UTF-8 sequence would be replaced when it is written.
inline void cut_text(std::string& text, std::size_t most) {
    if (text.size() <= most) return;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    text.resize(most);
}

}  // namespace edge
