// Text as RFC 8259 has it, read in one pass: nlohmann's own reader looks at each byte several times, and was a sixth of
// what a result cost a broker. Whatever it lets in, nlohmann's lets in as well: tests/fuzz/fuzz_json.cpp holds both
// together.
#pragma once
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace edge {

/// Tells `To` what comes until that answers false: null(), boolean(bool), number_integer, number_unsigned,
/// number_float(double, text), string(std::string&), start_object(), key(std::string&), end_object(), start_array(),
/// end_array(), and not_json(byte), which is the last.
template <class To>
class JsonReader {
  public:
    JsonReader(std::string_view text, To& to) : at_(text.data()), begin_(at_), end_(at_ + text.size()), to_(to) {}

    /// All of the text is one value, and `To` took it.
    bool read() {
        skip_space();
        if (!value()) return false;
        while (!open_.empty()) {
            skip_space();
            const bool in_object = open_.back() == '{';
            if (take(in_object ? '}' : ']')) {
                open_.pop_back();
                is_first_ = false;
                if (!(in_object ? to_.end_object() : to_.end_array())) return false;
                continue;
            }
            if (!is_first_) {
                if (!take(',')) return fail();
                skip_space();
            }
            is_first_ = false;
            if (in_object && !key()) return false;
            if (!value()) return false;
        }
        skip_space();
        return at_ == end_ || fail();
    }

  private:
    bool fail() { return to_.not_json(static_cast<std::size_t>(at_ - begin_) + 1); }
    bool is_at(char c) const { return at_ != end_ && *at_ == c; }
    bool take(char c) {
        if (!is_at(c)) return false;
        ++at_;
        return true;
    }
    void skip_space() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }
    bool take_digits() {
        const char* const from = at_;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
        return at_ != from;
    }
    bool word(std::string_view all) {
        for (const char c : all) {
            if (!take(c)) return fail();
        }
        return true;
    }

    bool value() {
        if (at_ == end_) return fail();
        switch (*at_) {
            case '{':
                return open() && to_.start_object();
            case '[':
                return open() && to_.start_array();
            case '"':
                return text() && to_.string(text_);
            case 't':
                return word("true") && to_.boolean(true);
            case 'f':
                return word("false") && to_.boolean(false);
            case 'n':
                return word("null") && to_.null();
            default:
                return number();
        }
    }

    bool open() {
        open_.push_back(*at_++);
        return is_first_ = true;
    }

    bool key() {
        if (!is_at('"')) return fail();
        if (!text() || !to_.key(text_)) return false;
        skip_space();
        if (!take(':')) return fail();
        skip_space();
        return true;
    }

    bool number() {
        const char* const from = at_;
        const bool is_negative = take('-');
        if (!take('0') && !take_digits()) return fail();
        bool is_integer = true;
        if (take('.')) {
            is_integer = false;
            if (!take_digits()) return fail();
        }
        if (is_at('e') || is_at('E')) {
            ++at_;
            is_integer = false;
            if (is_at('+') || is_at('-')) ++at_;
            if (!take_digits()) return fail();
        }
        if (is_integer && is_negative) {
            std::int64_t whole = 0;
            if (std::from_chars(from, at_, whole).ec == std::errc{}) return to_.number_integer(whole);
        } else if (is_integer) {
            std::uint64_t whole = 0;
            if (std::from_chars(from, at_, whole).ec == std::errc{}) return to_.number_unsigned(whole);
        }
        const std::string written(from, at_);
        double real = 0;
        // Too large and too small are one error to from_chars, and two values to strtod; we run in the C locale.
        if (std::from_chars(from, at_, real).ec != std::errc{}) real = std::strtod(written.c_str(), nullptr);
        return to_.number_float(real, written);
    }

    /// A string without its quotes, into text_.
    bool text() {
        text_.clear();
        const char* from = ++at_;
        while (true) {
            while (at_ != end_ && is_plain(*at_)) ++at_;
            if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return fail();
            if (*at_ == '"') break;
            if (*at_ == '\\') {
                text_.append(from, at_);
                if (!escape()) return fail();
                from = at_;
            } else if (!skip_utf8()) {
                return fail();
            }
        }
        text_.append(from, at_++);
        return true;
    }

    static bool is_plain(char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
    }

    /// One character of more than a byte. Source: RFC 3629, section 4.
    bool skip_utf8() {
        const auto first = static_cast<unsigned char>(*at_);
        unsigned char low = 0x80;
        unsigned char high = 0xbf;
        int more = 0;
        if (first >= 0xc2 && first <= 0xdf) {
            more = 1;
        } else if (first >= 0xe0 && first <= 0xef) {
            more = 2;
            if (first == 0xe0) low = 0xa0;   // else there is a shorter form
            if (first == 0xed) high = 0x9f;  // surrogates
        } else if (first >= 0xf0 && first <= 0xf4) {
            more = 3;
            if (first == 0xf0) low = 0x90;
            if (first == 0xf4) high = 0x8f;  // beyond U+10FFFF
        } else {
            return false;
        }
        ++at_;
        for (; more > 0; --more, ++at_) {
            const auto next = at_ == end_ ? 0 : static_cast<unsigned char>(*at_);
            if (next < low || next > high) return false;
            low = 0x80;
            high = 0xbf;
        }
        return true;
    }

    bool escape() {
        ++at_;
        if (at_ == end_) return false;
        switch (*at_++) {
            case '"':
                return add('"');
            case '\\':
                return add('\\');
            case '/':
                return add('/');
            case 'b':
                return add('\b');
            case 'f':
                return add('\f');
            case 'n':
                return add('\n');
            case 'r':
                return add('\r');
            case 't':
                return add('\t');
            case 'u':
                return unicode_escape();
            default:
                --at_;
                return false;
        }
    }

    bool add(char c) {
        text_.push_back(c);
        return true;
    }

    std::optional<std::uint32_t> four_digits() {
        if (end_ - at_ < 4) return std::nullopt;
        std::uint32_t code = 0;
        const auto [stop, failed] = std::from_chars(at_, at_ + 4, code, 16);
        if (failed != std::errc{} || stop != at_ + 4) return std::nullopt;
        at_ += 4;
        return code;
    }

    bool unicode_escape() {
        const auto first = four_digits();
        if (!first || (*first >= 0xdc00 && *first <= 0xdfff)) return false;
        if (*first < 0xd800 || *first > 0xdbff) return add_utf8(*first);
        if (!take('\\') || !take('u')) return false;
        const auto second = four_digits();
        if (!second || *second < 0xdc00 || *second > 0xdfff) return false;
        return add_utf8(0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
    }

    bool add_utf8(std::uint32_t code) {
        const auto put = [this](std::uint32_t byte) { text_.push_back(static_cast<char>(byte)); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xc0 | code >> 6);
            put(0x80 | (code & 0x3f));
        } else {
            if (code < 0x10000) {
                put(0xe0 | code >> 12);
            } else {
                put(0xf0 | code >> 18);
                put(0x80 | (code >> 12 & 0x3f));
            }
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        }
        return true;
    }

    const char* at_;
    const char* begin_;
    const char* end_;
    To& to_;
    std::string open_;  // a bracket each
    bool is_first_ = true;
    std::string text_;
};

}  // namespace edge
