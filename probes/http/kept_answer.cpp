#include "probes/http/kept_answer.hpp"

#include <algorithm>

#include "protocol/codings.hpp"

namespace edge::probes {

void KeptAnswer::trim(HttpHop& hop) {
    constexpr std::size_t kMaxReason = 256;
    if (hop.reason.size() > kMaxReason) hop.reason.resize(kMaxReason);
    if (!headers_.take(json_size(hop.url))) hop.url.resize(std::min<std::size_t>(hop.url.size(), 256));
    std::erase_if(hop.headers, [&](const HttpHeader& header) {
        const bool fits = lines_left_ > 0 && headers_.take(json_size(header.name) + json_size(header.value) + 20);
        if (fits) --lines_left_;
        hop.headers_truncated = hop.headers_truncated || !fits;
        return !fits;
    });
}

void KeptAnswer::keep_body(std::string_view body, HttpDetail& detail) {
    detail.body.reset();
    detail.body_b64.reset();
    if (body.empty()) return;
    std::string_view text = body;
    for (int cut = 0; cut < 3 && !text.empty() && !is_utf8_text(text); ++cut)
        text.remove_suffix(1);  // a character cut in two
    const auto controls = std::count_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 && c != '\n' && c != '\r' && c != '\t'; });
    const bool grows = static_cast<std::size_t>(controls) > text.size() / 16;  // JSON writes six bytes for each
    if (is_utf8_text(text) && !grows && !text.empty()) {
        detail.body = std::string(text);
    } else {
        detail.body_b64 = to_base64(as_bytes(body));
    }
}

bool is_utf8_text(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
    const auto is_tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return at(i) >= low && at(i) <= high;
    };
    for (std::size_t i = 0; i < bytes.size();) {
        const unsigned c = at(i);
        if (c == 0) return false;
        if (c < 0x80) {
            i += 1;
        } else if (c >= 0xc2 && c <= 0xdf && is_tail(i + 1)) {
            i += 2;
        } else if ((c & 0xf0) == 0xe0 && is_tail(i + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) &&
                   is_tail(i + 2)) {
            i += 3;
        } else if (c >= 0xf0 && c <= 0xf4 && is_tail(i + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) &&
                   is_tail(i + 2) && is_tail(i + 3)) {
            i += 4;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace edge::probes
