#include <doctest/doctest.h>

#include "agent/enrolment/config_texts.hpp"
#include "agent/enrolment/propose_lines.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

IpAddress ip(const char* text) {
    return IpAddress::parse(text).value();
}

std::optional<IpAddress> maybe(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(ip(text.c_str()));
}

FoundDevice device(const std::string& name, const std::vector<std::string>& addresses) {
    FoundDevice one;
    one.name = name;
    for (const auto& text : addresses) {
        const auto slash = text.find('/');
        one.addresses.push_back(
            {ip(text.substr(0, slash).c_str()), static_cast<std::uint8_t>(std::stoi(text.substr(slash + 1)))});
    }
    return one;
}

FoundRoute way(const std::string& device, const std::string& gateway, std::uint32_t table = 254,
               std::uint32_t metric = 0, const std::string& source = {}) {
    return {gateway.find(':') != std::string::npos, device, maybe(gateway), table, metric, maybe(source)};
}

/// `NAME CARRIER KIND DEVICE [ADDRESSES] >GATEWAYS TABLE/MARK routes [RESOLVERS]`
std::string text_of(const ProposedLine& line) {
    std::string text =
        line.name + " " + line.carrier + (line.shares_device ? " address " : " device ") + line.device + " [";
    for (const auto& one : line.addresses)
        text += (text.ends_with('[') ? "" : " ") + one.ip.text() +
                (one.length != 0 ? "/" + std::to_string(one.length) : "");
    text += "]";
    if (line.gateway4) text += " >" + line.gateway4->text();
    if (line.gateway6) text += " >" + line.gateway6->text();
    text += " " + std::to_string(line.table) + "/" + std::to_string(line.mark) +
            (line.managed ? " managed [" : " external [");
    for (const auto& one : line.resolvers) text += (text.ends_with('[') ? "" : " ") + one.text();
    return text + "]";
}

std::vector<std::string> lines_of(const NetworkFacts& facts) {
    const auto proposal = propose_lines(facts);
    REQUIRE_MESSAGE(proposal, (proposal ? "" : proposal.error().message()));
    std::vector<std::string> all;
    for (const auto& line : proposal.value().lines) all.push_back(text_of(line));
    return all;
}

std::vector<std::string> notes_of(const NetworkFacts& facts) {
    return propose_lines(facts).value().notes;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("one uplink is one line, of both families, with the host's resolvers and a table and mark that are new") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/24", "2001:db8::5/64"})};
    facts.routes = {way("eth0", "192.0.2.1", 254, 100), way("eth0", "fe80::1", 254, 1024)};
    facts.resolvers = {ip("9.9.9.9"), ip("2620:fe::fe")};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.5/24 2001:db8::5/64] >192.0.2.1 >fe80::1 101/257 "
                                   "managed [9.9.9.9 2620:fe::fe]"});
    CHECK(notes_of(facts).empty());
}

TEST_CASE("three uplinks in three tables are three lines, and their tables stay what they are") {
    NetworkFacts facts;
    facts.devices = {device("wan-ct", {"100.64.1.2/24"}), device("wan-cu", {"100.64.2.2/24"}),
                     device("cmcc0", {"100.64.3.2/24"})};
    facts.routes = {way("wan-ct", "100.64.1.1"), way("wan-ct", "100.64.1.1", 201, 100),
                    way("wan-cu", "100.64.2.1", 202), way("cmcc0", "100.64.3.1", 203)};
    facts.tables = {201, 202, 203, 254, 255};
    facts.marks = {{0x101, 0xffffffff}, {0x2, 0xff}};
    facts.resolvers = {ip("100.64.1.53"), ip("100.64.2.53")};
    // 0x102 is one that `fwmark 2/0xff` takes.
    CHECK(lines_of(facts) ==
          Texts{"telecom ct device wan-ct [100.64.1.2/24] >100.64.1.1 201/259 external [100.64.1.53 100.64.2.53]",
                "unicom cu device wan-cu [100.64.2.2/24] >100.64.2.1 202/260 external [100.64.2.53]",
                "mobile cm device cmcc0 [100.64.3.2/24] >100.64.3.1 203/261 external []"});
    const auto proposal = propose_lines(facts).value();
    CHECK(proposal.lines[0].carrier_from == "the device's name wan-ct");
    CHECK(proposal.lines[2].notes ==
          Texts{"no resolver is known for it: names cannot be resolved over it until resolvers has one"});
}

