#include <doctest/doctest.h>

#include "agent/launcher/lines/nft_ruleset.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

bool has(const std::string& rules, const std::string& line) {
    return rules.find("\n" + line + "\n") != std::string::npos;
}

const Binding kBinding{.device = 7,
                       .mark = 0x101,
                       .addresses = {ip("100.64.1.2"), ip("100.64.1.3")},
                       .ports = {53, 443},
                       .budget = {6'000'000'000, 50},
                       .uids = {70001, 70009}};

}  // namespace

TEST_CASE("a line's packets are looked at in this order, and each that passes is marked and counted") {
    const TargetTable targets{{}, {{{ip("10.0.0.1"), 53}, true}, {{ip("fd00::5"), 7480}, false}}};
    const auto rules = nft_line("telecom", kBinding, targets);
    const std::string held = "add rule inet edge_launcher held-telecom ",
                      pass = "add rule inet edge_launcher pass-telecom ";
    CHECK(rules.find(
              held + "meta oif != 7 goto to-strays\n" + held +
              "ip saddr != { 100.64.1.2, 100.64.1.3 } goto to-strays\n" + held + "meta nfproto ipv6 goto to-strays\n" +
              held + "meta l4proto != { tcp, udp, icmp, icmpv6 } goto to-denied\n" + held +
              "exthdr rt exists goto to-denied\n" + held + "ip daddr 10.0.0.1 udp dport 53 goto pass-telecom\n" + held +
              "ip6 daddr fd00::5 tcp dport 7480 goto pass-telecom\n" + held +
              "ip daddr @denied4-telecom goto to-denied\n" + held + "ip6 daddr @denied6-telecom goto to-denied\n" +
              held + "ip6 daddr & ::fdff:ffff:0:0 == ::5efe:0:0 goto to-denied\n" + held +
              "meta l4proto { tcp, udp } th dport != { 53, 443 } goto to-denied\n" + held + "goto pass-telecom\n") !=
          std::string::npos);
    CHECK(has(rules,
              "add limit inet edge_launcher bytes-6000000000-telecom { rate over 6000000000 bytes/second burst "
              "4294967295 bytes; }"));
    CHECK(has(rules, "add limit inet edge_launcher packets-50-telecom { rate over 50/second burst 50 packets; }"));
    CHECK(rules.find(pass + "limit name bytes-6000000000-telecom goto to-throttled\n" + pass +
                     "limit name packets-50-telecom goto to-throttled\n" + pass +
                     "meta mark set 257 update @sent { meta skuid } accept\n") != std::string::npos);
    CHECK(has(rules, "add rule inet edge_launcher out-telecom meta skuid 70001-70009 goto held-telecom"));
    CHECK(has(rules, "add rule inet edge_launcher in-telecom meta skuid 70001-70009 update @received { meta skuid }"));
    CHECK(has(rules,
              "add rule inet edge_launcher to-strays update @strays { meta skuid }\nadd rule inet edge_launcher "
              "to-strays meta l4proto "
              "tcp reject with tcp reset\nadd rule inet edge_launcher to-strays reject with icmpx admin-prohibited"));
    CHECK(has(rules, "add rule inet edge_launcher to-throttled update @throttled { meta skuid } drop"));
}

TEST_CASE("every chain and set is emptied before it is filled, so that the same again is the same") {
    const auto rules = nft_line("telecom", kBinding, {});
    for (const std::string chain :
         {"held-telecom", "pass-telecom", "out-telecom", "in-telecom", "to-strays", "to-denied"}) {
        CAPTURE(chain);
        CHECK(rules.find("flush chain inet edge_launcher " + chain + "\n") <
              rules.find("add rule inet edge_launcher " + chain + " "));
    }
    for (const std::string set : {"denied4-telecom", "denied6-telecom"})
        CHECK(rules.find("flush set inet edge_launcher " + set + "\n") <
              rules.find("add element inet edge_launcher " + set + " "));
    CHECK(rules.find("flush set inet edge_launcher sent") == std::string::npos);  // figures outlive a change
}

TEST_CASE("figures are read by set and uid, and absent ones are zero") {
    const std::string listing =
        "table inet edge_launcher {\n\tset sent {\n\t\ttype uid\n\t\tsize 65535\n\t\tflags dynamic\n\t\tcounter\n"
        "\t\telements = { 70001 counter packets 2 bytes 61, 170002 counter packets 9 bytes 9,\n"
        "\t\t\t     70002 counter packets 3 bytes 93 }\n\t}\n\n"
        "\tset strays {\n\t\ttype uid\n\t\telements = { 70002 counter packets 4 bytes 100 }\n\t}\n\n"
        "\tset throttled {\n\t\ttype uid\n\t}\n\n\tchain x {\n\t}\n}\n";
    const auto one = traffic_in(listing, 70001), two = traffic_in(listing, 70002);
    CHECK(one.sent_packets == 2);
    CHECK(one.sent_bytes == 61);
    CHECK(one.strays == 0);
    CHECK(two.sent_packets == 3);
    CHECK(two.sent_bytes == 93);
    CHECK(two.strays == 4);
    CHECK(two.throttled == 0);
    CHECK(two.received_packets == 0);
    CHECK(traffic_in("", 70001).sent_packets == 0);
}
