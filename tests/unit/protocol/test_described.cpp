#include <doctest/doctest.h>

#include "protocol/json/described.hpp"

using namespace edge;

namespace {

enum class Colour { red, green, default_ };
BOOST_DESCRIBE_ENUM(Colour, red, green, default_)

struct Inner {
    std::string name;
    std::int8_t level = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, level))

struct Lenient {
    static constexpr bool fields_have_defaults = true;
    std::uint16_t port = 53;
    std::string class_ = "IN";
};
BOOST_DESCRIBE_STRUCT(Lenient, (), (port, class_))

struct Named {
    static constexpr bool fields_have_defaults = true;
    LineName line;
    std::uint32_t pids = 0;
};
BOOST_DESCRIBE_STRUCT(Named, (), (line, pids))

struct Outer {
    std::uint32_t count = 0;
    std::int64_t offset = 0;
    double ratio = 0;
    bool flag = false;
    Colour colour = Colour::red;
    LineName line;
    std::optional<std::uint8_t> small;
    std::vector<Inner> list;
    std::map<std::string, Inner> by_name;
    Lenient lenient;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (count, offset, ratio, flag, colour, line, small, list, by_name, lenient))

constexpr std::string_view kWhole =
    R"({"count":3,"offset":-9,"ratio":0.5,"flag":true,"colour":"default","line":"telecom","small":255,)"
    R"("list":[{"name":"a","level":-128}],"by_name":{"x":{"name":"b","level":127}},"lenient":{"port":1,"class":"CH"}})";

Json whole() {
    return parse_json(kWhole).value();
}

Json patched(std::string_view patch) {
    Json json = whole();
    json.update(parse_json(patch).value(), false);
    return json;
}

}  // namespace

TEST_CASE("a struct comes back from its JSON, members in the order of their description") {
    const auto decoded = decode<Outer>(whole(), UnknownFields::reject);
    REQUIRE(decoded);
    CHECK(decoded.value().colour == Colour::default_);
    CHECK(decoded.value().small == 255);
    CHECK(decoded.value().list.at(0).level == -128);
    CHECK(decoded.value().lenient.class_ == "CH");
    CHECK(dump_json(encode(decoded.value())) == kWhole);
}

TEST_CASE("an empty optional is left out, and null is taken as empty") {
    auto decoded = decode<Outer>(patched(R"({"small":null})"), UnknownFields::reject);
    REQUIRE(decoded);
    CHECK_FALSE(decoded.value().small);
    CHECK_FALSE(encode(decoded.value()).contains("small"));
}

TEST_CASE("a struct of defaults may lack every field, another may lack none but its optionals") {
    const auto lenient = decode<Lenient>(Json::object(), UnknownFields::reject);
    REQUIRE(lenient);
    CHECK(lenient.value().port == 53);
    for (const std::string key : {"count", "offset", "ratio", "flag", "colour", "line", "list", "by_name", "lenient"}) {
        CAPTURE(key);
        Json json = whole();
        json.erase(key);
        const auto decoded = decode<Outer>(json, UnknownFields::reject);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().where == "/" + std::string(key));
        CHECK(decoded.error().detail == "missing");
    }
}

TEST_CASE("a name has no default, so that what was taken can be said again") {
    const auto decoded = decode<Named>(Json{{"pids", 3}}, UnknownFields::ignore);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().where == "/line");
    CHECK(decode<Named>(Json{{"line", "telecom"}}, UnknownFields::ignore).value().pids == 0);
}