TEST_CASE("three carriers' addresses on one device are three lines that are told apart by them") {
    NetworkFacts facts;
    facts.devices = {device("ct0", {"100.64.1.2/24", "100.64.2.2/24", "100.64.3.2/24", "2001:db8:2::2/64"})};
    facts.routes = {way("ct0", "100.64.1.1"), way("ct0", "100.64.2.1", 202), way("ct0", "100.64.3.1", 203),
                    way("ct0", "2001:db8:2::1", 202)};
    facts.tables = {202, 203};
    facts.resolvers_of = {{"ct0", {ip("100.64.1.53")}}};  // of which of them it does not say
    // Whose they are a name that all share does not say.
    CHECK(lines_of(facts) ==
          Texts{"ct0 other address ct0 [100.64.2.2/24 2001:db8:2::2/64] >100.64.2.1 >2001:db8:2::1 202/257 external []",
                "ct0-2 other address ct0 [100.64.3.2/24] >100.64.3.1 203/258 external []",
                "ct0-3 other address ct0 [100.64.1.2/24] >100.64.1.1 101/259 managed []"});
    const auto text = lines_text(propose_lines(facts).value());
    CHECK(text.find("carrier = \"other\"\nkind = \"address\"\ndevice = \"ct0\"\n") != std::string::npos);
}

TEST_CASE("of three addresses on one device those that no gateway is near to are left out, and said") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/24", "192.0.2.6/24", "203.0.113.9/29"})};
    facts.routes = {way("eth0", "192.0.2.1", 254, 0, "192.0.2.6")};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.6/24 192.0.2.5/24] >192.0.2.1 101/257 managed []"});
    CHECK(notes_of(facts) ==
          Texts{"203.0.113.9 of eth0 is left out: no default route is for it; if it is another carrier's, "
                "write a line with kind = \"address\" and its gateway"});
}

TEST_CASE("PPPoE is a line without a gateway") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {}), device("ppp0", {"100.70.0.9/32"})};
    facts.routes = {way("ppp0", "")};
    facts.resolvers_of = {{"ppp0", {ip("100.70.255.1"), ip("fe80::1"), ip("2001:db8::53")}}};
    CHECK(lines_of(facts) == Texts{"ppp0 other device ppp0 [100.70.0.9] 101/257 managed [100.70.255.1]"});
}

TEST_CASE("IPv6 alone is a line") {
    NetworkFacts facts;
    facts.devices = {device("enp1s0", {"2001:db8:7::2/64"})};
    facts.routes = {way("enp1s0", "fe80::1")};
    CHECK(lines_of(facts) == Texts{"enp1s0 other device enp1s0 [2001:db8:7::2/64] >fe80::1 101/257 managed []"});
}

TEST_CASE("what has no default route is no uplink, and a tunnel is none whatever it has") {
    NetworkFacts facts;
    auto tunnel = device("wg0", {"10.8.0.2/24"});
    tunnel.is_tunnel = true;
    facts.devices = {device("eth0", {"192.0.2.5/24"}), device("docker0", {"172.17.0.1/16"}),
                     device("br0", {"10.0.0.1/24"}), device("veth1a2b", {}), tunnel};
    facts.routes = {way("eth0", "192.0.2.1"), way("wg0", "", 51820)};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.5/24] >192.0.2.1 101/257 managed []"});
    REQUIRE(notes_of(facts).size() == 1);
    CHECK(notes_of(facts).front().starts_with("wg0 has a default route and is left out: "));
}

TEST_CASE("of two default routes with metrics each device is a line; a second gateway for one address is left out") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/24"}), device("eth1", {"198.51.100.5/24"})};
    facts.routes = {way("eth1", "198.51.100.1", 254, 200), way("eth0", "192.0.2.1", 254, 100),
                    way("eth0", "192.0.2.254", 254, 300)};
    facts.tables = {101, 103};
    facts.resolvers = {ip("9.9.9.9")};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.5/24] >192.0.2.1 102/257 managed [9.9.9.9]",
                                   "eth1 other device eth1 [198.51.100.5/24] >198.51.100.1 104/258 managed []"});
    CHECK(notes_of(facts) ==
          Texts{"the IPv4 default route of table 254 to 192.0.2.254 by eth0 is left out: 192.0.2.5 goes by the "
                "IPv4 default route of table 254 to 192.0.2.1 by eth0"});
}

TEST_CASE("a table with the default routes of two lines is neither's") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/24"}), device("eth1", {"198.51.100.5/24"})};
    facts.routes = {way("eth0", "192.0.2.1", 300, 1), way("eth1", "198.51.100.1", 300, 2)};
    facts.tables = {300};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.5/24] >192.0.2.1 101/257 managed []",
                                   "eth1 other device eth1 [198.51.100.5/24] >198.51.100.1 102/258 managed []"});
}

TEST_CASE("a gateway in no network of the device's is reached by what the route says, and no length is claimed") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/32", "203.0.113.9/24"})};
    facts.routes = {way("eth0", "172.31.1.1", 254, 0, "192.0.2.5")};
    CHECK(lines_of(facts) == Texts{"eth0 other device eth0 [192.0.2.5] >172.31.1.1 101/257 managed []"});
}

