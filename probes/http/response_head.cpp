#include "probes/http/response_head.hpp"

#include <algorithm>
#include <charconv>

namespace edge::probes {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    return text;
}

}  // namespace

ResponseHead::Verdict ResponseHead::add(std::string_view line) {
    bytes_ += line.size();
    if (bytes_ > limits_.bytes) return Verdict::headers_too_large;
    if (line.starts_with("HTTP/")) {
        if (status_ >= 100 && status_ < 200 && ++interim_ > limits_.interim) return Verdict::too_many_interim;
        begin(trimmed(line));
        return Verdict::fine;
    }
    const std::string_view text = trimmed(line);
    if (text.empty()) return Verdict::fine;
    if (headers_.size() >= limits_.lines) return Verdict::too_many_headers;
    const bool is_folded = line.front() == ' ' || line.front() == '\t';  // obs-fold, RFC 9112 section 5.2
    if (is_folded && !headers_.empty()) {
        headers_.back().value += " " + std::string(text);
        return Verdict::fine;
    }
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view() : trimmed(text.substr(colon + 1));
    headers_.push_back(HttpHeader{std::string(name), std::string(value)});
    return Verdict::fine;
}

/// `HTTP/1.1 200 OK`, `HTTP/2 200`.
void ResponseHead::begin(std::string_view line) {
    headers_.clear();
    reason_.clear();
    status_ = 0;
    const std::size_t first = line.find(' ');
    constexpr std::size_t kMaxProtocol = 16;
    protocol_ = line.substr(0, std::min(first, kMaxProtocol));
    if (first == std::string_view::npos) return;
    line = trimmed(line.substr(first));
    std::from_chars(line.data(), line.data() + line.size(), status_);
    const std::size_t second = line.find(' ');
    if (second != std::string_view::npos) reason_ = trimmed(line.substr(second));
}

}  // namespace edge::probes
