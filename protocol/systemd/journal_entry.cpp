#include "protocol/systemd/journal_entry.hpp"

#include <algorithm>
#include <cstdint>

namespace edge::systemd {
namespace {

constexpr std::size_t kMostFields = 32;
constexpr std::size_t kLongestKey = 48;  // the journal takes 64 with what stands before it

bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_word(std::string_view text, std::string_view also) {
    const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || also.find(c) != also.npos; };
    return !text.empty() && text.size() <= kLongestKey && is_letter(text.front()) && std::ranges::all_of(text, fits);
}

/// Takes what stands before `until` off the front, all of it where that does not come.
std::string_view take(std::string_view& rest, std::size_t until) {
    const std::string_view taken = rest.substr(0, until);
    rest.remove_prefix(taken.size());
    return taken;
}

std::string_view take_value(std::string_view& rest) {
    if (!rest.starts_with('"')) return take(rest, rest.find(' '));
    rest.remove_prefix(1);
    std::size_t end = rest.find('"');
    // One that ends no value stands in it: what was quoted is not escaped.
    while (end != rest.npos && end + 1 < rest.size() && rest[end + 1] > ' ') end = rest.find('"', end + 1);
    const std::string_view value = take(rest, end);
    if (!rest.empty()) rest.remove_prefix(1);
    return value;
}

/// A value of one line stands behind '=', any other behind its length.
void put(std::string& entry, std::string_view name, std::string_view value) {
    entry += name;
    if (value.find('\n') == value.npos) {
        entry += '=';
    } else {
        entry += '\n';
        for (unsigned byte = 0; byte < 8; ++byte)
            entry += static_cast<char>(static_cast<std::uint64_t>(value.size()) >> (8 * byte) & 0xff);
    }
    entry += value;
    entry += '\n';
}

std::string field_name(std::string_view key) {
    std::string name = "EDGE_";
    for (const char c : key) name += is_letter(c) ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

}  // namespace

LogFields fields_of(std::string_view line) {
    LogFields found;
    std::string_view rest = line;
    const std::string_view event = take(rest, rest.find(' '));
    if (!is_word(event, "_.")) return found;
    while (rest.starts_with(' ') && found.fields.size() < kMostFields) {
        rest.remove_prefix(1);
        const std::size_t equals = rest.find('=');
        if (equals == rest.npos || !is_word(rest.substr(0, equals), "_")) break;
        const std::string_view key = take(rest, equals);
        rest.remove_prefix(1);
        const std::string_view value = take_value(rest);
        const auto is_same = [&](const auto& field) { return field.first == key; };
        if (key != "event" && std::ranges::none_of(found.fields, is_same)) found.fields.emplace_back(key, value);
    }
    if (event.size() == line.size() || !found.fields.empty()) found.event = event;
    return found;
}

std::string journal_entry(std::string_view program, int priority, std::string_view line) {
    std::string entry;
    put(entry, "PRIORITY", std::to_string(priority));
    put(entry, "SYSLOG_IDENTIFIER", program);
    const LogFields found = fields_of(line);
    if (!found.event.empty()) put(entry, "EDGE_EVENT", found.event);
    for (const auto& [key, value] : found.fields) put(entry, field_name(key), value);
    put(entry, "MESSAGE", line);
    return entry;
}

}  // namespace edge::systemd
