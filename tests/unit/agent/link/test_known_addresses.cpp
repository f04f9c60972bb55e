#include "agent/link/known_addresses.hpp"

#include <doctest/doctest.h>

#include "tests/unit/agent/forgetful_disk.hpp"

using namespace edge::agent;

namespace {

const std::string kBroker = "broker.example:7443";
using Addresses = std::vector<std::string>;

}  // namespace

TEST_CASE("a name and what was known of it are tried by turns, until a session is live") {
    ForgetfulDisk disk;
    KnownAddresses known(disk);
    known.failed(kBroker, 0);
    CHECK(known.instead_of(kBroker, 0).empty());  // nothing is known
    REQUIRE(known.live(kBroker, {"192.0.2.1", "2001:db8::1"}));
    CHECK(known.instead_of(kBroker, 0).empty());
    known.failed(kBroker, 0);
    CHECK(known.instead_of(kBroker, 0) == Addresses{"192.0.2.1", "2001:db8::1"});
    CHECK(known.instead_of("other.example:7443", 0).empty());
    known.failed(kBroker, 0);
    CHECK(known.instead_of(kBroker, 0).empty());
    known.failed(kBroker, 0);
    REQUIRE(known.live(kBroker, {"192.0.2.1", "2001:db8::1"}));
    CHECK(known.instead_of(kBroker, 0).empty());
}

TEST_CASE("over each uplink both are tried, whatever the order of the dials") {
    ForgetfulDisk disk;
    KnownAddresses known(disk);
    REQUIRE(known.live(kBroker, {"192.0.2.1"}));
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t uplink : {0, 1}) {
            CHECK(known.instead_of(kBroker, uplink).empty() == (round == 0));
            known.failed(kBroker, uplink);
        }
    }
    known.failed(kBroker, 0);
    REQUIRE(known.live(kBroker, {"192.0.2.1"}));  // over the other
    CHECK(known.instead_of(kBroker, 0).empty());
}

TEST_CASE("they outlive the process, and damage is learnt anew") {
    ForgetfulDisk disk;
    REQUIRE(KnownAddresses(disk).live(kBroker, {"192.0.2.1"}));
    REQUIRE(KnownAddresses(disk).live(kBroker, {"192.0.2.7"}));
    KnownAddresses later(disk);
    later.failed(kBroker, 0);
    CHECK(later.instead_of(kBroker, 0) == Addresses{"192.0.2.7"});
    for (const char* damage : {"", "{", "[]", R"({"brokers":{"a":[1]}})"}) {
        REQUIRE(disk.replace(kAddressesFile, damage));
        KnownAddresses anew(disk);
        anew.failed(kBroker, 0);
        CHECK(anew.instead_of(kBroker, 0).empty());
    }
}
