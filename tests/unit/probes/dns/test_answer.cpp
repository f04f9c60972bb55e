#include <doctest/doctest.h>

#include "probes/dns/answer.hpp"
#include "protocol/json/described.hpp"
#include "tests/unit/probes/dns/messages.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

Bytes name_bytes(const std::string& dotted) {
    return MessageWriter().name(dotted).bytes;
}

MessageWriter answer_head(unsigned type, unsigned answers, unsigned flags = 0x8180) {
    MessageWriter message;
    message.header(0x1234, flags, 1, answers, 0, 0).name("lab.test").u16(type).u16(1);
    return message;
}

DnsDetail read(const Bytes& message, AnswerLimits limits = {}) {
    DnsDetail detail;
    REQUIRE(read_answer(message, detail, limits));
    return detail;
}

}  // namespace

TEST_CASE("each record type reads as presentation text, unknown ones as RFC 3597 hex") {
    struct Row {
        unsigned type;
        Bytes rdata;
        const char* name;
        const char* text;
    };
    const Row rows[] = {
        {1, {198, 18, 0, 10}, "A", "198.18.0.10"},
        {28, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}, "AAAA", "2001:db8::10"},
        {5, name_bytes("www.lab.test"), "CNAME", "www.lab.test."},
        {2, {0xc0, 0x0c}, "NS", "lab.test."},
        {15, MessageWriter().u16(10).name("mx.lab.test").bytes, "MX", "10 mx.lab.test."},
        {16, MessageWriter().u8(5).raw("v=\"1\"").u8(3).raw("a b").bytes, "TXT", "\"v=\\\"1\\\"\" \"a b\""},
        {16, MessageWriter().u8(3).raw("\x1b[m").bytes, "TXT", "\"\\027[m\""},
        {6, MessageWriter().name("ns.lab.test").name("root.lab.test").u32(1).u32(2).u32(3).u32(4).u32(5).bytes, "SOA",
         "ns.lab.test. root.lab.test. 1 2 3 4 5"},
        {33, MessageWriter().u16(1).u16(2).u16(443).name("a.b").bytes, "SRV", "1 2 443 a.b."},
        {257, MessageWriter().u8(0).u8(5).raw("issue").raw("ca.test").bytes, "CAA", "0 issue \"ca.test\""},
        {65280, {10, 0, 0, 1}, "TYPE65280", "\\# 4 0a000001"},
        {65281, {}, "TYPE65281", "\\# 0"},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        const DnsDetail detail = read(answer_head(row.type, 1).record(row.type, 300, row.rdata).bytes);
        REQUIRE(detail.answer.size() == 1);
        CHECK(detail.answer[0].name == "lab.test.");
        CHECK(detail.answer[0].type == row.name);
        CHECK(detail.answer[0].class_ == "IN");
        CHECK(detail.answer[0].ttl == 300);
        CHECK(detail.answer[0].rdata == row.text);
        CHECK(detail.question.at(0).name == "lab.test.");
        CHECK(detail.question.at(0).type == row.name);
    }
}

TEST_CASE("header flags and rcodes are told") {
    const DnsDetail detail = read(answer_head(1, 0, 0x8483).bytes);
    CHECK(detail.header->id == 0x1234);
    CHECK(detail.header->qr);
    CHECK(detail.header->aa);
    CHECK_FALSE(detail.header->rd);
    CHECK(detail.header->ra);
    CHECK(detail.header->rcode == "NXDOMAIN");
    CHECK(rcode_name(2) == "SERVFAIL");
    CHECK(rcode_name(16) == "BADVERS");
    CHECK(rcode_name(99) == "RCODE99");
}

TEST_CASE("EDNS carries the upper bits of the rcode and is no record") {
    MessageWriter message;
    message.header(1, 0x8180, 1, 0, 0, 1).name("lab.test").u16(1).u16(1);
    message.u8(0).u16(41).u16(1232).u32(0x01000000).u16(0);
    const DnsDetail detail = read(message.bytes);
    CHECK(detail.header->rcode == "BADVERS");
    CHECK(detail.additional.empty());
}

TEST_CASE("records and text are capped and it is said") {
    MessageWriter message = answer_head(1, 700);
    for (int i = 0; i < 700; ++i) message.record(1, 1, {10, 0, 0, 1});
    const DnsDetail many = read(message.bytes);
    CHECK(many.question.size() + many.answer.size() == 512);
    CHECK(many.truncated_by_us);

    Bytes text;
    for (int i = 0; i < 250; ++i) {  // 62 KiB of control characters: a quarter megabyte of escapes
        text.push_back(250);
        text.insert(text.end(), 250, 1);
    }
    const DnsDetail giant = read(answer_head(16, 2).record(16, 1, text).record(16, 1, {1, 'x'}).bytes);
    REQUIRE(giant.answer.size() == 1);
    CHECK(giant.answer[0].rdata == "\"x\"");
    CHECK(giant.truncated_by_us);
    CHECK(dump_json(encode(giant)).size() < 200 * 1024);
}

TEST_CASE("what is not DNS is said to be malformed, and nothing is kept of it") {
    const Bytes good = answer_head(1, 1).record(1, 300, {10, 0, 0, 1}).bytes;
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        DnsDetail detail;
        CAPTURE(cut);
        CHECK_FALSE(read_answer(std::span(good).first(cut), detail));
        CHECK_FALSE(detail.header);
        CHECK(detail.answer.empty());
    }
    struct Row {
        const char* what;
        Bytes message;
    };
    MessageWriter loop;
    loop.header(1, 0x8180, 1, 1, 0, 0).u16(0xc00c).u16(1).u16(1);
    MessageWriter forward;
    forward.header(1, 0x8180, 1, 0, 0, 0).u16(0xc030).u16(1).u16(1);
    const Row rows[] = {
        {"a name that points to itself", loop.bytes},
        {"a name that points ahead", forward.bytes},
        {"more records than there are", answer_head(1, 9).record(1, 1, {10, 0, 0, 1}).bytes},
        {"an A record of three bytes", answer_head(1, 1).record(1, 1, {10, 0, 0}).bytes},
        {"rdata longer than the message", answer_head(1, 1).u16(0xc00c).u16(16).u16(1).u32(1).u16(500).u8(1).bytes},
    };
    for (const Row& row : rows) {
        DnsDetail detail;
        CAPTURE(std::string(row.what));
        CHECK_FALSE(read_answer(row.message, detail));
    }
}

TEST_CASE("every byte of a name comes out printable") {
    MessageWriter message;
    message.header(1, 0x8180, 1, 0, 0, 0).u8(4).raw(std::string("\0\xff.\x1b", 4)).u8(0).u16(1).u16(1);
    const DnsDetail detail = read(message.bytes);
    CHECK(detail.question.at(0).name == "\\000\\255\\.\\027.");
}
