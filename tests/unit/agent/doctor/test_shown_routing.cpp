#include <doctest/doctest.h>

#include "agent/doctor/shown_routing.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge::agent;

namespace {

Line telecom() {
    return line_from(line_info(0, "telecom")).value();  // wan0, 100.64.1.2, table 101
}

const std::string kByDevice = R"({"priority":32765,"src":"all","oif":"wan0","table":"101"})";
const std::string kByAddress = R"({"priority":32764,"src":"100.64.1.2","table":"101","protocol":"3"})";
const std::string kMain = R"({"priority":32766,"src":"all","table":"254"})";

}  // namespace

TEST_CASE("a rule counts when it has this selector alone, this table, and is reached") {
    using Commands = std::vector<std::string>;
    const std::string by_device = "ip rule add oif wan0 lookup 101",
                      by_address = "ip rule add from 100.64.1.2 lookup 101";
    const auto of = [](const std::string& one, const std::string& two) {
        return missing_rules("[" + one + "," + two + "," + kMain + "]", telecom(), false);
    };
    CHECK(of(kByDevice, kByAddress) == Commands{});
    CHECK(missing_rules("[" + kMain + "]", telecom(), false) == Commands{by_device, by_address});
    CHECK(of(kByDevice, kMain) == Commands{by_address});
    CHECK(of(kMain, kByAddress) == Commands{by_device});
    for (const char* other : {R"({"priority":32765,"src":"all","oif":"wan0","table":"102"})",
                              R"({"priority":32765,"src":"all","oif":"wan1","table":"101"})",
                              R"({"priority":32765,"src":"all","oif":"wan0","table":"101","ipproto":"6"})",
                              R"({"priority":32765,"not":null,"src":"all","oif":"wan0","table":"101"})",
                              R"({"priority":32765,"src":"10.0.0.0","srclen":8,"oif":"wan0","table":"101"})",
                              R"({"priority":32767,"src":"all","oif":"wan0","table":"101"})", R"("odd")"})
        CHECK_MESSAGE(of(other, kByAddress) == Commands{by_device}, other);
    CHECK(missing_rules("[]", telecom(), true) == Commands{"ip -6 rule add oif wan0 lookup 101"});  // no address of it
}

TEST_CASE("an ip(8) that prints nothing that can be read tells nothing") {
    CHECK_FALSE(missing_rules("", telecom(), false));
    CHECK_FALSE(missing_rules("Option \"-j\" is unknown, try \"ip -help\".", telecom(), false));
    CHECK_FALSE(missing_rules("{}", telecom(), false));
}

TEST_CASE("a table leads out by its default route") {
    CHECK(has_default_route(R"([{"dst":"default","gateway":"100.64.1.1","dev":"wan0","flags":[]}])"));
    CHECK(
        has_default_route(R"([{"dst":"100.64.1.0/24","dev":"wan0"},{"type":"unicast","dst":"default","dev":"wan0"}])"));
    CHECK_FALSE(has_default_route(R"([{"dst":"100.64.1.0/24","dev":"wan0"}])"));
    CHECK_FALSE(has_default_route("[]"));
    CHECK_FALSE(has_default_route(""));
}
