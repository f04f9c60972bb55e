#include <doctest/doctest.h>

#include "agent/launcher/sandbox/log_lines.hpp"

using namespace edge::launcher;
using namespace std::chrono_literals;

namespace {
const LogLines::Time kStart{1h};
}

TEST_CASE("lines come out whole, however they were written") {
    LogLines lines;
    CHECK(lines.feed("one\ntw", kStart) == std::vector<std::string>{"one"});
    CHECK(lines.feed("o\nthree", kStart) == std::vector<std::string>{"two"});
    CHECK(lines.rest() == "three");
    CHECK_FALSE(lines.rest());
}

TEST_CASE("a line is printable and short") {
    LogLines lines;
    CHECK(lines.feed("a\x1b[2Jb\xff\n", kStart) == std::vector<std::string>{"a?[2Jb?"});
    CHECK(lines.feed(std::string(10'000, 'x') + "\n", kStart)[0].size() == LogLines::kMaxLength);
}

TEST_CASE("twenty lines a second are kept, the others counted") {
    LogLines lines;
    std::string flood;
    for (int i = 0; i < 50; ++i) flood += "x\n";
    CHECK(lines.feed(flood, kStart).size() == 20);
    CHECK(lines.paused_until() == kStart + 1s);
    CHECK(lines.feed(flood, kStart + 999ms).empty());
    CHECK(lines.take_dropped() == 80);
    CHECK(lines.take_dropped() == 0);
    CHECK(lines.feed("y\n", kStart + 1s) == std::vector<std::string>{"y"});
    CHECK_FALSE(lines.paused_until());
}
