#include <doctest/doctest.h>

#include <cmath>

#include "protocol/config/toml.hpp"

using namespace edge;

namespace {

struct Api {
    static constexpr bool fields_have_defaults = true;
    std::string listen = "127.0.0.1:8080";
    bool tls = false;
    std::uint16_t port = 1;
    std::map<std::string, std::string> labels;
    std::vector<std::string> names;
};
BOOST_DESCRIBE_STRUCT(Api, (), (listen, tls, port, labels, names))

struct Entry {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::uint32_t mark = 0;
    double ratio = 0;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (name, mark, ratio))

struct Config {
    static constexpr bool fields_have_defaults = true;
    Api api;
    std::vector<Entry> line;
    std::map<std::string, Entry> by_name;
};
BOOST_DESCRIBE_STRUCT(Config, (), (api, line, by_name))

std::string problems(std::string_view text) {
    const auto config = decode_toml<Config>(text, "f.toml");
    return config ? std::string() : lines_of(config.error());
}

}  // namespace

TEST_CASE("what stands in the file is taken, the rest keeps its default") {
    const auto config = decode_toml<Config>(
        "[api]\nport = 0xff\nlabels = {a=\"1\", b=\"2\"}\nnames = [\n 'x',\n 'y' "
        "]\n[[line]]\nname='t'\nmark=0x101\n[[line]]\nratio=0.5\n",
        "f.toml");
    REQUIRE(config);
    CHECK(config.value().api.port == 255);
    CHECK(config.value().api.listen == "127.0.0.1:8080");
    CHECK(config.value().api.labels.at("b") == "2");
    CHECK(config.value().api.names.size() == 2);
    CHECK(config.value().line.size() == 2);
    CHECK(config.value().line[0].mark == 0x101);
    CHECK(config.value().line[1].ratio == doctest::Approx(0.5));
    REQUIRE(decode_toml<Config>("", "f.toml"));
}

TEST_CASE("each problem says file, line and column, and all are told at once") {
    CHECK(problems("[api]\nlisen = \"x\"\ntls = 1\nport = 70000\n[[line]]\nname = 5\n") ==
          "f.toml:2:1: unknown key \"lisen\"; did you mean \"listen\"?\n"
          "f.toml:3:1: api.tls must be true or false, not an integer\n"
          "f.toml:4:1: api.port: 70000 is out of range\n"
          "f.toml:6:1: line.name must be a string, not an integer");
}

TEST_CASE("where the eye should look, by kind of mistake") {
    struct Case {
        std::string text;
        std::string problem;
    };
    for (const auto& [text, problem] : {
             Case{"[apy]\n", "f.toml:1:2: unknown key \"apy\"; did you mean \"api\"?"},
             Case{"api = 3\n", "f.toml:1:1: api must be a table, not an integer"},
             Case{"\n  api.prt = 3\n", "f.toml:2:7: unknown key \"prt\"; did you mean \"port\"?"},
             Case{"[api]\nnames = ['a', 3]\n", "f.toml:2:15: each of api.names must be a string, not an integer"},
             Case{"[api]\nlabels = {x = 3}\n", "f.toml:2:11: api.labels.x must be a string, not an integer"},
             Case{"[line]\nname='x'\n", "f.toml:1:2: write [[line]], not [line]: it is a list"},
             Case{"[[api]]\ntls=true\n", "f.toml:1:3: write [api], not [[api]]: it is one"},
             Case{"[api]\nnames = 'a'\n", "f.toml:2:1: api.names must be an array, not a string"},
             Case{"[api]\ntls = 'yes'\n", "f.toml:2:1: api.tls must be true or false, not a string"},
             Case{"[api]\nport = true\n", "f.toml:2:1: api.port must be an integer, not a boolean"},
             Case{"[api]\nport = -1\n", "f.toml:2:1: api.port: -1 is out of range"},
             Case{"[api]\nport = 1.0\n", "f.toml:2:1: api.port must be an integer, not a float"},
             Case{"[api]\nport = 9223372036854775807\n", "f.toml:2:1: api.port: 9223372036854775807 is out of range"},
             Case{"[api]\nlisten = 2024-01-01\n", "f.toml:2:1: api.listen must be a string, not a date or time"},
         }) {
        CAPTURE(text);
        CHECK(problems(text) == problem);
    }
}

