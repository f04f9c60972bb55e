#include "broker/http/response_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "broker/http/text.hpp"

namespace edge::http {
namespace {

struct Phrase {
    int status;
    std::string_view text;
};
constexpr Phrase kPhrases[] = {{100, "Continue"},
                               {101, "Switching Protocols"},
                               {200, "OK"},
                               {201, "Created"},
                               {202, "Accepted"},
                               {204, "No Content"},
                               {304, "Not Modified"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {413, "Content Too Large"},
                               {415, "Unsupported Media Type"},
                               {417, "Expectation Failed"},
                               {422, "Unprocessable Content"},
                               {426, "Upgrade Required"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {500, "Internal Server Error"},
                               {503, "Service Unavailable"},
                               {507, "Insufficient Storage"}};

/// What the connection decides, so that no handler contradicts it.
constexpr std::string_view kOurs[] = {"content-length", "transfer-encoding", "connection",
                                      "date",           "content-type",      "x-request-id"};

void add(std::string& text, std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
    for (const auto& phrase : kPhrases) {
        if (phrase.status == status) return phrase.text;
    }
    return "Unknown";
}

Result<std::string> head_text(const Response& response, const Envelope& envelope) {
    std::string text =
        "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_phrase(response.status)) + "\r\n";
    add(text, "Date", envelope.date);
    const bool has_content = response.status != 204 && response.status != 304;  // RFC 9110 section 15.4.5
    if (has_content) {
        if (!is_field_value(response.content_type)) return Error{Errc::bad_value, "Content-Type", "control characters"};
        add(text, "Content-Type", response.content_type);
        if (envelope.framing == Framing::length) add(text, "Content-Length", std::to_string(response.body.size()));
        if (envelope.framing == Framing::chunked) add(text, "Transfer-Encoding", "chunked");
    }
    // A server that names a protocol in Upgrade names Upgrade in Connection, too (RFC 9110 section 7.8).
    const bool offers_upgrade = std::any_of(response.headers.begin(), response.headers.end(),
                                            [](const auto& header) { return lower(header.first) == "upgrade"; });
    add(text, "Connection",
        std::string(envelope.keep_alive ? "keep-alive" : "close") + (offers_upgrade ? ", Upgrade" : ""));
    add(text, "X-Request-Id", envelope.request_id);
    add(text, "X-Content-Type-Options", "nosniff");
    bool has_cache_control = false;
    for (const auto& [name, value] : response.headers) {
        const std::string key = lower(name);
        // Beast, and any plain copying, would let CR LF through (conventions.md).
        if (!is_token(name) || !is_field_value(value)) return Error{Errc::bad_value, name, "not a header"};
        if (std::find(std::begin(kOurs), std::end(kOurs), key) != std::end(kOurs))
            return Error{Errc::bad_value, name, "set by the connection"};
        has_cache_control = has_cache_control || key == "cache-control";
        add(text, name, value);
    }
    if (!has_cache_control) add(text, "Cache-Control", "no-store");
    text += "\r\n";
    if (has_content && envelope.framing == Framing::length && envelope.body == Body::sent) text += response.body;
    return text;
}

std::string chunk_text(std::string_view text) {
    if (text.empty()) return {};
    std::array<char, 20> size{};
    const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
    std::string chunk(size.data(), static_cast<std::size_t>(length));
    chunk.append(text).append("\r\n");
    return chunk;
}

std::string http_date(std::uint64_t unix_seconds) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto time = static_cast<std::time_t>(unix_seconds);
    std::tm utc{};
    gmtime_r(&time, &utc);
    std::array<char, 40> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                      kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace edge::http
