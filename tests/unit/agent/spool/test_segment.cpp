#include "agent/spool/segment.hpp"

#include <doctest/doctest.h>

#include "agent/spool/names.hpp"
#include "tests/unit/agent/results.hpp"

using namespace edge;
using namespace edge::agent;
using namespace edge::agent::spool;

namespace {

Header header() {
    Header one;
    one.spool_id.bytes[3] = 5;
    one.number = 7;
    one.next_result = 100;
    one.work_last = 41;
    return one;
}

/// Three groups of two records; where each record ends.
struct Sample {
    std::string bytes = encode_header(header());
    std::vector<std::size_t> ends;
    Sample() {
        for (int group = 0; group < 3; ++group) {
            const auto begin = static_cast<std::uint32_t>(bytes.size());
            for (int i = 0; i < 2; ++i) {
                const auto seq = static_cast<std::uint64_t>(group * 2 + i + 1);
                append_record(
                    bytes,
                    {Kind::result, seq, {task_id(static_cast<std::uint8_t>(seq)), 1}, "body " + std::to_string(seq)},
                    begin);
                ends.push_back(bytes.size());
            }
        }
    }
    std::size_t whole_before(std::size_t offset) const {
        return static_cast<std::size_t>(
            std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= offset; }));
    }
};

}  // namespace

TEST_CASE("a header is read back, and not when a byte of it changed") {
    const std::string bytes = encode_header(header());
    REQUIRE(bytes.size() == kHeaderBytes);
    const auto read = decode_header(bytes);
    REQUIRE(read);
    CHECK(read.value().number == 7);
    CHECK(read.value().next_result == 100);
    CHECK(read.value().work_last == 41);
    CHECK(read.value().spool_id == header().spool_id);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string other = bytes;
        other[i] = static_cast<char>(other[i] ^ 0x10);
        CHECK(!decode_header(other));
    }
}

TEST_CASE("a newer format is told from damage") {
    Header newer = header();
    newer.format = 2;
    CHECK(decode_header(encode_header(newer)).error().code == Errc::unsupported);
    CHECK(decode_header("edgespl1").error().code == Errc::bad_syntax);
}

TEST_CASE("a record's bytes are these, its checksum CRC-32C") {
    std::string record;
    append_record(record, {Kind::work, 1, {}, {}}, 56);
    // Computed apart from this code, bit by bit with 0x82F63B78, which gives E3069283 for "123456789".
    CHECK(to_hex(as_bytes(record)) ==
          "21000000"
          "2034b81e"
          "0100000000000000"
          "38000000"
          "03"
          "00000000" +
              std::string(32, '0'));
}

TEST_CASE("a tail torn at any offset gives all whole records before it and no damage") {
    const Sample sample;
    for (std::size_t size = kHeaderBytes; size <= sample.bytes.size(); ++size) {
        const Scan scan = scan_records(std::string_view(sample.bytes).substr(0, size), Segment::last);
        CHECK(scan.records.size() == sample.whole_before(size));
        CHECK(scan.damaged == 0);
        CHECK(scan.end == (scan.records.empty() ? kHeaderBytes : sample.ends[scan.records.size() - 1]));
    }
}

TEST_CASE("a closed segment has no torn tail: what is missing is damage") {
    const Sample sample;
    const Scan scan = scan_records(std::string_view(sample.bytes).substr(0, sample.bytes.size() - 3), Segment::sealed);
    CHECK(scan.records.size() == 5);
    CHECK(scan.damaged > 0);
}

TEST_CASE("any byte that changed spoils its own record and no other, and is damage where it was durable") {
    const Sample sample;
    const std::size_t last_group = sample.ends[3];
    for (std::size_t i = kHeaderBytes; i < sample.bytes.size(); ++i) {
        CAPTURE(i);
        std::string bytes = sample.bytes;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x41);
        const Scan scan = scan_records(bytes, Segment::last);
        for (const Found& found : scan.records) CHECK(found.record.body == "body " + std::to_string(found.record.seq));
        if (i < last_group) {
            CHECK(scan.records.size() == 5);
            CHECK(scan.damaged > 0);
        } else {
            CHECK(scan.records.size() == sample.whole_before(i));
            CHECK(scan.damaged == 0);
        }
    }
}

TEST_CASE("a segment of noise is read to its end") {
    std::string bytes = encode_header(header());
    std::uint32_t state = 1;
    for (int i = 0; i < 20'000; ++i) bytes.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
    CHECK(scan_records(bytes, Segment::last).records.empty());
    CHECK(scan_records(bytes, Segment::sealed).damaged == 20'000);
}

TEST_CASE("names of segments sort as their numbers") {
    CHECK(segment_name(255) == "seg-00000000000000ff");
    CHECK(segment_number("seg-00000000000000ff") == 255);
    CHECK(!segment_number("seg-00000000000000ff.new"));
    CHECK(!segment_number("seg-zz000000000000ff"));
    CHECK(!segment_number("acked"));
}

TEST_CASE("the acknowledged number is of one spool") {
    Ack ack;
    ack.spool_id.bytes[0] = 9;
    ack.acked = 12;
    const auto read = decode_ack(encode_ack(ack));
    REQUIRE(read);
    CHECK(read->acked == 12);
    CHECK(read->spool_id == ack.spool_id);
    CHECK(!decode_ack("{\"acked\":12}"));
    CHECK(!decode_ack(""));
}