TEST_CASE("a file that is not TOML says where it stops being so") {
    for (const std::string text : {"[api\n", "a =\n", "a = 1\na = 2\n", "[api]\n[api]\n", "= 1\n", "a = \"x\n",
                                   "\xff = 1\n", "a = 0777\n", "a = 99999999999999999999\n"}) {
        CAPTURE(text);
        const auto config = decode_toml<Config>(text, "f.toml");
        REQUIRE_FALSE(config);
        REQUIRE(config.error().size() == 1);
        CHECK(config.error()[0].code == Errc::bad_syntax);
        CHECK(config.error()[0].where.starts_with("f.toml:"));
        CHECK_FALSE(config.error()[0].detail.empty());
    }
}

TEST_CASE("a table's name that is none, and letters that are not ASCII, are problems or text like any other") {
    for (const std::string text :
         {"[=]\n", "[[=]]\n", "[\xc3\xa9]\n", "[[\0]]\n", "\xc5\xb6 = 1\n", "a.b\t\xc5\xb6 = 1\n", "a = \xc3\xa9\n"}) {
        CAPTURE(text);
        CHECK(problems(text).starts_with("f.toml:"));
    }
    CHECK(
        problems("[api.labels]\n\"\xc3\xa9\" = '\xc5\xb6'\n# \xc3\xa9\n\"\xe5\xb9\xbf\" = \"\"\"\\\n \xc3\xa9\"\"\"\n")
            .empty());
}

TEST_CASE("a key with ~ or / in it has a position like any other, and does not hide the next problem") {
    CHECK(problems("[api]\n\"a/b~\" = 1\nport = 'x'\n") ==
          "f.toml:2:1: unknown key \"a/b~\"\nf.toml:3:1: api.port must be an integer, not a string");
    CHECK(problems("[api.labels]\n\"x~y/z\" = 5\nok = 'x'\nalso = 6\n") ==
          "f.toml:2:1: api.labels.x~y/z must be a string, not an integer\n"
          "f.toml:4:1: api.labels.also must be a string, not an integer");
    CHECK(problems("[by_name.\"a~b\"]\nmark = 'x'\nname = 4\n") ==
          "f.toml:2:1: by_name.a~b.mark must be an integer, not a string\n"
          "f.toml:3:1: by_name.a~b.name must be a string, not an integer");
}

TEST_CASE("values JSON does not know are taken where a number is, and named where it is not") {
    const auto config = decode_toml<Config>("[[line]]\nratio = nan\n[[line]]\nratio = -inf\n", "f.toml");
    REQUIRE(config);
    CHECK(std::isnan(config.value().line[0].ratio));
    CHECK(std::isinf(config.value().line[1].ratio));
    CHECK(problems("[api]\nport = inf\n") == "f.toml:2:1: api.port must be an integer, not a float");
}

TEST_CASE("size, nesting and the number of problems are bounded") {
    CHECK(decode_toml<Config>(std::string(1024 * 1024 + 1, '#'), "f.toml").error()[0].code == Errc::too_large);

    std::string many = "[api]\n";
    for (int i = 0; i < 100; ++i) many += "key" + std::to_string(i) + "qqqqqqqqq = 1\n";
    CHECK(decode_toml<Config>(many, "f.toml").error().size() == 20);

    std::string dotted = "a";
    for (int i = 0; i < 100'000; ++i) dotted += ".a";
    CHECK_FALSE(decode_toml<Config>(dotted + " = 1\n", "f.toml"));
    CHECK_FALSE(decode_toml<Config>("[" + dotted + "]\n", "f.toml"));
    CHECK_FALSE(decode_toml<Config>("a = " + std::string(100'000, '['), "f.toml"));
    std::string tables = "a = ";
    for (int i = 0; i < 100'000; ++i) tables += "{a=";
    CHECK_FALSE(decode_toml<Config>(tables, "f.toml"));
    // Behind a string of several lines as well, which may hold a '#' and end in quotes of its own.
    for (const std::string before : {"a = \"\"\"\n\"\"\"", "a = \"\"\"\n# \"\"\"", "a = \"\"\"x\"\"\"\"",
                                     "a = '''\n'''''", "a = \"\"\"\\\"\"\"\"\""}) {
        CAPTURE(before);
        CHECK(problems("x = {" + before + ", " + dotted + " = 1}\n") == "f.toml: a dotted key of more than 16 parts");
        CHECK(problems("x = {" + before + "}\n") == "f.toml:1:1: unknown key \"x\"");
    }
    CHECK(problems("# " + dotted + "\n[api]\nlisten = \"" + dotted + "\" # " + dotted + "\n").empty());
}
