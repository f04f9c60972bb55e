#include "protocol/ration.hpp"

#include <doctest/doctest.h>

using namespace edge;
using namespace std::chrono_literals;

TEST_CASE("a ration is so many at once, and then one each while") {
    Ration ration(3, 250ms);
    const Ration::Time start = Ration::Time{} + 1h;
    for (int i = 0; i < 3; ++i) CHECK(ration.take(start));
    CHECK(!ration.take(start));
    CHECK(!ration.take(start + 249ms));
    CHECK(ration.take(start + 250ms));
    CHECK(!ration.take(start + 250ms));
    for (int i = 0; i < 3; ++i) CHECK(ration.take(start + 1h));
    CHECK(!ration.take(start + 1h));
}
