#include <doctest/doctest.h>

#include "cli/show/figures.hpp"

using namespace edge::cli;

TEST_CASE("durations have three figures and the unit people think in") {
    struct Case {
        std::uint64_t us;
        std::string text;
    };
    for (const auto& [us, text] :
         {Case{0, "0 µs"}, Case{999, "999 µs"}, Case{1'000, "1.00 ms"}, Case{9'994, "9.99 ms"}, Case{9'996, "10.0 ms"},
          Case{12'345, "12.3 ms"}, Case{99'960, "100 ms"}, Case{345'678, "346 ms"}, Case{1'240'000, "1.24 s"},
          Case{60'000'000, "60.0 s"}, Case{3'600'000'000, "3600 s"}}) {
        CHECK(duration_text(us) == text);
    }
}

TEST_CASE("percent, bytes and marks") {
    CHECK(percent_text(0) == "0%");
    CHECK(percent_text(0.5) == "0.5%");
    CHECK(percent_text(33.333) == "33.3%");
    CHECK(percent_text(100) == "100%");
    CHECK(bytes_text(61) == "61 B");
    CHECK(bytes_text(1'234) == "1.23 kB");
    CHECK(bytes_text(3'400'000) == "3.40 MB");
    CHECK(hex_text(0x101) == "0x101");
}

TEST_CASE("times of the API become ages") {
    CHECK(seconds_of("1970-01-01T00:00:00.000Z") == 0);
    CHECK(seconds_of("2026-01-01T00:00:01.500Z") == 1'767'225'601);
    CHECK(seconds_of("2024-02-29T00:00:00Z") == 1'709'164'800);
    for (const char* bad :
         {"", "now", "2026-01-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00"})
        CHECK_FALSE(seconds_of(bad));
    CHECK(age_text(-5) == "0s");
    CHECK(age_text(119) == "119s");
    CHECK(age_text(120) == "2m");
    CHECK(age_text(7'200) == "2h");
    CHECK(age_text(172'800) == "2d");
}
