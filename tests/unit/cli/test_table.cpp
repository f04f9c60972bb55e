#include <doctest/doctest.h>

#include "cli/show/table.hpp"

using namespace edge::cli;

namespace {

Column column(std::string title, int spare = 0, bool elastic = false, Align align = Align::left) {
    return {.title = std::move(title), .align = align, .spare = spare, .elastic = elastic};
}

Table sample() {
    return {{column("LINE"), column("RTT", 0, false, Align::right), column("ANSWER", 0, true), column("SERVER", 5),
             column("EMPTY")},
            {{{"telecom"}, {"12.3 ms"}, {"198.18.0.80, 198.18.0.81"}, {"100.64.1.53"}, {}},
             {{"电信"}, {"9 ms"}, {"x"}, {"y"}, {}}}};
}

}  // namespace

TEST_CASE("columns line up by what is seen, empty ones are not there, and no line ends in spaces") {
    const auto lines = lines_of(sample(), std::nullopt, Style{});
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "LINE         RTT  ANSWER                    SERVER");
    CHECK(lines[1] == "telecom  12.3 ms  198.18.0.80, 198.18.0.81  100.64.1.53");
    CHECK(lines[2] == "电信        9 ms  x                         y");
}

TEST_CASE("in less room elastic columns are cut first, then spare ones go, then all are cut") {
    const Table table = sample();
    for (std::size_t width = 1; width < 60; ++width) {
        CAPTURE(width);
        for (const auto& line : lines_of(table, width, Style{}))
            CHECK(display_width(line) <= std::max<std::size_t>(width, 9));
    }
    CHECK(lines_of(table, 50, Style{})[1] == "telecom  12.3 ms  198.18.0.80, 198.1…  100.64.1.53");
    CHECK(lines_of(table, 40, Style{})[1] == "telecom  12.3 ms  198.18.0.80, 198.18.0…");
    CHECK(lines_of(table, 20, Style{})[1].find("100.64.1.53") == std::string::npos);
}

TEST_CASE("typical room is kept before there is text, so that a live table stands still") {
    Table table{{column("A"), column("B")}, {{{"x"}, {}}}};
    table.columns[1].typical = 7;
    CHECK(fit(table, std::nullopt)[1] == 7);
    table.columns[1].typical = 0;
    CHECK_FALSE(fit(table, std::nullopt)[1]);
}

TEST_CASE("colour does not move a column") {
    Table table{{column("A"), column("B")}, {{{"ok", Tone::good}, {"x"}}, {{"failed", Tone::bad}, {"y"}}}};
    const auto lines = lines_of(table, std::nullopt, Style{.colour = true});
    CHECK(lines[1] == "\x1b[32mok\x1b[0m      x");
    CHECK(lines[2] == "\x1b[31mfailed\x1b[0m  y");
}

TEST_CASE("text may run over its column where nothing may be lost") {
    Table table{{column("A"), column("B")}, {}};
    const Widths widths{2, 4};
    CHECK(row_line(table, {{"long"}, {"x"}}, widths, Style{}, Overflow::keep) == "long  x");
    CHECK(row_line(table, {{"long"}, {"x"}}, widths, Style{}, Overflow::cut) == "l…  x");
}
