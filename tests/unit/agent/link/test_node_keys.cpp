// A key is replaced step by step; whatever is killed, a key that the broker takes is on the disk.
#include "agent/link/node_keys.hpp"

#include <doctest/doctest.h>

#include <set>

#include "agent/link/identity.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr std::uint64_t kWall = 1'700'000'000'000'000;

/// What the broker knows, by the rule of docs/protocol.md: the old key is good until the new one is used.
struct Broker {
    PublicKey key{};
    std::optional<PublicKey> next;

    bool takes(const PublicKey& signed_by) {
        if (next == signed_by) key = signed_by, next.reset();
        return key == signed_by;
    }
    void store(const std::string& base64) {
        const auto bytes = from_base64(base64).value();
        std::copy(bytes.begin(), bytes.end(), next.emplace().begin());
    }
};

/// Dials until it is in, as the link does; false: it never is.
bool joins(NodeKeys& keys, Broker& broker) {
    do {
        if (broker.takes(keys.hello_key().public_key())) return static_cast<bool>(keys.accepted(kWall));
    } while (keys.refused());
    return false;
}

ForgetfulDisk enrolled(Broker& broker) {
    ForgetfulDisk disk;
    const SigningKey key = SigningKey::generate();
    broker.key = key.public_key();
    REQUIRE(save_key(disk, key));
    return disk;
}

/// One rotation, from the order to the first hello with the new key. False: it was cut short.
bool rotate(Disk& disk, Broker& broker, int broker_dies_at) {
    auto loaded = NodeKeys::load(disk);
    if (!loaded) return false;
    NodeKeys keys = std::move(loaded.value());
    if (!joins(keys, broker) || !keys.make_next()) return false;
    const auto offer = keys.offer(NodeId{});
    if (broker_dies_at == 1) return false;  // before it stored the key
    broker.store(offer.value().public_key);
    if (broker_dies_at == 2) return false;  // before it said so
    if (!keys.taken(offer.value().public_key, kWall)) return false;
    return joins(keys, broker);
}

}  // namespace

TEST_CASE(
    "a new key takes the place of the old one: on the disk before it is told, the node's when the broker has it") {
    Broker broker;
    ForgetfulDisk disk = enrolled(broker);
    NodeKeys keys = NodeKeys::load(disk).value();
    const PublicKey old = keys.hello_key().public_key();
    CHECK(!keys.offer(NodeId{}));
    REQUIRE(keys.make_next());
    const auto offer = keys.offer(NodeId{}).value();
    CHECK(to_base64(load_key(disk, kNextKeyFile).value().public_key()) == offer.public_key);
    REQUIRE(keys.make_next());  // asked twice: the same one
    CHECK(keys.offer(NodeId{}).value().public_key == offer.public_key);
    CHECK(keys.hello_key().public_key() == old);
    REQUIRE(keys.taken("another", kWall));
    CHECK(keys.hello_key().public_key() == old);
    REQUIRE(keys.taken(offer.public_key, kWall));
    CHECK(to_base64(keys.hello_key().public_key()) == offer.public_key);
    CHECK(to_base64(load_key(disk).value().public_key()) == offer.public_key);
    CHECK(!disk.has(kNextKeyFile));
    CHECK(!keys.offer(NodeId{}));
}

TEST_CASE("an offer is signed by both keys, for this node") {
    Broker broker;
    ForgetfulDisk disk = enrolled(broker);
    NodeKeys keys = NodeKeys::load(disk).value();
    REQUIRE(keys.make_next());
    NodeId node;
    node.bytes[0] = 7;
    const auto offer = keys.offer(node).value();
    const auto bytes = from_base64(offer.public_key).value();
    PublicKey next{};
    std::copy(bytes.begin(), bytes.end(), next.begin());
    const std::string input = link::new_key_signing_input(node, std::string(bytes.begin(), bytes.end()));
    const auto is_by = [&](const PublicKey& key, const std::string& text) {
        const auto raw = from_base64(text).value();
        Signature signature{};
        std::copy(raw.begin(), raw.end(), signature.begin());
        return verify_ed25519(key, as_bytes(input), signature);
    };
    CHECK(is_by(broker.key, offer.by_old));
    CHECK(is_by(next, offer.by_new));
}

