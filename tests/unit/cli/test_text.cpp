#include <doctest/doctest.h>

#include "cli/show/text.hpp"

using namespace edge::cli;

TEST_CASE("text is as wide as a terminal shows it") {
    struct Case {
        std::string text;
        std::size_t columns;
    };
    for (const auto& [text, columns] :
         {Case{"", 0}, Case{"abc", 3}, Case{"电信", 4}, Case{"广州-1", 6}, Case{"é", 1}, Case{"e\xcc\x81", 1},
          Case{"한글", 4}, Case{"ｶﾅ", 2}, Case{"µs", 2}, Case{"…", 1}, Case{"\xff", 1}}) {
        CAPTURE(text);
        CHECK(display_width(text) == columns);
    }
}

TEST_CASE("a cut never splits a character and never takes more than its columns") {
    CHECK(cut("abcdef", 6) == "abcdef");
    CHECK(cut("abcdef", 5) == "abcd…");
    CHECK(cut("abcdef", 1) == "…");
    CHECK(cut("abcdef", 0).empty());
    CHECK(cut("电信联通", 8) == "电信联通");
    CHECK(cut("电信联通", 7) == "电信联…");
    CHECK(cut("电信联通", 6) == "电信…");
    CHECK(cut("电信", 2) == "…");
    for (std::size_t columns = 0; columns < 20; ++columns)
        CHECK(display_width(cut("a电b信c联d通e", columns)) <= columns);
}

TEST_CASE("padding counts columns, not bytes") {
    CHECK(pad("电信", 6, Align::left) == "电信  ");
    CHECK(pad("12", 4, Align::right) == "  12");
    CHECK(pad("longer", 3, Align::left) == "longer");
}

TEST_CASE("nothing that a terminal would obey comes through") {
    CHECK(printable("plain 电信 é") == "plain 电信 é");
    CHECK(printable("\x1b[31mred\x07") == "?[31mred?");
    CHECK(printable("a\nb\tc\r") == "a b c ");
    CHECK(printable("\xc2\x9b"
                    "2J") == "?2J");
    CHECK(printable("\xe2\x80\xae"
                    "abc") ==
          "\xef\xbf\xbd"
          "abc");
    CHECK(printable("\xff\xfe") == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(printable("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(printable("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(printable(std::string("a\0b", 3)) == "a?b");
    CHECK(printable("\x7f") == "?");
    CHECK(printable("\xf4\x90\x80\x80").find('\x90') == std::string::npos);
}

TEST_CASE("JSON for a terminal has its remaining controls escaped, and is the same JSON") {
    CHECK(printable_json("{\"a\":\"\xc2\x9b\x7f é\"}") == "{\"a\":\"\\u009b\\u007f é\"}");
    CHECK(printable_json("{\"a\":\"\xc2\xa0\"}") == "{\"a\":\"\xc2\xa0\"}");
    CHECK(printable_json("\xc2") == "\xc2");
}