TEST_CASE("no default route is a clear error, and so is none that could be a line's") {
    NetworkFacts facts;
    facts.devices = {device("eth0", {"192.0.2.5/24"})};
    auto none = propose_lines(facts);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::not_found);
    CHECK(none.error().message().find("ip route show table all default") != std::string::npos);
    CHECK(none.error().message().find("--no-lines") != std::string::npos);
    facts.routes = {way("eth0", "fe80::1")};
    none = propose_lines(facts);
    REQUIRE_FALSE(none);
    CHECK(none.error().message().find("eth0 has no address of that family") != std::string::npos);
}

TEST_CASE("a carrier is guessed from the prefix file first, from a name's words then, and else it is other") {
    const struct {
        const char* name;
        const char* other_name;
        const char* carrier;
    } cases[] = {{"eth0", "", "other"}, {"wan-ct0", "", "ct"},    {"ctrl0", "", "other"},
                 {"UNICOM", "", "cu"},  {"enp3s0", "cmcc", "cm"}, {"ct-cu", "", "other"},
                 {"edu0", "", "edu"},   {"mobile", "", "cm"},     {"eth0.10", "", "other"}};
    for (const auto& one : cases) {
        CAPTURE(one.name);
        NetworkFacts facts;
        facts.devices = {device(one.name, {"192.0.2.5/24"})};
        if (*one.other_name != '\0') facts.devices[0].other_names = {one.other_name};
        facts.routes = {way(one.name, "192.0.2.1")};
        CHECK(propose_lines(facts).value().lines[0].carrier == one.carrier);
        facts.origins.emplace(ip("192.0.2.5"), Origin{4837, "cu"});
        const auto line = propose_lines(facts).value().lines[0];
        CHECK(line.carrier == "cu");
        CHECK(line.carrier_from == "192.0.2.5 in [health] prefix_file, AS4837 cu");
    }
}

TEST_CASE("names are the launcher's to take: small, plain, different, and never the host's own routing") {
    NetworkFacts facts;
    for (const char* name : {"mgmt", "eth0.10", "ETH0_10", "telecom", "ct1"}) {
        const auto n = std::to_string(facts.devices.size());
        facts.devices.push_back(device(name, {"192.0." + n + ".5/24"}));
        facts.routes.push_back(way(name, "192.0." + n + ".1"));
    }
    facts.devices.push_back(device("odd name", {"192.0.9.5/24"}));
    facts.routes.push_back(way("odd name", "192.0.9.1"));
    Texts names;
    const auto proposal = propose_lines(facts).value();
    for (const auto& line : proposal.lines) names.push_back(line.name);
    CHECK(names == Texts{"mgmt-2", "eth0-10", "eth0-10-2", "telecom", "telecom-2"});
    CHECK(proposal.notes == Texts{"a device whose name edge-launcher does not take is left out: rename it"});
}

TEST_CASE("a line has four addresses at most, and keeps one of each family") {
    NetworkFacts facts;
    facts.devices = {device(
        "eth0", {"192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24", "192.0.2.5/24", "2001:db8::5/64"})};
    facts.routes = {way("eth0", "192.0.2.254"), way("eth0", "fe80::1")};
    const auto line = propose_lines(facts).value().lines[0];
    REQUIRE(line.addresses.size() == 4);
    CHECK(line.addresses[3].ip == ip("2001:db8::5"));
    CHECK(line.notes.front() == "has more than four addresses; the first are taken");
}

TEST_CASE("what is written says what it is guessed from and what may change; what is shown says the same") {
    NetworkFacts facts;
    facts.devices = {device("wan-ct", {"100.64.1.2/24"})};
    facts.devices[0].addresses[0].is_leased = true;
    facts.devices[0].has_carrier = false;
    facts.routes = {way("wan-ct", "100.64.1.1"), way("gone0", "100.64.9.1")};
    facts.resolvers = {ip("100.64.1.53")};
    const auto proposal = propose_lines(facts).value();
    const auto text = lines_text(proposal);
    CHECK(text.substr(text.find("\n[[line]]")) ==
          "\n[[line]]\nname = \"telecom\"\n# guessed from the device's name wan-ct\ncarrier = \"ct\"\ndevice = "
          "\"wan-ct\"\n"
          "addresses = [\"100.64.1.2/24\"]\ngateway4 = \"100.64.1.1\"\ntable = 101\nmark = 0x101\nresolvers = "
          "[\"100.64.1.53\"]\nroutes = \"managed\"\n"
          "# 100.64.1.2 is leased: when it changes the line is down until it is changed here\n"
          "# wan-ct is down or has no carrier now\n"
          "\n# Left out:\n# the IPv4 default route of table 254 to 100.64.9.1 by gone0 is left out: the device has "
          "gone, or is "
          "loopback\n");
    const auto seen = shown(proposal);
    for (const char* fact :
         {"telecom", "carrier ct (guessed from the device's name wan-ct)", "wan-ct: 100.64.1.2/24  gateway 100.64.1.1",
          "table 101, whose routes EDGE writes; mark 0x101; resolvers 100.64.1.53", "is leased", "left out: "})
        CHECK_MESSAGE(seen.find(fact) != std::string::npos, seen);
}
