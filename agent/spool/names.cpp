#include "agent/spool/names.hpp"

#include <boost/describe.hpp>
#include <charconv>

#include "protocol/json/described.hpp"

namespace edge::agent::spool {

BOOST_DESCRIBE_STRUCT(Kept, (), (segment, last_result, bytes, since_us))
BOOST_DESCRIBE_STRUCT(Ack, (), (spool_id, acked, kept))
BOOST_DESCRIBE_STRUCT(GivenUp, (), (spool_id, gap))

namespace {
constexpr std::string_view kPrefix = "seg-";
constexpr std::size_t kDigits = 16;

template <class Note>
std::optional<Note> decode_note(std::string_view text) {
    const auto json = parse_json(text);
    if (!json) return std::nullopt;
    auto note = decode<Note>(json.value(), UnknownFields::ignore);
    if (!note) return std::nullopt;
    return note.value();
}
}  // namespace

std::string segment_name(std::uint64_t number) {
    char digits[kDigits];
    const auto end = std::to_chars(digits, digits + kDigits, number, 16).ptr;
    const auto length = static_cast<std::size_t>(end - digits);
    return std::string(kPrefix).append(kDigits - length, '0').append(digits, length);
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
    if (name.size() != kPrefix.size() + kDigits || !name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.begin(), name.end(), number, 16);
    if (error != std::errc{} || end != name.end()) return std::nullopt;
    return number;
}

std::string encode_ack(const Ack& ack) {
    return dump_json(encode(ack)) + "\n";
}

std::optional<Ack> decode_ack(std::string_view text) {
    return decode_note<Ack>(text);
}

std::string encode_given_up(const GivenUp& given_up) {
    return dump_json(encode(given_up)) + "\n";
}

std::optional<GivenUp> decode_given_up(std::string_view text) {
    auto given_up = decode_note<GivenUp>(text);
    // Whoever begins anew begins behind as many as it counts.
    if (given_up && (given_up->gap.first == 0 || given_up->gap.first > given_up->gap.last)) return std::nullopt;
    return given_up;
}

}  // namespace edge::agent::spool
