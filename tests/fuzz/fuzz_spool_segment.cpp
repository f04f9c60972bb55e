// A spool file after any accident.
#include <cstring>

#include "agent/spool/names.hpp"
#include "agent/spool/segment.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
namespace spool = edge::agent::spool;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    if (const auto header = spool::decode_header(bytes)) {
        fuzz::demand(spool::encode_header(header.value()) == bytes.substr(0, spool::kHeaderBytes),
                     "a header is written as it was read");
    }
    for (const auto kind : {spool::Segment::sealed, spool::Segment::last}) {
        const auto scan = spool::scan_records(bytes, kind);
        fuzz::demand(scan.end <= bytes.size(), "nothing is read behind the end");
        for (const auto& found : scan.records) {
            fuzz::demand(found.offset + spool::kRecordBytes + found.record.body.size() <= bytes.size(),
                         "a record lies in the file");
            std::uint32_t group = 0;  // stands in the record, and is not told
            std::memcpy(&group, bytes.data() + found.offset + 16, sizeof group);
            std::string written;
            spool::append_record(written, found.record, group);
            fuzz::demand(bytes.substr(found.offset).starts_with(written), "a record is written as it was read");
        }
    }
    if (const auto ack = spool::decode_ack(bytes)) {
        const auto again = spool::decode_ack(spool::encode_ack(*ack));
        fuzz::demand(again && again->spool_id == ack->spool_id && again->acked == ack->acked, "an ack comes back");
    }
    if (const auto number = spool::segment_number(bytes)) {
        const auto again = spool::segment_number(spool::segment_name(*number));
        fuzz::demand(again == number, "a segment's name is its number");
    }
    return 0;
}
