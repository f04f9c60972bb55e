#include "broker/http/precheck.hpp"

#include <algorithm>
#include <array>

#include "broker/http/text.hpp"

namespace edge::http {
namespace {

constexpr std::size_t kMostHeaders = 100;

Refusal bad(std::string detail) {
    return Refusal{400, "bad_request", std::move(detail)};
}

/// Fields whose meaning a second one would change.
constexpr std::array<std::string_view, 9> kSingle = {
    "host",   "content-length",  "transfer-encoding", "authorization",    "content-type",
    "expect", "idempotency-key", "upgrade",           "sec-websocket-key"};

struct Seen {
    std::array<bool, kSingle.size()> single{};
    std::size_t headers = 0;

    bool has(std::string_view name) const {
        return single[static_cast<std::size_t>(std::find(kSingle.begin(), kSingle.end(), name) - kSingle.begin())];
    }
};

bool is_target(std::string_view target) {
    // Origin form only: we are nobody's proxy.
    return target.starts_with('/') && std::all_of(target.begin(), target.end(), [](unsigned char c) {
               return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' &&
                      c != '`' && c != '{' && c != '|' && c != '}';
           });
}

std::optional<Refusal> check_request_line(std::string_view line, bool& is_1_1) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return bad("the request line is METHOD TARGET HTTP/1.1");
    if (!is_token(line.substr(0, first))) return bad("the method is not a token");
    if (!is_target(line.substr(first + 1, last - first - 1)))
        return bad("the target begins with '/' and is percent-encoded");
    const std::string_view version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad("this server speaks HTTP/1.1");
    is_1_1 = version == "HTTP/1.1";
    return std::nullopt;
}

bool is_host(std::string_view value) {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
               c == '_' || c == ':' || c == '[' || c == ']';
    });
}

std::optional<Refusal> check_value(std::string_view name, std::string_view value, bool is_1_1) {
    if (name == "host" && !is_host(value)) return bad("Host is not a host and a port");
    if (name == "transfer-encoding" && (!is_1_1 || !equal_without_case(value, "chunked"))) {
        return bad("Transfer-Encoding is chunked, and only on HTTP/1.1");
    }
    if (name == "content-length") {
        const bool digits =
            !value.empty() && value.size() <= 18 && value.find_first_not_of("0123456789") == std::string_view::npos;
        if (!digits) return bad("Content-Length is one number");
    }
    if (name == "expect" && !equal_without_case(value, "100-continue")) {
        return Refusal{417, "expectation_failed", "only Expect: 100-continue is understood"};
    }
    return std::nullopt;
}

std::optional<Refusal> check_header(std::string_view line, bool is_1_1, Seen& seen) {
    if (line.front() == ' ' || line.front() == '\t') return bad("a header is folded over two lines");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return bad("a header is NAME: VALUE, without a space before ':'");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return bad("a header's value has control characters");
    if (++seen.headers > kMostHeaders) return Refusal{431, "header_too_large", "at most 100 headers"};
    const std::string name = lower(line.substr(0, colon));
    const auto single = std::find(kSingle.begin(), kSingle.end(), name);
    if (single == kSingle.end()) return std::nullopt;
    bool& there = seen.single[static_cast<std::size_t>(single - kSingle.begin())];
    if (there) return bad(name + " stands there twice");
    there = true;
    return check_value(name, value, is_1_1);
}

}  // namespace

std::optional<Refusal> precheck(std::string_view head) {
    Seen seen;
    bool is_1_1 = false;
    bool first = true;
    while (true) {
        const std::size_t end = head.find("\r\n");
        if (end == std::string_view::npos) return bad("the head does not end with an empty line");
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(end + 2);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
            return bad("a bare CR, LF or NUL in the head");
        if (line.empty() && first) return bad("an empty line before the request");
        if (line.empty()) break;
        auto refusal = first ? check_request_line(line, is_1_1) : check_header(line, is_1_1, seen);
        if (refusal) return refusal;
        first = false;
    }
    if (is_1_1 && !seen.has("host")) return bad("Host is missing");
    if (seen.has("transfer-encoding") && seen.has("content-length"))
        return bad("both Transfer-Encoding and Content-Length");
    return std::nullopt;
}

}  // namespace edge::http
