#include "agent/link/enroll.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <random>

#include "protocol/json/described.hpp"
#include "protocol/link/envelopes.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

const std::string kToken = "edgej_id.secret.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const EnrollOrder kOrder{"https://broker.example:7443", kToken, "gz-1", {{"city", "guangzhou"}}};

/// A broker that answers from a script and keeps what it was asked.
struct AnsweringBroker {
    std::vector<Result<HttpAnswer>> script;
    std::vector<link::EnrollRequest> asked;
    Post post() {
        return [this](const Endpoint&, const std::string& path, const std::string& body) {
            CHECK(path == "/edge/v1/enroll");
            auto request = link::decode_enroll_request(body);
            REQUIRE(request);
            asked.push_back(request.value());
            auto answer = script.front();
            script.erase(script.begin());
            return answer;
        };
    }
};

HttpAnswer welcome() {
    link::EnrollReply reply;
    reply.node_id.bytes[15] = 7;
    reply.name = NodeName::parse("gz-1").value();
    reply.project = "default";
    return {201, link::encode_enroll_reply(reply)};
}

Error lost() {
    return {Errc::io, "broker.example:7443", "no answer"};
}

bool proves_its_key(const link::EnrollRequest& request) {
    const auto key = from_base64(request.public_key);
    const auto signature = from_base64(request.signature);
    if (!key || key->size() != 32 || !signature || signature->size() != 64) return false;
    PublicKey public_key{};
    std::copy(key->begin(), key->end(), public_key.begin());
    Signature bytes{};
    std::copy(signature->begin(), signature->end(), bytes.begin());
    return verify_ed25519(
        public_key, as_bytes(link::enroll_signing_input(request.token, std::string(key->begin(), key->end()))), bytes);
}

}  // namespace

