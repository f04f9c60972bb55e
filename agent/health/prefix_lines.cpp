#include "agent/health/prefix_lines.hpp"

#include <array>
#include <charconv>

namespace edge::agent {
namespace {

constexpr std::size_t kLongestLine = 256;
constexpr std::size_t kEnough = 20;
constexpr std::size_t kLongestCarrier = 15;  // as in lines.toml

/// The next word; `rest` becomes what follows it.
std::string_view take_word(std::string_view& rest) {
    const auto begin = rest.find_first_not_of(" \t\r");
    rest.remove_prefix(std::min(begin, rest.size()));
    const auto end = std::min(rest.find_first_of(" \t\r"), rest.size());
    const auto word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

bool is_carrier(std::string_view text) {
    if (text.size() > kLongestCarrier) return false;
    for (const char c : text) {
        const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!fits) return false;
    }
    return true;
}

}  // namespace

std::string Origin::text() const {
    return carrier.empty() ? asn_text(asn) : asn_text(asn) + " " + carrier;
}

std::string asn_text(std::uint32_t asn) {
    return "AS" + std::to_string(asn);
}

std::optional<std::uint32_t> parse_asn(std::string_view text) {
    if (text.starts_with("AS")) text.remove_prefix(2);
    std::uint32_t asn = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), asn);
    if (failed != std::errc{} || end != text.data() + text.size() || asn == 0) return std::nullopt;
    return asn;
}

PrefixLines::PrefixLines(std::string file, std::vector<IpAddress> wanted) : file_(std::move(file)) {
    for (const IpAddress& address : wanted) matches_.push_back({address, std::nullopt, -1});
}

void PrefixLines::push(std::string_view piece) {
    while (!full_ && !piece.empty()) {
        const auto end = piece.find('\n');
        const auto part = piece.substr(0, end);
        rest_.append(part.substr(0, kLongestLine + 1 - std::min(rest_.size(), kLongestLine + 1)));
        if (end == std::string_view::npos) return;
        piece.remove_prefix(end + 1);
        take(rest_);
        rest_.clear();
    }
}

void PrefixLines::finish() {
    if (!rest_.empty() && !full_) take(rest_);
    rest_.clear();
}

void PrefixLines::take(std::string_view line) {
    ++number_;
    if (number_ > kMostPrefixLines) {
        wrong("more than a million lines; keep the prefixes of the carriers that matter");
        full_ = true;
        return;
    }
    if (line.size() > kLongestLine) return wrong("a line is at most 256 bytes");
    line = line.substr(0, line.find('#'));
    const auto prefix_text = take_word(line);
    if (prefix_text.empty()) return;
    const auto asn_word = take_word(line);
    const auto carrier = take_word(line);
    const auto prefix = IpPrefix::parse(prefix_text);
    if (!prefix) return wrong(std::string(prefix_text) + ": " + prefix.error().detail);
    const auto asn = parse_asn(asn_word);
    if (!asn) return wrong("expected PREFIX ASN [CARRIER], as 203.0.113.0/24 AS4134 ct");
    if (!is_carrier(carrier)) return wrong("a carrier is at most 15 of a-z, 0-9 and '-', as in lines.toml");
    if (!take_word(line).empty()) return wrong("more than PREFIX ASN [CARRIER]");
    for (Match& match : matches_) {
        const int length = prefix.value().length;
        if (length <= match.length || !prefix.value().contains(match.address)) continue;
        match.length = length;
        match.origin = Origin{*asn, std::string(carrier)};
    }
}

void PrefixLines::wrong(std::string what) {
    problems_.push_back({Errc::bad_value, file_ + ":" + std::to_string(number_), std::move(what)});
    full_ = problems_.size() >= kEnough;
}

std::vector<std::optional<Origin>> PrefixLines::found() const {
    std::vector<std::optional<Origin>> all;
    for (const Match& match : matches_) all.push_back(match.origin);
    return all;
}

}  // namespace edge::agent
