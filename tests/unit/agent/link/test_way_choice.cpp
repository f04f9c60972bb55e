#include "agent/link/way_choice.hpp"

#include <doctest/doctest.h>

using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

const Time kDialled = Time{} + 1h;

}  // namespace

TEST_CASE("brokers are tried in their order, and then all over again") {
    WayChoice choice(1, 3);
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t broker : {0U, 1U, 2U}) {
            const Way way = choice.next(kDialled);
            CHECK(way == Way{0, broker});
            CHECK(choice.ended(way, Fault::broker, kDialled) == (broker < 2));
        }
    }
}

TEST_CASE("the broker that worked last is tried first") {
    WayChoice choice(1, 3);
    choice.ended(choice.next(kDialled), Fault::broker, kDialled);
    CHECK(choice.next(kDialled) == Way{0, 1});
    choice.live({0, 1});
    CHECK(!choice.ended({0, 1}, Fault::none, kDialled));  // it left in an orderly way, and is asked again first
    CHECK(choice.next(kDialled) == Way{0, 1});
    CHECK(choice.ended({0, 1}, Fault::broker, kDialled));
    CHECK(choice.next(kDialled) == Way{0, 0});
}

TEST_CASE("a broker that is named as the better one is tried first, and the others behind it") {
    WayChoice choice(2, 3);
    choice.live({0, 0});
    choice.prefer(2);
    CHECK(choice.broker() == 2);
    CHECK(choice.next(kDialled) == Way{0, 2});
    CHECK(choice.ended({0, 2}, Fault::broker, kDialled));
    CHECK(choice.next(kDialled) == Way{0, 0});
}

TEST_CASE("of an uplink that fell silent no other broker is tried before the other uplinks are") {
    WayChoice choice(3, 2);
    choice.live({0, 1});
    CHECK(choice.ended({0, 1}, Fault::uplink, kDialled));
    for (const Way expected : {Way{1, 1}, Way{1, 0}, Way{2, 1}, Way{2, 0}, Way{0, 0}}) {
        CHECK(choice.next(kDialled) == expected);
        choice.ended(expected, Fault::broker, kDialled);
    }
    CHECK(choice.next(kDialled) == Way{0, 1});  // another round
}

TEST_CASE("a broker that is refused over one uplink is tried over it by its other address first") {
    WayChoice choice(2, 2);
    choice.ended({0, 0}, Fault::broker, kDialled);
    CHECK(choice.next(kDialled) == Way{0, 1});
}

TEST_CASE("an uplink whose line is down comes last, and is dialled all the same when there is no other") {
    WayChoice choice(2, 1);
    choice.usable(0, false);
    CHECK(choice.next(kDialled) == Way{1, 0});
    CHECK(choice.ended({1, 0}, Fault::uplink, kDialled));
    CHECK(choice.next(kDialled) == Way{0, 0});
    CHECK(!choice.ended({0, 0}, Fault::uplink, kDialled));
    choice.usable(0, true);
    CHECK(choice.next(kDialled) == Way{0, 0});
}

TEST_CASE("a broker that asked for time is left alone for it, over every uplink, and the others are asked meanwhile") {
    WayChoice choice(2, 2);
    choice.rest(0, kDialled + 10min);
    CHECK(choice.ended({0, 0}, Fault::broker, kDialled));
    for (int round = 0; round < 2; ++round) {
        CHECK(choice.next(kDialled + 1min) == Way{0, 1});
        CHECK(choice.ended({0, 1}, Fault::broker, kDialled + 1min));
        CHECK(choice.next(kDialled + 1min) == Way{1, 1});
        CHECK(!choice.ended({1, 1}, Fault::broker, kDialled + 1min));
    }
    CHECK(choice.next(kDialled + 10min) == Way{0, 0});
    CHECK(choice.all_rest(kDialled + 10min) == 0min);
    SUBCASE("unless all of them did, until the first has had its time") {
        choice.rest(0, kDialled + 1h);
        CHECK(choice.all_rest(kDialled + 10min) == 0min);
        choice.rest(1, kDialled + 30min);
        CHECK(choice.all_rest(kDialled + 10min) == 20min);
        CHECK(choice.next(kDialled + 30min) == Way{0, 1});
    }
    SUBCASE("and where one is dialled all the same it is the best") {
        choice.rest(0, kDialled + 1h);
        choice.rest(1, kDialled + 1h);
        CHECK(choice.next(kDialled + 10min) == Way{0, 0});
    }
    SUBCASE("or is live again") {
        choice.rest(0, kDialled + 1h);
        choice.live({0, 0});
        CHECK(choice.next(kDialled) == Way{0, 0});
    }
}
