// The log of what has fired, after any accident; and a log of marks that are the input's, with one bit of it wrong.
#include <algorithm>

#include "agent/plan/plan_files.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr std::size_t kMark = 32;    // as the input says it
constexpr std::size_t kRecord = 36;  // as the log does

std::uint64_t number(std::string_view bytes, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
    return value;
}

FiredMark mark_in(std::string_view bytes, std::size_t index) {
    bytes = bytes.substr(index * kMark, kMark);
    FiredMark mark;
    std::copy_n(bytes.begin(), mark.key.size(), mark.key.begin());
    mark.stretch = {number(bytes.substr(16), 8), number(bytes.substr(24), 8)};
    return mark;
}

std::string written(const TicksRead& read) {
    std::string log = ticks_header();
    for (const FiredMark& mark : read.marks) append_mark(log, mark);
    if (read.contact_us) append_contact(log, *read.contact_us);
    return log;
}

void check_read(std::string_view log) {
    const auto read = read_ticks(log);
    if (!read) {
        const Error& why = read.error();
        fuzz::demand(why.where.starts_with(kTicksFile), "an error says in which file");
        fuzz::demand(why.code == Errc::unsupported || why.code == Errc::bad_syntax, "it is a newer format or damage");
        fuzz::demand(!log.starts_with(ticks_header()), "a log of ours is never refused");
        return;
    }
    const TicksRead& one = read.value();
    fuzz::demand(log.starts_with(ticks_header()), "what another format says is not understood");
    fuzz::demand(one.end <= log.size() && (one.end - ticks_header().size()) % kRecord == 0, "it ends with a record");
    for (const FiredMark& mark : one.marks)
        fuzz::demand(mark.key != LineKey{} && mark.stretch.first <= mark.stretch.second, "what fired is a stretch");
    for (const std::string& text : {std::string(log.substr(0, one.end)), written(one)}) {
        const auto again = read_ticks(text);
        fuzz::demand(bool(again), "what was written, or cut where it is torn, can be read");
        fuzz::demand(again.value().end == text.size(), "all of it");
        fuzz::demand(again.value().marks == one.marks && again.value().contact_us == one.contact_us,
                     "and says the same");
    }
}

/// Of the log those first records are read, and nothing behind them.
void check_expected(std::string_view marks, std::size_t records, std::string_view log) {
    TicksRead expected;
    for (std::size_t i = 0; i < records; ++i) {
        const FiredMark mark = mark_in(marks, i);
        if (mark.key == LineKey{})
            expected.contact_us = mark.stretch.second;
        else if (mark.stretch.first <= mark.stretch.second)
            expected.marks.push_back(mark);
    }
    const auto read = read_ticks(log);
    fuzz::demand(bool(read), "a log of ours is never refused");
    fuzz::demand(read.value().end == ticks_header().size() + records * kRecord, "it is whole up to what is damaged");
    fuzz::demand(read.value().marks == expected.marks && read.value().contact_us == expected.contact_us,
                 "what was written is read, and nothing that is damaged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    check_read(bytes);

    const std::size_t records = size / kMark;
    std::string log = ticks_header();
    for (std::size_t i = 0; i < records; ++i) append_mark(log, mark_in(bytes, i));
    check_expected(bytes, records, log);
    const std::string_view wrong = bytes.substr(records * kMark);  // where, and which bit
    if (records == 0 || wrong.size() < 3) return 0;
    const std::size_t at = number(wrong, 2) % (records * kRecord);
    log[ticks_header().size() + at] ^= static_cast<char>(1 << (wrong[2] & 7));
    check_expected(bytes, at / kRecord, log);
    check_expected(bytes, at / kRecord, log.substr(0, ticks_header().size() + at));
    return 0;
}
