#include "agent/spool/segment.hpp"

#include <algorithm>
#include <array>
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

/// Castagnoli's polynomial, reflected: RFC 3720 appendix B.4. Table k is of a byte that k others follow.
constexpr auto kCrcTables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte)
            tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
    }
    return tables;
}();

/// Eight bytes a step: each result is checksummed as it is written, and one at a time cost as much as its JSON.
std::uint32_t crc_on(std::uint32_t crc, std::string_view bytes) {
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        const std::uint64_t eight = get<std::uint64_t>(bytes, 0) ^ crc;
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= kCrcTables[7 - i][(eight >> (8 * i)) & 0xff];
    }
    for (const char byte : bytes) crc = (crc >> 8) ^ kCrcTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
    return crc;
}

std::uint32_t crc32c(std::string_view first, std::string_view second) {
    return ~crc_on(crc_on(~std::uint32_t{0}, first), second);
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
    const std::size_t begin = out.size();
    put(out, static_cast<std::uint32_t>(kRecordBytes - kRecordPrefix + record.body.size()));
    put(out, std::uint32_t{0});  // the checksum, of all that is around it
    put(out, record.seq);
    put(out, group);
    out.push_back(static_cast<char>(record.kind));
    put(out, record.attempt.attempt);
    put(out, record.attempt.task_id.bytes);
    out.append(record.body);
    const std::string_view written = std::string_view(out).substr(begin);
    const std::uint32_t checksum = native_to_little(crc32c(written.substr(0, 4), written.substr(kRecordPrefix)));
    std::memcpy(out.data() + begin + 4, &checksum, sizeof checksum);
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
