#include <doctest/doctest.h>

#include "protocol/json/bounded.hpp"

using namespace edge;

namespace {

std::string repeat(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

std::string keys(std::size_t count) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    return text + "}";
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("JSON that is not JSON is refused as bad syntax") {
    // The kinds of JSONTestSuite's n_ files, written anew, and what the decoder's users need refused besides.
    const std::string refused[] = {
        // structure
        "",
        " ",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{,}",
        "[1]]",
        "[1]x",
        "[1][2]",
        "{}{}",
        "[1],",
        "//x\n[]",
        "/*x*/[]",
        "[]#",
        "<a>",
        // literals and numbers
        "tru",
        "True",
        "TRUE",
        "nul",
        "[nulll]",
        "undefined",
        "NaN",
        "[NaN]",
        "Infinity",
        "[-Infinity]",
        "[-]",
        "[+1]",
        "[01]",
        "[-01]",
        "[1.]",
        "[.5]",
        "[1.e1]",
        "[1e]",
        "[1e+]",
        "[0e]",
        "[0x1]",
        "[1_000]",
        "[1a]",
        "[--1]",
        "[1 000]",
        "[-a]",
        "[１]",
        // strings
        "\"",
        "\"a",
        "[\"a]",
        "['a']",
        "[\"\\\"]",
        "[\"\\x\"]",
        "[\"\\u\"]",
        "[\"\\u12\"]",
        "[\"\\u00zz\"]",
        "[\"\\U0001\"]",
        "[\"\t\"]",
        "[\"\n\"]",
        "[\"\x1f\"]",
        "[\"\\a\"]",
        "[\"\\\n\"]",
        // lone surrogates
        "[\"\\ud800\"]",
        "[\"\\udc00\"]",
        "[\"\\ud800\\u0041\"]",
        "[\"\\ud800\\ud800\"]",
        "[\"\\ud800x\"]",
        "{\"\\udfff\":1}",
        // invalid UTF-8: stray, overlong, surrogate, beyond U+10FFFF, cut
        "[\"\xff\"]",
        "[\"\x80\"]",
        "[\"\xc0\x80\"]",
        "[\"\xe0\x80\x80\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\xf4\x90\x80\x80\"]",
        "[\"\xe2\x82\"]",
        "\xff[]",
        "{\"\xe9\":1}",
        "[\"\xf8\x88\x80\x80\x80\"]",
        // other encodings; a byte order mark would make our answers, which carry details as they came, no JSON
        "\xef\xbb\xbf{}",
        "\xef\xbb\xbf",
        "\xfe\xff\0["s,
        "[\0]\0"s,
        // NUL ends the text for some parsers
        "\0"s,
        "{\"a\":1}\0{\"evil\":2}"s,
        "[1]\0"s,
        "[\"a\0b\"]"s,
        // white space of other alphabets
        "\xc2\xa0[]",
        "[\xe2\x80\xa8]",
        "\v[]",
        "\f[]",
    };
    for (const auto& text : refused) {
        CAPTURE(text);
        const auto checked = check_json(text);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::bad_syntax);
        CHECK_FALSE(parse_json(text));
    }
}

TEST_CASE("numbers that a receiver could read as another number are refused as bad values") {
    for (const std::string text : {"9007199254740993", "-9007199254740993", "18446744073709551615",
                                   "18446744073709551616", "-9223372036854775809", "123456789012345678901234567890",
                                   "-123456789012345678901234567890", "1e999", "-1e999", "1E400", "[0, 1e309]"}) {
        CAPTURE(text);
        const auto checked = check_json(text);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::bad_value);
    }
    CHECK(check_json("1" + std::string(1000, '0')).error().code == Errc::bad_value);
}

TEST_CASE("a key that stands twice is refused, however it is written") {
    for (const std::string text : {R"({"a":1,"a":2})", R"({"a":1,"a":1})", R"({"a":1,"\u0061":2})",
                                   R"([{"x":{"a":1,"b":2,"a":3}}])", R"({"":1,"":2})"}) {
        CAPTURE(text);
        const auto checked = check_json(text);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::bad_value);
    }
    CHECK(check_json(R"([{"a":1},{"a":2},{"b":{"a":3}}])"));
}

