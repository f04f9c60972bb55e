#include "protocol/result.hpp"

#include <cstring>
#include <utility>

namespace edge {

std::string_view name(Errc code) {
    switch (code) {
        case Errc::ok:
            return "ok";
        case Errc::bad_syntax:
            return "bad_syntax";
        case Errc::bad_value:
            return "bad_value";
        case Errc::too_large:
            return "too_large";
        case Errc::not_found:
            return "not_found";
        case Errc::conflict:
            return "conflict";
        case Errc::denied:
            return "denied";
        case Errc::unavailable:
            return "unavailable";
        case Errc::timed_out:
            return "timed_out";
        case Errc::io:
            return "io";
        case Errc::unsupported:
            return "unsupported";
        case Errc::internal:
            return "internal";
    }
    return "internal";
}

std::string Error::message() const {
    // A pointer repeats keys that somebody else chose: it may be long, and hold anything.
    constexpr std::size_t kLongest = 160;
    std::string text = where.size() <= kLongest ? where : where.substr(0, kLongest) + "…";
    if (!text.empty() && !detail.empty()) text += ": ";
    text += detail;
    if (text.empty()) text = name(code);
    if (os_errno != 0) text += std::string(" (") + std::strerror(os_errno) + ")";
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return text;
}

Error os_error(int os_errno, std::string where, std::string detail) {
    return Error{.code = Errc::io, .where = std::move(where), .detail = std::move(detail), .os_errno = os_errno};
}

}  // namespace edge
