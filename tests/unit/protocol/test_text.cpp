#include <doctest/doctest.h>

#include <limits>

#include "protocol/json/text.hpp"

using namespace edge;

namespace {

enum class Colour { red, default_ };
BOOST_DESCRIBE_ENUM(Colour, red, default_)

struct Inner {
    std::string name;
    std::int8_t level = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, level))

struct Outer {
    std::optional<std::uint32_t> missing;
    std::uint64_t large = std::numeric_limits<std::uint64_t>::max();
    std::int64_t small = std::numeric_limits<std::int64_t>::min();
    double ratio = 0.1;
    bool flag = true;
    Colour class_ = Colour::default_;
    LineName line = LineName::parse("telecom").value();
    std::optional<Inner> there = Inner{"a", -128};
    std::vector<Inner> list{{"b", 1}, {"", 127}};
    std::vector<std::string> none;
    std::map<std::string, Inner> by_name{{"x \"y\"", {"c", 0}}, {"z", {"d", 0}}};
    Json tree = Json{{"b", 1}, {"a", nullptr}};
};
BOOST_DESCRIBE_STRUCT(Outer, (), (missing, large, small, ratio, flag, class_, line, there, list, none, by_name, tree))

struct Bounded {
    std::string text;
    std::optional<double> ratio;
    std::vector<std::string> list;
};
BOOST_DESCRIBE_STRUCT(Bounded, (), (text, ratio, list))

}  // namespace

TEST_CASE("a struct is written as its tree is") {
    Outer outer;
    CHECK(json_text(outer) == dump_json(encode(outer)));
    for (const double ratio : {0.0, -0.0, 1e300, 5e-324, std::numeric_limits<double>::quiet_NaN()}) {
        outer.ratio = ratio;
        CHECK(json_text(outer) == dump_json(encode(outer)));
    }
}

TEST_CASE("each text is written as in a tree, whatever is in it") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    std::vector<std::string> texts{"", "plain", "电信", "\xff\xfe cut \xe2\x82", all};
    for (const char c : all) texts.push_back("a" + std::string(1, c) + "b");
    for (const std::string& text : texts) {
        CAPTURE(text);
        CHECK(json_text(text) == dump_json(Json(text)));
        CHECK(check_json(json_text(text)));
    }
}

TEST_CASE("no text is longer than it was said to be") {
    for (const std::string& text :
         {std::string(), std::string("plain"), std::string(1000, '\x01'), std::string(10, '\xff')}) {
        for (const double ratio : {-1.7976931348623157e308, 0.1, -2.2250738585072014e-308}) {
            const Bounded one{text, ratio, {text, text}};
            CHECK(json_text(one).size() <= most_json_bytes(one));
            const Bounded other{text, {}, {}};
            CHECK(json_text(other).size() <= most_json_bytes(other));
        }
    }
}