TEST_CASE("keys and strings with escapes at either end are read whole, many of them in one object") {
    std::string text = "{";
    for (int i = 0; i < 60; ++i) {
        const std::string n = std::to_string(i);
        text += (i == 0 ? R"("\u00e9)" : R"(,"\u00e9)") + n + R"(\n":"\t)" + n + R"(x\u0020")";
    }
    const auto tree = parse_json(text + "}");
    REQUIRE_MESSAGE(tree, text);
    REQUIRE(tree.value().size() == 60);
    for (int i = 0; i < 60; ++i)
        CHECK(tree.value().at("\u00e9" + std::to_string(i) + "\n") == "\t" + std::to_string(i) + "x ");
    CHECK(check_json(text + R"(,"\u00e959\n":1})").error().code == Errc::bad_value);
}

TEST_CASE("what is JSON is read, and reads the same after it is written") {
    for (const std::string text : {
             "{}",
             "[]",
             "null",
             "true",
             "0",
             "-0",
             "\"\"",
             " [ 1 , 2 ] \r\n",
             "[1.5,-0.0,1e2,1E-2,1e-400,1.7976931348623157e308]",
             "[9007199254740992,-9007199254740992]",
             R"(["\ud83d\ude00","\u0000","\/","é","电信","\u2028"])",
             R"({"":0," ":{"a":[{}]}})",
             "[\"\x7f\"]",
             "[\"\xef\xbf\xbf\"]",
             "[\"\xf4\x8f\xbf\xbf\"]",
         }) {
        CAPTURE(text);
        const auto parsed = parse_json(text);
        REQUIRE(parsed);
        const std::string written = dump_json(parsed.value());
        const auto again = parse_json(written);
        REQUIRE(again);
        CHECK(again.value() == parsed.value());
        CHECK(dump_json(again.value()) == written);
    }
}

TEST_CASE("depth is bounded before anything is built, so 100,000 levels are only an error") {
    CHECK(check_json(nested(32)));
    CHECK(check_json(nested(33)).error().code == Errc::too_large);
    CHECK(check_json(nested(3), JsonLimits{.depth = 2}).error().code == Errc::too_large);
    const JsonLimits roomy{.bytes = 2'000'000};
    CHECK(check_json(nested(100'000), roomy).error().code == Errc::too_large);
    CHECK(check_json(std::string(100'000, '['), roomy).error().code == Errc::too_large);
    CHECK(check_json(repeat("{\"a\":", 100'000), roomy).error().code == Errc::too_large);
    CHECK(check_json(repeat("[{\"a\":", 100'000), roomy).error().code == Errc::too_large);
    CHECK(parse_json(nested(100'000), roomy).error().code == Errc::too_large);
}

TEST_CASE("size, values and keys are bounded") {
    CHECK(check_json("[1,2]", JsonLimits{.bytes = 5}));
    CHECK(check_json("[1,2]", JsonLimits{.bytes = 4}).error().code == Errc::too_large);
    CHECK(check_json("[1,2]", JsonLimits{.values = 3}));
    CHECK(check_json("[1,2]", JsonLimits{.values = 2}).error().code == Errc::too_large);
    CHECK(check_json(keys(4), JsonLimits{.object_keys = 4}));
    CHECK(check_json(keys(5), JsonLimits{.object_keys = 4}).error().code == Errc::too_large);
    CHECK(check_json(std::string(300'000, ' ') + "1").error().code == Errc::too_large);
    CHECK(check_json("[" + repeat("0,", 70'000) + "0]").error().code == Errc::too_large);
}

TEST_CASE("the keys of one object are bounded by themselves, because looking one up costs their number") {
    CHECK(check_json(keys(1'024)));
    CHECK(check_json(keys(1'025)).error().code == Errc::too_large);
    CHECK(check_json("[" + repeat(keys(1'000) + ",", 7) + "0]"));
}

TEST_CASE("a string that is not UTF-8 is written with replacement characters, never thrown") {
    Json json = Json::object();
    json["banner"] = "\xff\xfe ok \xe2\x82";
    json["\xff"] = 1;
    const std::string text = dump_json(json);
    CHECK(check_json(text));
    CHECK(text.find("\xef\xbf\xbd") != std::string::npos);
    CHECK(text.find(" ok ") != std::string::npos);
}

TEST_CASE("an error says at which byte the text stops being JSON") {
    CHECK(check_json("[1, x]").error().detail == "not JSON at byte 5");
}
