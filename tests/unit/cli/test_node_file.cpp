#include <doctest/doctest.h>

#include "cli/batch/csv.hpp"
#include "cli/batch/node_file.hpp"

namespace edge::cli {

TEST_CASE("rows and fields, as RFC 4180 has them") {
    struct Case {
        const char* text;
        std::vector<std::vector<std::string>> rows;
    };
    const Case cases[] = {
        {"", {}},
        {"a", {{"a"}}},
        {"a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
        {"a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
        {"\n\na\n\n", {{"a"}}},
        {",\n", {{"", ""}}},
        {"\"a,b\",\"say \"\"hi\"\"\"\n", {{"a,b", "say \"hi\""}}},
        {"\"two\nlines\",x\n", {{"two\nlines", "x"}}},
        {"\"\"\n", {{""}}},
        {"\xef\xbb\xbfname\n", {{"name"}}},
        {"\n\xef\xbb\xbfname\n", {{"\xef\xbb\xbfname"}}},  // the mark of a file only where a file begins
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        const auto rows = parse_csv(c.text);
        REQUIRE(rows.has_value());
        std::vector<std::vector<std::string>> fields;
        for (const auto& row : rows.value()) fields.push_back(row.fields);
        CHECK(fields == c.rows);
        std::string text;
        for (const auto& row : fields) text += csv_line(row);
        const auto again = parse_csv(text);
        REQUIRE(again.has_value());
        CHECK(again.value().size() == fields.size());
        for (std::size_t i = 0; i < again.value().size(); ++i) CHECK(again.value()[i].fields == fields[i]);
    }
    CHECK(parse_csv("a\n\"b\n\nc\",d\ne\n").value().at(2).line == 5);
}

TEST_CASE("what is no CSV is told with its line") {
    const std::pair<const char*, const char*> cases[] = {
        {"a\n\"b", "2"}, {"a\nb\"c\n", "2"}, {"\"a\"b\n", "1"}, {"\"a\n\n\"b\n", "3"}, {"a\rb\n", "1"}};
    for (const auto& [text, line] : cases) {
        CAPTURE(text);
        const auto rows = parse_csv(text);
        REQUIRE(!rows.has_value());
        CHECK(rows.error().where == line);
        CHECK(!rows.error().detail.empty());
    }
}

TEST_CASE("nodes and their labels; an empty cell is none") {
    const auto file = read_node_file("name,province,city\ngz-1,guangdong,guangzhou\nsh-1,,shanghai\n");
    REQUIRE(file.problems.empty());
    REQUIRE(file.nodes.size() == 2);
    CHECK(file.nodes[0].name.text() == "gz-1");
    CHECK(file.nodes[0].labels.at("city") == "guangzhou");
    CHECK(file.nodes[1].labels.size() == 1);
}

TEST_CASE("everything that is wrong with a file of nodes is told, each with its line") {
    const std::string label(64, 'x');
    const std::pair<std::string, std::string> cases[] = {
        {"", "1: no nodes"},
        {"name\n", "1: no nodes"},
        {"node\ngz-1\n", "1: the first column is \"node\""},
        {"name,a,a\ngz-1,x,y\n", "1: column \"a\" is there twice"},
        {"name,\ngz-1,x\n", "1: column \"\": a label's key"},
        {"name,a\ngz-1\n", "2: 1 columns; the first line has 2"},
        {"name\nNo Name\n", "2: \"No Name\" is no node's name"},
        {"name\ngz-1\ngz-1\n", "3: gz-1 is there already, in line 2"},
        {"name,a\ngz-1," + label + "\n", "2: a: a label's value has at most 63 bytes"},
        {"name\n\"gz-1\n", "2: a quote"},
    };
    for (const auto& [text, problem] : cases) {
        CAPTURE(text);
        const auto file = read_node_file(text);
        REQUIRE(file.problems.size() == 1);
        CHECK(file.problems[0].starts_with(problem));
    }
    CHECK(read_node_file("name,a\nA,x\nB,x\nok,x,y\n").problems.size() == 3);
    std::string many = "name\n";
    for (int i = 0; i < 10'001; ++i) many += "n-" + std::to_string(i) + "\n";
    CHECK(read_node_file(many).problems.at(0).find("more than 10000") != std::string::npos);
}

}  // namespace edge::cli
