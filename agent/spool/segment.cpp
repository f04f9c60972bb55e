#include "agent/spool/segment.hpp"

#include <algorithm>
#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>
#include <cstring>
#include <optional>

namespace edge::agent::spool {
namespace {

using boost::endian::little_to_native;
using boost::endian::native_to_little;

constexpr std::string_view kMagic = "edgespl1";
constexpr std::size_t kChecksumAt = 12;   // in a header
constexpr std::size_t kRecordPrefix = 8;  // length and checksum
constexpr std::size_t kKindAt = 20;       // in a record

/// Castagnoli's polynomial: RFC 3720 appendix B.4.
using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

std::uint32_t crc32c(std::string_view first, std::string_view second) {
    Crc32c crc;
    crc.process_bytes(first.data(), first.size());
    crc.process_bytes(second.data(), second.size());
    return crc.checksum();
}

template <class T>
void put(std::string& out, T value) {
    value = native_to_little(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T get(std::string_view bytes, std::size_t at) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return little_to_native(value);
}

void put(std::string& out, const Uuid& id) {
    out.append(reinterpret_cast<const char*>(id.data()), id.size());
}
Uuid get_uuid(std::string_view bytes, std::size_t at) {
    Uuid id{};
    std::memcpy(id.data(), bytes.data() + at, id.size());
    return id;
}

struct Whole {
    Found found;
    std::uint32_t group = 0;
    std::size_t size = 0;
};

std::optional<Whole> record_at(std::string_view segment, std::size_t at) {
    if (segment.size() - at < kRecordBytes) return std::nullopt;
    const std::string_view rest = segment.substr(at);
    const auto length = get<std::uint32_t>(rest, 0);
    const std::size_t size = kRecordPrefix + length;
    const auto kind = static_cast<std::uint8_t>(rest[kKindAt]);
    if (size < kRecordBytes || length > kMaxBody + kRecordBytes || size > rest.size() || kind < 1 || kind > 3)
        return std::nullopt;
    if (get<std::uint32_t>(rest, 4) != crc32c(rest.substr(0, 4), rest.substr(kRecordPrefix, length)))
        return std::nullopt;
    Whole whole{.found = {.record = {}, .offset = at, .body_offset = at + kRecordBytes},
                .group = get<std::uint32_t>(rest, 16),
                .size = size};
    whole.found.record.kind = static_cast<Kind>(kind);
    whole.found.record.seq = get<std::uint64_t>(rest, 8);
    whole.found.record.attempt = {TaskId{get_uuid(rest, 25)}, get<std::uint32_t>(rest, 21)};
    whole.found.record.body = rest.substr(kRecordBytes, size - kRecordBytes);
    return whole;
}

std::optional<Whole> next_record(std::string_view segment, std::size_t from) {
    for (std::size_t at = from; at + kRecordBytes <= segment.size(); ++at) {
        if (auto whole = record_at(segment, at)) return whole;
    }
    return std::nullopt;
}

}  // namespace

std::string encode_header(const Header& header) {
    std::string head(kMagic);
    put(head, header.format);
    std::string tail;
    put(tail, header.spool_id.bytes);
    put(tail, header.number);
    put(tail, header.next_result);
    put(tail, header.work_last);
    put(head, crc32c(head, tail));
    return head + tail;
}

Result<Header> decode_header(std::string_view bytes) {
    if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic))
        return Error{Errc::bad_syntax, {}, "not a spool segment"};
    Header header;
    header.format = get<std::uint32_t>(bytes, kMagic.size());
    const std::string_view tail = bytes.substr(kChecksumAt + 4, kHeaderBytes - kChecksumAt - 4);
    const bool whole = get<std::uint32_t>(bytes, kChecksumAt) == crc32c(bytes.substr(0, kChecksumAt), tail);
    // A later format may checksum otherwise: when in doubt the file is kept and nothing is touched.
    if (header.format > kFormat && (whole || header.format < 1000)) {
        return Error{Errc::unsupported,
                     {},
                     "format " + std::to_string(header.format) + " is newer than this edge-agent understands"};
    }
    if (!whole || header.format != kFormat) return Error{Errc::bad_syntax, {}, "a damaged segment header"};
    header.spool_id = SpoolId{get_uuid(tail, 0)};
    header.number = get<std::uint64_t>(tail, 16);
    header.next_result = get<std::uint64_t>(tail, 24);
    header.work_last = get<std::uint64_t>(tail, 32);
    return header;
}

void append_record(std::string& out, const Record& record, std::uint32_t group) {
    std::string rest;
    rest.reserve(kRecordBytes + record.body.size());
    put(rest, record.seq);
    put(rest, group);
    rest.push_back(static_cast<char>(record.kind));
    put(rest, record.attempt.attempt);
    put(rest, record.attempt.task_id.bytes);
    rest.append(record.body);
    std::string length;
    put(length, static_cast<std::uint32_t>(rest.size()));
    out.append(length);
    put(out, crc32c(length, rest));
    out.append(rest);
}

Scan scan_records(std::string_view segment, Segment kind) {
    struct Hole {
        std::size_t begin, end, records_before;
    };
    Scan scan;
    std::vector<Hole> holes;
    std::size_t at = kHeaderBytes;
    std::size_t durable = kind == Segment::sealed ? segment.size() : 0;
    while (at < segment.size()) {
        auto whole = record_at(segment, at);
        if (!whole) {
            whole = next_record(segment, at + 1);
            const std::size_t end = whole ? whole->found.offset : segment.size();
            holes.push_back({at, end, scan.records.size()});
            if (!whole) break;
        }
        durable = std::max<std::size_t>(durable, whole->group);
        scan.records.push_back(whole->found);
        at = whole->found.offset + whole->size;
    }
    scan.end = segment.size();
    for (const Hole& hole : holes) {
        if (hole.begin >= durable) {  // torn: the write it belongs to was never synced, nor was what follows it
            scan.end = hole.begin;
            scan.records.resize(hole.records_before);
            break;
        }
        if (scan.damaged == 0) scan.damaged_at = hole.begin;
        scan.damaged += hole.end - hole.begin;
    }
    return scan;
}

}  // namespace edge::agent::spool
