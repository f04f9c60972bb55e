#include "agent/link/way_choice.hpp"

#include <doctest/doctest.h>

using namespace edge::agent;

TEST_CASE("brokers are tried in their order, and then all over again") {
    WayChoice choice(1, 3);
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t broker : {0U, 1U, 2U}) {
            const Way way = choice.next();
            CHECK(way == Way{0, broker});
            CHECK(choice.ended(way, Fault::broker) == (broker < 2));
        }
    }
}

TEST_CASE("the broker that worked last is tried first") {
    WayChoice choice(1, 3);
    choice.ended(choice.next(), Fault::broker);
    CHECK(choice.next() == Way{0, 1});
    choice.live({0, 1});
    CHECK(!choice.ended({0, 1}, Fault::none));  // it left in an orderly way, and is asked again first
    CHECK(choice.next() == Way{0, 1});
    CHECK(choice.ended({0, 1}, Fault::broker));
    CHECK(choice.next() == Way{0, 0});
}

TEST_CASE("a broker that is named as the better one is tried first, and the others behind it") {
    WayChoice choice(2, 3);
    choice.live({0, 0});
    choice.prefer(2);
    CHECK(choice.broker() == 2);
    CHECK(choice.next() == Way{0, 2});
    CHECK(choice.ended({0, 2}, Fault::broker));
    CHECK(choice.next() == Way{0, 0});
}

TEST_CASE("of an uplink that fell silent no other broker is tried before the other uplinks are") {
    WayChoice choice(3, 2);
    choice.live({0, 1});
    CHECK(choice.ended({0, 1}, Fault::uplink));
    for (const Way expected : {Way{1, 1}, Way{1, 0}, Way{2, 1}, Way{2, 0}, Way{0, 0}}) {
        CHECK(choice.next() == expected);
        choice.ended(expected, Fault::broker);
    }
    CHECK(choice.next() == Way{0, 1});  // another round
}

TEST_CASE("a broker that is refused over one uplink is tried over it by its other address first") {
    WayChoice choice(2, 2);
    choice.ended({0, 0}, Fault::broker);
    CHECK(choice.next() == Way{0, 1});
}

TEST_CASE("an uplink whose line is down comes last, and is dialled all the same when there is no other") {
    WayChoice choice(2, 1);
    choice.usable(0, false);
    CHECK(choice.next() == Way{1, 0});
    CHECK(choice.ended({1, 0}, Fault::uplink));
    CHECK(choice.next() == Way{0, 0});
    CHECK(!choice.ended({0, 0}, Fault::uplink));
    choice.usable(0, true);
    CHECK(choice.next() == Way{0, 0});
}
