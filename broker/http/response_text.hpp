// A response as bytes. Pure; refuses headers that would break out of theirs.
#pragma once
#include <string>
#include <string_view>

#include "broker/http/http.hpp"
#include "protocol/result.hpp"

namespace edge::http {

enum class Framing { length, chunked, until_close };
enum class Body { sent, withheld };  // withheld: HEAD, whose Content-Length still tells the body's size

struct Envelope {
    std::string_view request_id;
    std::string_view date;  // IMF-fixdate
    Framing framing = Framing::length;
    Body body = Body::sent;
    bool keep_alive = true;
};

std::string_view reason_phrase(int status);

/// Status line and headers with the empty line. Errors: bad_value, a header of `response` is no header.
Result<std::string> head_text(const Response& response, const Envelope& envelope);

/// One chunk of a chunked body. An empty text would end it, and gives nothing.
std::string chunk_text(std::string_view text);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110 section 5.6.7.
std::string http_date(std::uint64_t unix_seconds);

}  // namespace edge::http