TEST_CASE("a node that joined has a key and an identity, and proved the one to get the other") {
    ForgetfulDisk disk;
    AnsweringBroker broker{{welcome()}, {}};
    const auto identity = enroll(disk, kOrder, broker.post());
    REQUIRE(identity);
    CHECK(proves_its_key(broker.asked.at(0)));
    CHECK(broker.asked[0].name == "gz-1");
    CHECK(load_identity(disk).value().name.text() == "gz-1");
    CHECK(load_identity(disk).value().pin == "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    CHECK(to_base64(load_key(disk).value().public_key()) == broker.asked[0].public_key);
}

TEST_CASE("only a refusal removes the key, and each answer is told with what to do") {
    enum class Key { kept, removed };
    struct Case {
        const char* name;
        Result<HttpAnswer> answer;
        Errc code;
        Key key;
        const char* said;
    };
    const char* again = "try again with the same command";
    const Case cases[] = {
        {"unknown", HttpAnswer{401, ""}, Errc::denied, Key::removed, "HTTP 401"},
        {"used", HttpAnswer{403, R"({"detail":"the join token was used"})"}, Errc::denied, Key::removed, "was used"},
        {"taken", HttpAnswer{409, R"({"detail":"the name is taken"})"}, Errc::denied, Key::removed, "is taken"},
        {"bad value", HttpAnswer{422, R"({"detail":"/name: bad"})"}, Errc::denied, Key::removed, "/name: bad"},
        {"escapes", HttpAnswer{403, R"({"detail":"a\u001b[31m\nb"})"}, Errc::denied, Key::removed, "a [31m b"},
        {"overloaded", HttpAnswer{503, ""}, Errc::unavailable, Key::kept, again},
        {"broken", HttpAnswer{500, R"({"detail":"a defect"})"}, Errc::unavailable, Key::kept,
         "a defect; the key is kept"},
        {"a proxy's", HttpAnswer{502, "<html>"}, Errc::unavailable, Key::kept, again},
        {"too many", HttpAnswer{429, ""}, Errc::unavailable, Key::kept, again},
        {"no broker's", HttpAnswer{302, "<html>"}, Errc::denied, Key::kept, "HTTP 302"},
        {"not found", HttpAnswer{404, "<html>"}, Errc::denied, Key::kept, "is that the URL"},
        {"wrong broker", HttpAnswer{200, "{}"}, Errc::denied, Key::kept, "not one of an edge-broker"},
        {"other key", Error{Errc::denied, "x", "another key than the pinned one"}, Errc::denied, Key::kept,
         "pinned one; is https://broker.example:7443 the broker that made the token?"},
        {"not there", Error{Errc::unavailable, "x", "connect: refused"}, Errc::unavailable, Key::kept, again},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            ForgetfulDisk disk;
            AnsweringBroker broker{{one.answer}, {}};
            const auto identity = enroll(disk, kOrder, broker.post());
            REQUIRE(!identity);
            CHECK(identity.error().code == one.code);
            CHECK_MESSAGE(identity.error().message().find(one.said) != std::string::npos, identity.error().message());
            CHECK(identity.error().message().find('\n') == std::string::npos);
            CHECK(disk.has(kKeyFile) == (one.key == Key::kept));
            CHECK(!disk.has(kIdentityFile));
            AnsweringBroker later{{welcome()}, {}};
            REQUIRE(enroll(disk, kOrder, later.post()));
            const bool same_key = later.asked.at(0).public_key == broker.asked.at(0).public_key;
            CHECK(same_key == (one.key == Key::kept));
        }
    }
}

TEST_CASE("a lost reply is asked for again with the same key") {
    ForgetfulDisk disk;
    AnsweringBroker broker{{lost(), welcome()}, {}};
    REQUIRE(enroll(disk, kOrder, broker.post()));
    REQUIRE(broker.asked.size() == 2);
    CHECK(broker.asked[0].public_key == broker.asked[1].public_key);
}

TEST_CASE("when every reply is lost the key is kept, and the same command later is the same node") {
    ForgetfulDisk disk;
    AnsweringBroker broker{{lost(), lost(), Error{Errc::unavailable, "x", "refused"}}, {}};
    const auto identity = enroll(disk, kOrder, broker.post());
    REQUIRE(!identity);
    CHECK(identity.error().code == Errc::io);
    CHECK(disk.has(kKeyFile));
    CHECK(!disk.has(kIdentityFile));
    AnsweringBroker later{{welcome()}, {}};
    REQUIRE(enroll(disk, kOrder, later.post()));
    CHECK(later.asked.at(0).public_key == broker.asked.at(0).public_key);
}

TEST_CASE("a node that joined already is not joined again") {
    ForgetfulDisk disk;
    AnsweringBroker broker{{welcome()}, {}};
    REQUIRE(enroll(disk, kOrder, broker.post()));
    const auto again = enroll(disk, kOrder, broker.post());
    REQUIRE(!again);
    CHECK(again.error().code == Errc::conflict);
    CHECK(disk.has(kKeyFile));
}

TEST_CASE("a power cut at any step leaves a node that can join by the same command") {
    int changes = 0;
    {
        ForgetfulDisk disk;
        AnsweringBroker broker{{welcome()}, {}};
        REQUIRE(enroll(disk, kOrder, broker.post()));
        changes = disk.changes();
    }
    std::mt19937 random(7);
    for (int step = 1; step <= changes; ++step) {
        for (const auto leaves : ForgetfulDisk::kLeaves) {
            CAPTURE(step);
            ForgetfulDisk disk;
            disk.cut_at(step);
            AnsweringBroker broker{{welcome()}, {}};
            CHECK(!enroll(disk, kOrder, broker.post()));
            disk.restart(leaves, random);
            AnsweringBroker later{{welcome()}, {}};
            const auto again = enroll(disk, kOrder, later.post());
            CHECK((again || again.error().code == Errc::conflict));
            REQUIRE(load_identity(disk));
            const auto key = to_base64(load_key(disk).value().public_key());
            if (!broker.asked.empty()) CHECK(broker.asked[0].public_key == key);
        }
    }
}

namespace {

link::EnrollReply reply_of(std::uint8_t node) {
    link::EnrollReply reply;
    reply.node_id.bytes[15] = node;
    reply.name = NodeName::parse("gz-1").value();
    reply.project = "default";
    return reply;
}

/// A node that has joined and run: its key was replaced once.
ForgetfulDisk joined_before() {
    ForgetfulDisk disk;
    AnsweringBroker broker{{welcome()}, {}};
    REQUIRE(enroll(disk, kOrder, broker.post()));
    REQUIRE(save_counter(disk, 41));
    REQUIRE(save_key(disk, SigningKey::generate(), kOldKeyFile));
    return disk;
}

}  // namespace

TEST_CASE("an identity is replaced only when that is said, and whole: with --replace, once the broker has answered") {
    EnrollOrder order = kOrder;
    order.replace = true;
    ForgetfulDisk disk = joined_before();
    const auto old_key = load_key(disk).value().public_key();
    std::vector<NodeId> aside;
    const SetAside set_aside = [&](const agent::Identity* old) -> Result<> {
        aside.push_back(old ? old->node_id : NodeId{});
        return ok();
    };
    SUBCASE("refused: nothing changed") {
        AnsweringBroker broker{{HttpAnswer{403, ""}}, {}};
        CHECK(!enroll(disk, order, broker.post(), set_aside));
        CHECK(load_key(disk).value().public_key() == old_key);
        CHECK(load_counter(disk).value() == 41);
        CHECK(!disk.has(kEnrolKeyFile));
        CHECK(aside.empty());
    }
    SUBCASE("the same node: what it has not delivered stays where it is") {
        AnsweringBroker broker{{lost(), HttpAnswer{200, link::encode_enroll_reply(reply_of(7))}}, {}};
        REQUIRE(enroll(disk, order, broker.post(), set_aside));
        CHECK(broker.asked[0].public_key == broker.asked[1].public_key);
        CHECK(to_base64(load_key(disk).value().public_key()) == broker.asked[0].public_key);
        CHECK(load_key(disk).value().public_key() != old_key);
        CHECK(load_counter(disk).value() == 0);
        CHECK(!disk.has(kOldKeyFile));
        CHECK(aside.empty());
    }
    SUBCASE("another node: what this was is set aside") {
        AnsweringBroker broker{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
        REQUIRE(enroll(disk, order, broker.post(), set_aside));
        CHECK(load_identity(disk).value().node_id == reply_of(8).node_id);
        CHECK(aside == std::vector{reply_of(7).node_id});
    }
    SUBCASE("nobody knows who this was: it is set aside all the same") {
        REQUIRE(disk.replace(kIdentityFile, "{"));
        AnsweringBroker broker{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
        REQUIRE(enroll(disk, order, broker.post(), set_aside));
        CHECK(aside == std::vector{NodeId{}});
    }
    SUBCASE("it cannot be set aside: nothing changed") {
        AnsweringBroker broker{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
        CHECK(!enroll(disk, order, broker.post(), [](const agent::Identity*) -> Result<> { return Error{Errc::io}; }));
        CHECK(load_identity(disk).value().node_id == reply_of(7).node_id);
        CHECK(load_key(disk).value().public_key() == old_key);
        AnsweringBroker later{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
        REQUIRE(enroll(disk, order, later.post(), set_aside));
        CHECK(later.asked[0].public_key == broker.asked[0].public_key);
    }
}

TEST_CASE("a power cut at any step of a replacement leaves the old node, or one that the same command makes new") {
    EnrollOrder order = kOrder;
    order.replace = true;
    const auto run = [&](ForgetfulDisk& disk, AnsweringBroker& broker) {
        return enroll(disk, order, broker.post(), [&](const agent::Identity*) { return disk.remove(kIdentityFile); });
    };
    int changes = 0;
    {
        ForgetfulDisk disk = joined_before();
        const int before = disk.changes();
        AnsweringBroker broker{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
        REQUIRE(run(disk, broker));
        changes = disk.changes() - before;
    }
    std::mt19937 random(5);
    for (int step = 1; step <= changes; ++step) {
        for (const auto leaves : ForgetfulDisk::kLeaves) {
            CAPTURE(step);
            ForgetfulDisk disk = joined_before();
            disk.cut_at(step);
            AnsweringBroker broker{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
            (void)run(disk, broker);
            disk.restart(leaves, random);
            AnsweringBroker later{{HttpAnswer{200, link::encode_enroll_reply(reply_of(8))}}, {}};
            REQUIRE(run(disk, later));
            CHECK(load_identity(disk).value().node_id == reply_of(8).node_id);
            CHECK(to_base64(load_key(disk).value().public_key()) == later.asked[0].public_key);
            if (!broker.asked.empty()) CHECK(later.asked[0].public_key == broker.asked[0].public_key);
        }
    }
}

TEST_CASE("a join counter that a killed process had not brought to the medium is there before it is told") {
    std::mt19937 random(1);
    ForgetfulDisk disk;
    REQUIRE(save_counter(disk, 41));
    disk.fail_sync_names(EIO);
    REQUIRE(!save_counter(disk, 42));
    CHECK(load_counter(disk).value() == 42);
    disk.restart(ForgetfulDisk::Leaves::nothing, random);
    CHECK(load_counter(disk).value() == 42);
}

TEST_CASE("the join counter is kept, and missing it is zero") {
    ForgetfulDisk disk;
    CHECK(load_counter(disk).value() == 0);
    REQUIRE(save_counter(disk, 41));
    CHECK(load_counter(disk).value() == 41);
    REQUIRE(disk.replace(kCounterFile, "41x\n"));
    CHECK(!load_counter(disk));
}
