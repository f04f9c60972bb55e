// A spool file after any accident.
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
        }
    }
    return 0;
}
