#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "broker/domain/selector.hpp"

namespace edge::broker {
namespace {

using Labels = std::map<std::string, std::string>;

const Labels kGuangzhou{{"province", "guangdong"}, {"city", "guangzhou"}, {"tier", "1"}};
const Labels kShenzhen{{"province", "guangdong"}, {"city", "shenzhen"}};
const Labels kShanghai{{"province", "shanghai"}, {"city", "shanghai"}, {"电信", "是"}};

// Three nodes with three lines each, numbered 0 to 8.
const std::vector<Candidate> kFleet{{"gz-1", "telecom", "ct", &kGuangzhou}, {"gz-1", "unicom", "cu", &kGuangzhou},
                                    {"gz-1", "mobile", "cm", &kGuangzhou},  {"sz-1", "telecom", "ct", &kShenzhen},
                                    {"sz-1", "unicom", "cu", &kShenzhen},   {"sz-1", "mobile", "cm", &kShenzhen},
                                    {"sh-1", "telecom", "ct", &kShanghai},  {"sh-1", "unicom", "cu", &kShanghai},
                                    {"sh-1", "ct", "cernet", &kShanghai}};

std::string chosen(const std::string& text) {
    const auto selector = parse_selector(text);
    if (!selector) return "bad: " + selector.error().detail;
    const auto indices = select(selector.value(), kFleet);
    if (!indices) return "none: " + indices.error().detail;
    std::vector<std::string_view> nodes;
    for (const auto index : indices.value()) nodes.push_back(kFleet[index].node);
    std::string list;
    for (const auto kept : spread(nodes, selector.value().limit.value_or(nodes.size())))
        list += std::to_string(indices.value()[kept]);
    return list;
}

}  // namespace

TEST_CASE("a selector chooses the lines that all its terms match") {
    const std::pair<std::string, std::string> table[] = {
        {"all", "012345678"},
        {"carrier:ct", "036"},
        {"carrier:CT province:Guangdong", "03"},
        {"carrier:ct+province:guangdong", "03"},
        {"  carrier:ct   +  province:guangdong  ", "03"},
        {"province:guangdong -node:gz-1", "345"},
        {"-carrier:ct -carrier:cu", "258"},
        {"all -line:mobile", "0134678"},
        {"tier:1", "012"},
        {"-tier:1", "345678"},
        {"电信:是", "678"},
        // Bare words: a line, carrier, province, city or node of that name.
        {"telecom", "036"},
        {"ct", "0368"},  // a line that one node calls ct does not take the word from the carrier's lines
        {"-ct", "12457"},
        {"cu", "147"},
        {"guangdong", "012345"},
        {"shanghai", "678"},
        {"shenzhen", "345"},
        {"gz-1", "012"},
        {"-gz-1 telecom", "36"},
        {"all all", "012345678"}};
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        CHECK(chosen(text) == expected);
    }
}

