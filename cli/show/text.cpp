#include "cli/show/text.hpp"

#include <locale.h>
#include <cwchar>

namespace edge::cli {
namespace {

constexpr char32_t kReplacement = 0xfffd;

/// The next character and its bytes; U+FFFD and one byte where there is none. Source: RFC 3629 section 4.
struct Next {
    char32_t character = kReplacement;
    std::size_t bytes = 1;
};

Next next_character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    if (length == 1 || lead >= 0xf5 || text.size() < length) return {};
    char32_t character = lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        character = character << 6 | (byte(i) & 0x3fu);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = character >= 0xd800 && character < 0xe000;
    if (character < kSmallest[length] || is_surrogate || character > 0x10ffff) return {};
    return {character, length};
}

/// wcwidth(3) asks the thread's locale; the user's may be POSIX although the terminal shows UTF-8.
class Utf8Locale {
  public:
    Utf8Locale() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
        if (utf8_) before_ = uselocale(utf8_);
    }
    ~Utf8Locale() {
        if (!utf8_) return;
        uselocale(before_);
        freelocale(utf8_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

    std::size_t width(char32_t character) const {
        const int columns = utf8_ ? wcwidth(static_cast<wchar_t>(character)) : 1;
        return columns < 0 ? 1 : static_cast<std::size_t>(columns);
    }

  private:
    locale_t utf8_;
    locale_t before_{};
};

bool is_plain(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
}

bool turns_text_around(char32_t c) {
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    if (is_plain(text)) return text.size();
    const Utf8Locale locale;
    std::size_t columns = 0;
    while (!text.empty()) {
        const Next next = next_character(text);
        columns += locale.width(next.character);
        text.remove_prefix(next.bytes);
    }
    return columns;
}

std::string cut(std::string_view text, std::size_t columns, std::string_view mark) {
    if (display_width(text) <= columns) return std::string(text);
    const std::size_t mark_columns = display_width(mark);
    if (columns < mark_columns) return cut(mark, columns, {});
    const Utf8Locale locale;
    std::size_t used = 0;
    std::size_t kept = 0;
    while (kept < text.size()) {
        const Next next = next_character(text.substr(kept));
        used += locale.width(next.character);
        if (used > columns - mark_columns) break;
        kept += next.bytes;
    }
    return std::string(text.substr(0, kept)).append(mark);
}

std::string pad(std::string text, std::size_t columns, Align align) {
    const std::size_t width = display_width(text);
    if (width >= columns) return text;
    const std::string spaces(columns - width, ' ');
    return align == Align::left ? text + spaces : spaces + text;
}

std::string printable(std::string_view text) {
    std::string safe;
    safe.reserve(text.size());
    while (!text.empty()) {
        const Next next = next_character(text);
        const char32_t c = next.character;
        if (c == '\n' || c == '\t' || c == '\r') {
            safe += ' ';
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            safe += '?';
        } else if (c == kReplacement || turns_text_around(c) || c == 0x2028 || c == 0x2029) {
            safe += "\xef\xbf\xbd";
        } else {
            safe.append(text.substr(0, next.bytes));
        }
        text.remove_prefix(next.bytes);
    }
    return safe;
}

std::string printable_json(std::string json) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto escaped = [&](unsigned value) { return std::string("\\u00") + kHex[value >> 4] + kHex[value & 15]; };
    std::string safe;
    safe.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
        const auto c = static_cast<unsigned char>(json[i]);
        const unsigned second = c == 0xc2 && i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0u;
        if (c == 0x7f) {
            safe += escaped(c);
        } else if (second >= 0x80 && second < 0xa0) {
            safe += escaped(second);
            ++i;
        } else {
            safe += json[i];
        }
    }
    return safe;
}

std::string level_text(const std::string& enforced_by) {
    return enforced_by == "bpf" || enforced_by == "nft" ? enforced_by + "-guard" : enforced_by;
}

}  // namespace edge::cli