TEST_CASE("a power cut at any step, on either side, leaves a node that joins") {
    int changes = 0;
    {
        Broker broker;
        ForgetfulDisk disk = enrolled(broker);
        const int before = disk.changes();
        REQUIRE(rotate(disk, broker, 0));
        changes = disk.changes() - before;
    }
    REQUIRE(changes >= 4);
    std::mt19937 random(11);
    for (int step = 1; step <= changes; ++step) {
        for (const auto leaves : ForgetfulDisk::kLeaves) {
            CAPTURE(step);
            Broker broker;
            ForgetfulDisk disk = enrolled(broker);
            disk.cut_at(step);
            (void)rotate(disk, broker, 0);
            disk.restart(leaves, random);
            CHECK(rotate(disk, broker, 0));  // it joins, and a rotation goes through
        }
    }
    for (const int dies_at : {1, 2}) {
        Broker broker;
        ForgetfulDisk disk = enrolled(broker);
        CHECK(!rotate(disk, broker, dies_at));
        CHECK(rotate(disk, broker, 0));
    }
}

TEST_CASE("the old key lapsed at the broker while the answer was lost: the new one is tried, and each only once") {
    Broker broker;
    ForgetfulDisk disk = enrolled(broker);
    NodeKeys keys = NodeKeys::load(disk).value();
    REQUIRE(keys.make_next());
    broker.store(keys.offer(NodeId{}).value().public_key);
    broker.key = *broker.next;  // a day passed
    broker.next.reset();
    NodeKeys later = NodeKeys::load(disk).value();
    CHECK(joins(later, broker));
    CHECK(!later.offer(NodeId{}));
    broker.key = SigningKey::generate().public_key();  // enrolled anew elsewhere
    CHECK(!joins(later, broker));
}

TEST_CASE("a broker that came back from a backup takes the old key, and is offered the newer one again") {
    Broker broker;
    ForgetfulDisk disk = enrolled(broker);
    const Broker backup = broker;
    REQUIRE(rotate(disk, broker, 0));
    const PublicKey newer = broker.key;
    broker = backup;
    NodeKeys keys = NodeKeys::load(disk).value();
    REQUIRE(joins(keys, broker));
    CHECK(keys.hello_key().public_key() == backup.key);
    CHECK(keys.offer(NodeId{}).value().public_key == to_base64(newer));
    CHECK(to_base64(load_key(disk).value().public_key()) == to_base64(backup.key));
    CHECK(rotate(disk, broker, 0));
    CHECK(broker.key == newer);
}

TEST_CASE("a key's age counts from when it was made, or from when that was first asked") {
    Broker broker;
    ForgetfulDisk disk = enrolled(broker);
    NodeKeys keys = NodeKeys::load(disk).value();
    CHECK(!keys.is_older_than(100, kWall).value());
    CHECK(!NodeKeys::load(disk).value().is_older_than(100, kWall + 99'000'000).value());
    CHECK(NodeKeys::load(disk).value().is_older_than(100, kWall + 100'000'000).value());
    CHECK(!NodeKeys::load(disk).value().is_older_than(100, kWall - 500'000'000).value());  // the clock went back
    REQUIRE(keys.make_next());
    REQUIRE(keys.taken(keys.offer(NodeId{}).value().public_key, kWall + 200'000'000));
    CHECK(!NodeKeys::load(disk).value().is_older_than(100, kWall + 299'000'000).value());
}

TEST_CASE("pins: what the broker announces is taken, what it cannot be is not") {
    const std::string one = pin_text(Digest{1}), two = pin_text(Digest{2}), three = pin_text(Digest{3});
    Identity identity{{}, {}, "https://broker.example:7443", one, {}};
    CHECK(!take_pins(identity, {one, {}}).value());
    CHECK(take_pins(identity, {one, two}).value());
    CHECK(identity.next_pin == two);
    CHECK(endpoint_of(identity).value().next_pin == Digest{2});
    CHECK(take_pins(identity, {three, {}}).error().code == Errc::denied);
    CHECK(!take_pins(identity, {two, std::string("garbage")}));
    CHECK(identity.pin == one);
    CHECK(take_pins(identity, {two, {}}).value());  // it has taken the next one
    CHECK(identity.pin == two);
    CHECK(!identity.next_pin);
}