TEST_CASE("a selector that is wrong says where") {
    const std::pair<std::string, std::string> table[] = {
        {"", "bad: empty; say \"all\" for every line"},
        {" + ", "bad: empty; say \"all\" for every line"},
        {"carrier:ct -", "bad: at character 12: '-' needs a term after it"},
        {"carrier:", "bad: at character 9: a value is missing after \"carrier:\""},
        {":ct", "bad: at character 1: a key is letters, digits, '-', '_', '.' and '/'"},
        {"-all", "bad: at character 1: -all leaves nothing"},
        {"all limit:0", "bad: at character 11: limit: takes a number from 1 to 100000"},
        {"limit:3x", "bad: at character 7: limit: takes a number from 1 to 100000"},
        {"limit:1 limit:2", "bad: at character 9: limit: stands twice"},
        {"-limit:1", "bad: at character 1: limit: cannot be negated"},
        {"all\tct", "bad: at character 4: a control character"},
        {std::string(1'025, 'a'), "bad: longer than 1024 characters"}};
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        CHECK(chosen(text) == expected);
    }
    std::string many = "a";
    for (int i = 0; i < 64; ++i) many += " a";
    CHECK(chosen(many) == "bad: at character 129: more than 64 terms");
}

TEST_CASE("a selector that matches nothing names what is near") {
    const std::pair<std::string, std::string> table[] = {
        {"carrier:ctt", "none: nothing matches \"carrier:ctt\"; did you mean \"carrier:ct\"?"},
        {"telecon", "none: nothing matches \"telecon\"; did you mean \"telecom\"?"},
        {"provinze:guangdong",
         "none: nothing matches \"provinze:guangdong\": no node has a label \"provinze\"; did you mean \"province\"?"},
        {"province:guangdnog", "none: nothing matches \"province:guangdnog\"; did you mean \"province:guangdong\"?"},
        {"carrier:starlink", "none: nothing matches \"carrier:starlink\"; carrier is one of cernet, cm, ct, cu"},
        {"-telecm", "none: nothing matches \"-telecm\"; did you mean \"-telecom\"?"},
        {"all -line:telecm", "none: nothing matches \"-line:telecm\"; did you mean \"-line:telecom\"?"},
        {"all -carrier:cx",
         "none: nothing matches \"-carrier:cx\"; did you mean \"-carrier:cm\", \"-carrier:ct\" or \"-carrier:cu\"?"},
        {"gz-1/telecom",
         "none: nothing matches \"gz-1/telecom\"; a line of one node is two terms, \"node:gz-1 line:telecom\""},
        {"gz-7/telecom",
         "none: nothing matches \"gz-7/telecom\"; lines: ct, mobile, telecom, unicom; carriers: cernet, "
         "cm, ct, cu"},
        {"telecom,unicom",
         "none: nothing matches \"telecom,unicom\"; terms stand apart by spaces and all of them must match, there is "
         "no "
         "\"or\": ask for each, or leave others out as in \"all -mobile\""},
        {"telecom unicom",
         "none: no line is \"telecom\" and \"unicom\" at once, and all terms must match; there is no \"or\": ask for "
         "each, or leave others out as in \"all -mobile\""},
        {"carrier:ct,cu",
         "none: nothing matches \"carrier:ct,cu\"; terms stand apart by spaces and all of them must match, there is no "
         "\"or\": ask for each, or leave others out as in \"all -mobile\""},
        {"all -4", "none: nothing matches \"-4\"; lines: ct, mobile, telecom, unicom; carriers: cernet, cm, ct, cu"},
        {"gz-1 telecom shanghai",
         "none: no line is \"gz-1\" and \"shanghai\" at once, and all terms must match; there is no \"or\": ask for "
         "each, or leave others out as in \"all -mobile\""},
        {"telecom -telecom", "none: each term matches some line, but no line matches all of them"},
        {"carrier:cm province:shanghai", "none: each term matches some line, but no line matches all of them"}};
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        CHECK(chosen(text) == expected);
    }
    const auto none = select(parse_selector("all").value(), {});
    REQUIRE(!none.has_value());
    CHECK(none.error().code == Errc::not_found);
    CHECK(none.error().where == "/selector");
}

TEST_CASE("a limit spreads over nodes and is the same each time") {
    CHECK(chosen("limit:9") == "012345678");
    CHECK(chosen("limit:100") == "012345678");
    CHECK(chosen("limit:3") == chosen("limit:3"));
    for (const std::string limit : {"1", "2", "3", "4", "5", "6", "7", "8"}) {
        const std::string list = chosen("limit:" + limit);
        CAPTURE(list);
        CHECK(list.size() == static_cast<std::size_t>(limit[0] - '0'));
        int per_node[3] = {0, 0, 0};
        for (const char c : list) ++per_node[(c - '0') / 3];
        const int most = std::max({per_node[0], per_node[1], per_node[2]});
        const int least = std::min({per_node[0], per_node[1], per_node[2]});
        CHECK(most - least <= 1);
    }
    // Three nodes, three different lines.
    const std::string three = chosen("limit:3");
    CHECK(three.size() == 3);
    CHECK(chosen("limit:2 province:guangdong").size() == 2);
}

TEST_CASE("the longest selector is answered quickly") {
    std::string text;
    for (int i = 0; i < 64; ++i) text += "province:guangdon" + std::to_string(i) + "aaaaaa ";
    text.resize(1'024);
    const std::vector<Candidate> many(30'000, kFleet[0]);
    const auto begin = std::chrono::steady_clock::now();
    const auto selector = parse_selector(text);
    REQUIRE(selector.has_value());
    CHECK(!select(selector.value(), many).has_value());
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

}  // namespace edge::broker
