#include <doctest/doctest.h>

#include <random>

#include "probes/dns/query_message.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

Question question(const char* name, const char* type) {
    return make_question(name, type).value();
}

/// An answer to the query as a server would begin one: the same bytes with QR set.
Bytes answer_to(Bytes query, std::uint8_t rcode = 0) {
    query[2] |= 0x80;
    query[3] = rcode;
    return query;
}

}  // namespace

TEST_CASE("a question is a name in wire form, a type and a class") {
    CHECK(to_hex(question("www.lab.test", "A").name) ==
          "03777777036c61620474657374"
          "00");
    CHECK(to_hex(question("www.lab.test.", "A").name) ==
          "03777777036c61620474657374"
          "00");
    CHECK(to_hex(question(".", "NS").name) == "00");
    CHECK(question("a", "TYPE65280").type == 65280);
    CHECK(to_hex(question("192.0.2.9", "PTR").name) ==
          "01390132013003313932"
          "07696e2d61646472"
          "0461727061"
          "00");
    const Bytes reverse = question("2001:db8::1", "PTR").name;
    const std::string six(reverse.begin(), reverse.end());
    CHECK(six.find("\3ip6\4arpa") != std::string::npos);
    CHECK(six.size() == 32 * 2 + 4 + 5 + 1);
    CHECK(to_hex(question("192.0.2.9", "A").name).starts_with("03313932"));  // asked as it is written
}

TEST_CASE("a name that has no wire form is refused") {
    const std::string label(64, 'a');
    for (const std::string& name : {std::string("a..b"), label, "x." + label + ".y", std::string(".a")}) {
        CAPTURE(name);
        CHECK_FALSE(make_question(name, "A"));
    }
    std::string long_name;
    for (int i = 0; i < 128; ++i) long_name += "a.";
    CHECK_FALSE(make_question(long_name, "A"));
}

TEST_CASE("a query is a header, the question and EDNS") {
    CHECK(to_hex(encode_query(0xbeef, question("a.b", "MX"), true, 1232)) ==
          "beef01000001000000000001"
          "0161016200"
          "000f0001"
          "00002904d0000000000000");
    CHECK(encode_query(1, question("a", "A"), false, 512)[2] == 0);
}

TEST_CASE("an answer matches by id, direction and question, whatever the case of the name") {
    const Question asked = question("www.lab.test", "A");
    const Bytes good = answer_to(encode_query(0x1234, asked, true, 1232));
    REQUIRE(match_answer(good, 0x1234, asked));
    CHECK_FALSE(match_answer(good, 0x1234, asked)->truncated);
    CHECK(match_answer(answer_to(good, 3), 0x1234, asked)->rcode == 3);
    Bytes upper = good;
    upper[13] = 'W';
    CHECK(match_answer(upper, 0x1234, asked));
    Bytes truncated = good;
    truncated[2] |= 0x02;
    CHECK(match_answer(truncated, 0x1234, asked)->truncated);

    CHECK_FALSE(match_answer(good, 0x1235, asked));
    CHECK_FALSE(match_answer(encode_query(0x1234, asked, true, 1232), 0x1234, asked));  // the query itself
    CHECK_FALSE(match_answer(good, 0x1234, question("www.lab.tesu", "A")));
    CHECK_FALSE(match_answer(good, 0x1234, question("ww.lab.test", "A")));
    CHECK_FALSE(match_answer(good, 0x1234, question("www.lab.test", "AAAA")));
    Bytes other_opcode = good;
    other_opcode[2] |= 0x28;
    CHECK_FALSE(match_answer(other_opcode, 0x1234, asked));
    Bytes no_question = good;
    no_question[5] = 0;
    CHECK_FALSE(match_answer(no_question, 0x1234, asked));
    CHECK(match_answer(answer_to(no_question, 1), 0x1234, asked));  // FORMERR: it could not read the question
    for (std::size_t cut = 0; cut < 30; ++cut) CHECK_FALSE(match_answer(std::span(good).first(cut), 0x1234, asked));
    Bytes compressed = good;
    compressed[12] = 0xc0;
    compressed[13] = 0x0c;
    CHECK_FALSE(match_answer(compressed, 0x1234, asked));
}

TEST_CASE("100,000 forged answers to a query whose id they do not know: none is taken but by guessing it") {
    const Question asked = question("www.lab.test", "A");
    std::mt19937 random(11);
    int taken = 0;
    for (int i = 0; i < 100'000; ++i) {
        std::uint16_t id = static_cast<std::uint16_t>(random());
        if (id == 0x1234) ++id;
        taken += match_answer(answer_to(encode_query(id, asked, true, 1232)), 0x1234, asked).has_value();
    }
    CHECK(taken == 0);
}
