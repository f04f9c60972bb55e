#include "agent/plan/plan_files.hpp"

#include <boost/crc.hpp>

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

constexpr std::string_view kPlansHead = "edge-plans ";
constexpr std::string_view kTicksHead = "edge-plan-ticks ";
constexpr std::string_view kFormat = "1\n";
constexpr const char* kNewer = "was written by a newer edge-agent; use that one, or move the file away";

// A record: key 16 | first u64 | last u64 | crc32c u32, little-endian. Where the key is zero: the broker was there at
// `last`.
constexpr std::size_t kRecord = 36;
using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

std::uint32_t crc32c(std::string_view bytes) {
    Crc32c crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

template <class Number>
void put(std::string& out, Number number) {
    for (std::size_t i = 0; i < sizeof number; ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}
template <class Number>
Number get(std::string_view bytes) {
    Number number = 0;
    for (std::size_t i = sizeof number; i-- > 0;)
        number = static_cast<Number>(number << 8 | static_cast<std::uint8_t>(bytes[i]));
    return number;
}

/// Behind the head and its format.
Result<std::string_view> behind_head(std::string_view text, std::string_view head, const char* file) {
    if (!text.starts_with(head)) return Error{Errc::bad_syntax, file, "is none of edge-agent's"};
    text.remove_prefix(head.size());
    if (text.starts_with(kFormat)) return text.substr(kFormat.size());
    const auto digits = text.find_first_not_of("0123456789");
    const bool is_format = digits != std::string_view::npos && digits > 0 && text[digits] == '\n';
    if (is_format) return Error{Errc::unsupported, file, kNewer};
    return Error{Errc::bad_syntax, file, "its first line is damaged"};
}

/// The link has bounded what it was when it came; written again it may be longer and have values that it left out.
Result<link::PlanSet> decode_plan(std::string_view line) {
    EDGE_TRY(auto json, parse_json(line, JsonLimits{.bytes = line.size(), .values = line.size()}));
    return decode<link::PlanSet>(std::move(json), UnknownFields::ignore);
}

/// What was never written is damage, however it shows.
Error damaged_line(std::size_t number, Error why) {
    if (why.code == Errc::too_large) why.code = Errc::bad_value;
    why.where = std::string(kPlansFile) + ":" + std::to_string(number) + (why.where.empty() ? "" : " ") + why.where;
    return why;
}

}  // namespace

std::string encode_plans(const std::vector<const link::PlanSet*>& plans) {
    std::string text = std::string(kPlansHead) + std::string(kFormat);
    for (const link::PlanSet* plan : plans) text += encode_envelope(*plan) + "\n";
    return text;
}

Result<std::vector<link::PlanSet>> decode_plans(std::string_view text) {
    EDGE_TRY(auto rest, behind_head(text, kPlansHead, kPlansFile));
    std::vector<link::PlanSet> plans;
    for (std::size_t line = 2; !rest.empty(); ++line) {
        const auto end = rest.find('\n');
        if (end == std::string_view::npos) return damaged_line(line, {Errc::bad_syntax, {}, "the last line is cut"});
        auto plan = decode_plan(rest.substr(0, end));
        if (!plan) return damaged_line(line, plan.error());
        plans.push_back(std::move(plan.value()));
        rest.remove_prefix(end + 1);
    }
    return plans;
}

std::string ticks_header() {
    return std::string(kTicksHead) + std::string(kFormat);
}

void append_mark(std::string& log, const FiredMark& mark) {
    std::string record(mark.key.begin(), mark.key.end());
    put(record, mark.stretch.first);
    put(record, mark.stretch.second);
    put(record, crc32c(record));
    log += record;
}

void append_contact(std::string& log, std::uint64_t wall_us) {
    append_mark(log, {{}, {0, wall_us}});
}

Result<TicksRead> read_ticks(std::string_view log) {
    EDGE_TRY(auto rest, behind_head(log, kTicksHead, kTicksFile));
    TicksRead read;
    for (; rest.size() >= kRecord; rest.remove_prefix(kRecord)) {
        if (get<std::uint32_t>(rest.substr(kRecord - 4)) != crc32c(rest.substr(0, kRecord - 4))) break;
        FiredMark mark;
        for (std::size_t i = 0; i < mark.key.size(); ++i) mark.key[i] = static_cast<std::uint8_t>(rest[i]);
        mark.stretch = {get<std::uint64_t>(rest.substr(16)), get<std::uint64_t>(rest.substr(24))};
        if (mark.key == LineKey{})
            read.contact_us = mark.stretch.second;
        else if (mark.stretch.first <= mark.stretch.second)
            read.marks.push_back(mark);
    }
    read.end = log.size() - rest.size();
    return read;
}

}  // namespace edge::agent
