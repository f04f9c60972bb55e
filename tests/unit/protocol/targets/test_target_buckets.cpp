#include <doctest/doctest.h>

#include "protocol/targets/target_buckets.hpp"

using namespace edge;

TEST_CASE("a target takes a burst at once and then its rate, whatever others take") {
    TargetBuckets buckets(2, 5, 16);
    std::uint64_t now = 1'000'000;
    int taken = 0;
    for (int i = 0; i < 20; ++i) taken += buckets.take("a", 1, now) ? 1 : 0;
    CHECK(taken == 5);
    CHECK(buckets.take("b", 5, now));
    now += 499'999;
    CHECK_FALSE(buckets.take("a", 1, now));
    now += 1;
    CHECK(buckets.take("a", 1, now));
    CHECK_FALSE(buckets.take("a", 1, now));
    now += 3'600'000'000;  // rest does not make more than a burst
    taken = 0;
    for (int i = 0; i < 20; ++i) taken += buckets.take("a", 1, now) ? 1 : 0;
    CHECK(taken == 5);
}

TEST_CASE("all tokens or none are taken, and more than a burst never are") {
    TargetBuckets buckets(1, 10, 16);
    CHECK_FALSE(buckets.take("a", 11, 0));
    CHECK(buckets.take("a", 6, 0));
    CHECK_FALSE(buckets.take("a", 5, 0));
    CHECK(buckets.take("a", 4, 0));
}

TEST_CASE("tokens that are given back can be taken again, and never more than a burst") {
    TargetBuckets buckets(1, 10, 16);
    std::uint64_t now = 100'000'000;
    CHECK(buckets.take("a", 10, now));
    buckets.give_back("a", 4);
    CHECK_FALSE(buckets.take("a", 5, now));
    CHECK(buckets.take("a", 4, now));
    now += 3'600'000'000;
    buckets.give_back("a", 10);
    buckets.give_back("b", 10);  // not known
    CHECK_FALSE(buckets.take("a", 11, now));
    CHECK(buckets.take("a", 10, now));
    CHECK_FALSE(buckets.take("a", 1, now));
}

TEST_CASE("the table is bounded, and forgets whom it saw longest ago") {
    TargetBuckets buckets(1, 1, 3);
    for (const char* name : {"a", "b", "c"}) CHECK(buckets.take(name, 1, 0));
    CHECK(buckets.take("a", 1, 1'000'000));  // now b is the oldest
    CHECK(buckets.take("d", 1, 1'000'000));
    CHECK(buckets.size() == 3);
    CHECK_FALSE(buckets.take("a", 1, 1'000'001));
    CHECK_FALSE(buckets.take("d", 1, 1'000'001));
}

TEST_CASE("a rate of 0 is no limit and remembers nobody") {
    TargetBuckets buckets(0, 0, 3);
    for (int i = 0; i < 1'000; ++i) CHECK(buckets.take("a", 1'000, 0));
    CHECK(buckets.size() == 0);
}
