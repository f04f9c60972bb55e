// The bytes of a spool segment: a header, then records to the end. Pure.
//
//   header  "edgespl1" | format u32 | crc32c u32 | spool_id 16 | number u64 | next_result u64 | work_last u64
//   record  length u32 | crc32c u32 | seq u64 | group u32 | kind u8 | attempt u32 | task 16 | body
//
// Little-endian. `length` counts what follows the checksum; each checksum covers all other bytes of its header or
// record. `group`: the offset in the segment at which the write began that this record was part of. A group is written
// only after the one before it was synced, so a record that is there proves that everything before its group was
// durable: that is how a torn tail (nobody was promised anything) is told from damage (somebody was).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/link/envelopes.hpp"

namespace edge::agent::spool {

inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::size_t kHeaderBytes = 56;
inline constexpr std::size_t kRecordBytes = 41;  // of a record without its body
inline constexpr std::size_t kMaxBody = 512 * 1024;

enum class Kind : std::uint8_t {
    accept = 1,  // seq is the work number; the body says what was accepted
    result = 2,  // seq is the result's number on the link; the body is the envelope as it is sent
    work = 3,    // seq is a work number that needed no accept: a cancellation, a repeated offer
};

struct Header {
    std::uint32_t format = kFormat;
    SpoolId spool_id;
    std::uint64_t number = 0;       // of the segment, from 1
    std::uint64_t next_result = 1;  // the first result in here or after
    std::uint64_t work_last = 0;    // the last work number before
};

struct Record {
    Kind kind = Kind::work;
    std::uint64_t seq = 0;
    link::AttemptRef attempt;
    std::string_view body;
};

struct Found {
    Record record;
    std::size_t offset = 0;       // of the record
    std::size_t body_offset = 0;  // of its body
};

std::string encode_header(const Header& header);
/// Errors: unsupported (a newer format), bad_syntax (damaged or something else).
Result<Header> decode_header(std::string_view bytes);

void append_record(std::string& out, const Record& record, std::uint32_t group);

/// Is the segment one that was closed and synced, or the one being written when the process ended?
enum class Segment { sealed, last };

struct Scan {
    std::vector<Found> records;  // views into the scanned bytes
    std::size_t end = 0;         // where the readable part ends; beyond is a torn tail (only of Segment::last)
    std::size_t damaged = 0;     // bytes that were durable and cannot be read
    std::size_t damaged_at = 0;  // the first of them
};
Scan scan_records(std::string_view segment, Segment kind);

}  // namespace edge::agent::spool
