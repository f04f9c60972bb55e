#include <doctest/doctest.h>

#include <set>
#include <unordered_set>

#include "protocol/crypto/keys.hpp"
#include "protocol/ids.hpp"

using namespace edge;

TEST_CASE("an id is its prefix and 26 characters, and comes back from its text") {
    RunId id;
    fill_random(id.bytes);
    const std::string text = id.text();
    CHECK(text.size() == 30);
    CHECK(text.starts_with("run_"));
    const auto parsed = RunId::parse(text);
    REQUIRE(parsed);
    CHECK(parsed.value() == id);
    CHECK(std::hash<RunId>{}(parsed.value()) == std::hash<RunId>{}(id));
}

TEST_CASE("an id of another kind, without its prefix or cut short is refused") {
    const std::string body(26, '0');
    for (const std::string& bad :
         {"job_" + body, body, "run" + body, "run-" + body, "run_" + body + "0", "run_" + body.substr(1), "RUN_" + body,
          "run_" + body.substr(1) + "u", "run_8" + body.substr(1), std::string("run_"), std::string()}) {
        CAPTURE(bad);
        const auto parsed = RunId::parse(bad);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == Errc::bad_value);
    }
    CHECK(RunId::parse("run_" + body).value().is_nil());
}

TEST_CASE("a UUID of version 7 carries the time in front, so that ids sort by it") {
    std::array<std::uint8_t, 10> random{};
    random.fill(0xff);
    // RFC 9562 appendix A.6: 2022-02-22 19:22:22 UTC.
    const Uuid uuid = make_uuid7(0x017F22E279B0, random);
    CHECK(to_hex(uuid) == "017f22e279b07fffbfffffffffffffff");
    CHECK(make_uuid7(1, random) < make_uuid7(2, random));
    CHECK(make_uuid7(0xffff, random) < make_uuid7(0x10000, random));
}

TEST_CASE("a UUID of version 8 names the same thing for the same hash, however short the hash") {
    const auto digest = sha256(as_bytes("job 1, revision 2, tick 3"));
    CHECK(make_uuid8(digest) == make_uuid8(digest));
    CHECK(make_uuid8(digest) != make_uuid8(sha256(as_bytes("job 1, revision 2, tick 4"))));
    CHECK((make_uuid8(digest)[6] >> 4) == 8);
    CHECK((make_uuid8(digest)[8] >> 6) == 2);
    CHECK(to_hex(make_uuid8({})) == "00000000000080008000000000000000");
}

TEST_CASE("a name is 1 to 31 of a-z, 0-9 and '-'") {
    for (const std::string good : {"a", "0", "telecom", "gz-1", "a-", "a--b"}) {
        CAPTURE(good);
        REQUIRE(LineName::parse(good));
        CHECK(LineName::parse(good).value().text() == good);
    }
    CHECK(LineName::parse(std::string(31, 'a')));
    for (const std::string& bad :
         {std::string(), std::string(32, 'a'), std::string("-a"), std::string("A"), std::string("a b"),
          std::string("a_b"), std::string("a/b"), std::string("a\n"), std::string("电信"), std::string("a\0b", 3)}) {
        CAPTURE(bad);
        CHECK_FALSE(LineName::parse(bad));
    }
}

TEST_CASE("ids and names can be keys of maps") {
    std::unordered_set<TaskId> ids;
    std::set<NodeName> names;
    for (int i = 0; i < 100; ++i) {
        TaskId id;
        fill_random(id.bytes);
        ids.insert(id);
        names.insert(NodeName::parse("n" + std::to_string(i)).value());
    }
    CHECK(ids.size() == 100);
    CHECK(names.size() == 100);
}