TEST_CASE("a wrong value is named by its JSON pointer and what was expected") {
    struct Case {
        std::string patch;
        std::string where;
        std::string detail;
    };
    for (const auto& [patch, where, detail] : {
             Case{R"({"count":-1})", "/count", "-1 is out of range"},
             Case{R"({"count":4294967296})", "/count", "4294967296 is out of range"},
             Case{R"({"count":3.0})", "/count", "expected an integer"},
             Case{R"({"count":1e2})", "/count", "expected an integer"},
             Case{R"({"count":"3"})", "/count", "expected an integer"},
             Case{R"({"count":null})", "/count", "expected an integer"},
             Case{R"({"count":true})", "/count", "expected an integer"},
             Case{R"({"ratio":"1"})", "/ratio", "expected a number"},
             Case{R"({"flag":1})", "/flag", "expected true or false"},
             Case{R"({"flag":"true"})", "/flag", "expected true or false"},
             Case{R"({"colour":"blue"})", "/colour", "expected one of red, green, default"},
             Case{R"({"colour":"default_"})", "/colour", "expected one of red, green, default"},
             Case{R"({"colour":0})", "/colour", "expected one of red, green, default"},
             Case{R"({"line":"Telecom"})", "/line",
                  "a name is 1 to 31 of a-z, 0-9 and '-', and does not begin with '-'"},
             Case{R"({"line":7})", "/line", "expected a string"},
             Case{R"({"small":256})", "/small", "256 is out of range"},
             Case{R"({"list":{}})", "/list", "expected an array"},
             Case{R"({"list":[{"name":"a","level":1},{"name":"b","level":300}]})", "/list/1/level",
                  "300 is out of range"},
             Case{R"({"list":[[]]})", "/list/0", "expected an object"},
             Case{R"({"list":[{"level":1}]})", "/list/0/name", "missing"},
             Case{R"({"by_name":[]})", "/by_name", "expected an object"},
             Case{R"({"by_name":{"k":{"name":1,"level":1}}})", "/by_name/k/name", "expected a string"},
             Case{R"({"lenient":{"port":65536}})", "/lenient/port", "65536 is out of range"},
             Case{R"({"lenient":[]})", "/lenient", "expected an object"},
         }) {
        CAPTURE(patch);
        const auto decoded = decode<Outer>(patched(patch), UnknownFields::reject);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == Errc::bad_value);
        CHECK(decoded.error().where == where);
        CHECK(decoded.error().detail == detail);
    }
    CHECK(decode<Outer>(Json::array(), UnknownFields::reject).error().where == "/");
}

TEST_CASE("a key nobody knows is an error with a guess where a person wrote it, and ignored on the link") {
    const Json typo = patched(R"({"lenient":{"prot":1}})");
    const auto strict = decode<Outer>(typo, UnknownFields::reject);
    REQUIRE_FALSE(strict);
    CHECK(strict.error().where == "/lenient/prot");
    CHECK(strict.error().detail == "unknown key \"prot\"; did you mean \"port\"?");
    const auto loose = decode<Outer>(typo, UnknownFields::ignore);
    REQUIRE(loose);
    CHECK(loose.value().lenient.port == 53);
}

TEST_CASE("~ and / in a key are escaped in the pointer, as RFC 6901 says") {
    const auto decoded =
        decode<Outer>(patched(R"({"by_name":{"a/b~c":{"name":"x","level":1000}}})"), UnknownFields::reject);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().where == "/by_name/a~1b~0c/level");
    const auto unknown = decode<Lenient>(parse_json(R"({"~x/y":1})").value(), UnknownFields::reject);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().where == "/~0x~1y");
    // What nlohmann makes of the pointer is the key again.
    CHECK(parse_json(R"({"~x/y":5})").value()[Json::json_pointer(unknown.error().where)] == 5);
}

TEST_CASE("a hostile key is quoted without its control characters and not at full length") {
    Json json = Json::object();
    json["a\nb\x1b[31m" + std::string(10'000, 'x')] = 1;
    const auto decoded = decode<Lenient>(json, UnknownFields::reject);
    REQUIRE_FALSE(decoded);
    const std::string message = decoded.error().message();
    CHECK(message.size() < 300);
    for (const char c : message) CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE("the largest and smallest of each integer type fit, one more does not") {
    const auto fits = []<class T>(T, std::string_view text) {
        T out{};
        return bool(decode_into(out, parse_json(text).value(), UnknownFields::reject));
    };
    CHECK(fits(std::uint8_t{}, "255"));
    CHECK_FALSE(fits(std::uint8_t{}, "256"));
    CHECK_FALSE(fits(std::uint8_t{}, "-1"));
    CHECK(fits(std::int8_t{}, "-128"));
    CHECK_FALSE(fits(std::int8_t{}, "-129"));
    CHECK(fits(std::uint16_t{}, "65535"));
    CHECK_FALSE(fits(std::uint16_t{}, "65536"));
    CHECK(fits(std::int32_t{}, "-2147483648"));
    CHECK_FALSE(fits(std::int32_t{}, "2147483648"));
    CHECK(fits(std::uint64_t{}, "9007199254740992"));
    CHECK_FALSE(fits(std::uint64_t{}, "-1"));
}
