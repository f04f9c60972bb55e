#include "broker/zones/tzif.hpp"

#include <algorithm>

#include "broker/zones/tz_rule.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kHead = 44;
constexpr std::size_t kMost = 65'536;  // of anything that is counted

Error damaged() {
    return Error{Errc::bad_syntax, {}, "is no file of a time zone"};
}

/// Big-endian, signed.
template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return static_cast<Number>(value);
}

struct Counts {
    std::size_t utc = 0, standard = 0, leaps = 0, times = 0, types = 0, letters = 0;

    std::size_t bytes(std::size_t of_time) const {
        return times * (of_time + 1) + types * 6 + letters + leaps * (of_time + 4) + standard + utc;
    }
};

Result<Counts> counts_at(std::string_view bytes) {
    if (bytes.size() < kHead || !bytes.starts_with("TZif")) return damaged();
    const auto count = [&](std::size_t i) { return std::size_t{number_at<std::uint32_t>(bytes, 20 + 4 * i)}; };
    const Counts counts{count(0), count(1), count(2), count(3), count(4), count(5)};
    for (const std::size_t one :
         {counts.utc, counts.standard, counts.leaps, counts.times, counts.types, counts.letters}) {
        if (one > kMost) return damaged();
    }
    if (counts.types == 0) return damaged();
    return counts;
}

}  // namespace

Result<std::vector<ZoneOffset>> offsets_in(std::string_view tzif, std::int64_t from, std::int64_t to) {
    EDGE_TRY(const auto first, counts_at(tzif));
    if (tzif.size() < kHead + first.bytes(4)) return damaged();
    tzif.remove_prefix(kHead + first.bytes(4));  // what is there in 32 bits is there in 64 again
    EDGE_TRY(const auto counts, counts_at(tzif));
    if (tzif.size() < kHead + counts.bytes(8)) return damaged();
    const std::size_t types_at = kHead + counts.times * 9;
    const auto offset_of = [&](std::size_t type) { return number_at<std::int32_t>(tzif, types_at + type * 6); };

    ZoneOffset in_force{from, offset_of(0)};
    std::vector<ZoneOffset> offsets;
    std::int64_t table_ends = from;
    for (std::size_t i = 0; i < counts.times; ++i) {
        const auto at = number_at<std::int64_t>(tzif, kHead + i * 8);
        const auto type = static_cast<std::uint8_t>(tzif[kHead + counts.times * 8 + i]);
        if (type >= counts.types || (i > 0 && at <= number_at<std::int64_t>(tzif, kHead + (i - 1) * 8)))
            return damaged();
        if (at <= from)
            in_force.offset_s = offset_of(type);
        else if (at < to)
            offsets.push_back({at, offset_of(type)});
        table_ends = std::max(table_ends, at + 1);
    }
    std::string_view footer = tzif.substr(kHead + counts.bytes(8));
    if (footer.size() >= 2 && footer.front() == '\n' && footer.back() == '\n')
        footer = footer.substr(1, footer.size() - 2);
    if (!footer.empty() && footer.front() != '\n') {
        EDGE_TRY(const auto rule, TzRule::parse(footer));
        if (counts.times == 0) in_force.offset_s = rule.standard_s();
        // The last change of the year before says what is in force, where the table ends before `from`.
        for (const ZoneOffset& one : rule.changes(table_ends - 400 * 86'400, to)) {
            if (one.from_s < table_ends) {
                if (table_ends == from) in_force.offset_s = one.offset_s;
            } else {
                offsets.push_back(one);
            }
        }
    }
    offsets.insert(offsets.begin(), in_force);
    return offsets;
}

}  // namespace edge::broker
