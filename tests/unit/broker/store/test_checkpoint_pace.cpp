#include "broker/store/checkpoint_pace.hpp"

#include <doctest/doctest.h>

namespace edge::broker {
namespace {

/// Commits a page at a time; `copied`: what a try at so many pages can copy. How many tries it took to get there.
template <class Copied>
int tries_until(CheckpointPace& pace, int from, int to, Copied copied) {
    int tries = 0;
    for (int pages = from; pages <= to; ++pages) {
        if (!pace.is_due(pages)) continue;
        pace.tried(pages, copied(pages));
        ++tries;
    }
    return tries;
}

}  // namespace

TEST_CASE("a log is copied at 16 MiB") {
    CheckpointPace pace;
    CHECK(!pace.is_due(4'095));
    CHECK(pace.is_due(4'096));
    pace.tried(4'096, 4'096);
    CHECK(!pace.is_due(1));
    CHECK(!pace.is_due(4'095));
    SUBCASE("and where a reader kept it from beginning anew, with every commit until it does") {
        CHECK(tries_until(pace, 4'097, 4'106, [](int pages) { return pages; }) == 10);
    }
    SUBCASE("or else 16 MiB later") {
        CHECK(pace.is_due(4'096));
    }
}

TEST_CASE("while a reader stays where it is, a try for every 16 MiB more") {
    CheckpointPace pace;
    CHECK(tries_until(pace, 1, 65'536, [](int) { return 100; }) ==
          16);  // the first one moved something: the next is near
    SUBCASE("and at 16 MiB again, when the log began anew without us") {
        CHECK(!pace.is_due(1));
        CHECK(!pace.is_due(4'095));
        CHECK(pace.is_due(4'096));
    }
    SUBCASE("and once it moves, for every one") {
        CHECK(pace.is_due(65'536 + 4'096));
        pace.tried(65'536 + 4'096, 50'000);
        CHECK(!pace.is_due(65'536 + 4'096 + 255));
        CHECK(pace.is_due(65'536 + 4'096 + 256));
    }
}

TEST_CASE("readers that come and go cost a try for every MiB") {
    CheckpointPace pace;
    CHECK(tries_until(pace, 1, 4'096 + 10 * 256, [](int pages) { return pages - 1; }) == 11);
}

}  // namespace edge::broker
