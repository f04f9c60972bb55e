#include <doctest/doctest.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "agent/launcher/lines/netlink_messages.hpp"
#include "agent/launcher/os/netlink.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

NetlinkRequest own_rule() {
    NetlinkRequest message(RTM_NEWRULE, 0);
    auto& header = message.extra<fib_rule_hdr>();
    header.family = AF_INET;
    header.action = FR_ACT_TO_TBL;
    message.put_u8(FRA_PROTOCOL, kRoutingProtocol);
    message.put_u32(FRA_PRIORITY, 100);
    message.put_u32(FRA_FWMARK, 0x101);
    message.put_u32(FRA_TABLE, 101);
    return message;
}

NetlinkRequest route(std::uint8_t family, std::uint8_t length) {
    NetlinkRequest message(RTM_NEWROUTE, 0);
    auto& header = message.extra<rtmsg>();
    header.rtm_family = family;
    header.rtm_dst_len = length;
    header.rtm_type = RTN_UNICAST;
    header.rtm_protocol = kRoutingProtocol;
    message.put_u32(RTA_TABLE, 101);
    message.put_u32(RTA_OIF, 7);
    return message;
}

}  // namespace

TEST_CASE("a rule of ours is read, another's is not") {
    auto message = own_rule();
    const auto rule = owned_rule_in(message.header());
    REQUIRE(rule);
    CHECK(*rule == Rule{.v6 = false, .pref = 100, .mark = 0x101, .from = {}, .table = 101});
    NetlinkRequest other(RTM_NEWRULE, 0);
    other.extra<fib_rule_hdr>().family = AF_INET;
    CHECK_FALSE(owned_rule_in(other.header()));
}

TEST_CASE("an attribute that ends behind its message is none of it, also within the last four bytes") {
    auto message = own_rule();
    REQUIRE(owned_rule_in(message.header())->table == 101);
    message.header()->nlmsg_len -= 1;  // FRA_TABLE stands last
    const auto cut = owned_rule_in(message.header());
    REQUIRE(cut);
    CHECK(cut->table == 0);
    CHECK(cut->mark == 0x101);
}

TEST_CASE("whoever wrote a rule, it is read if it asks for no more than can be told") {
    const auto rule = [](auto&& more) {
        NetlinkRequest message(RTM_NEWRULE, 0);
        auto& header = message.extra<fib_rule_hdr>();
        header.family = AF_INET;
        header.action = FR_ACT_TO_TBL;
        header.table = 101;
        message.put_bytes(FRA_OIFNAME, "wan0", 5);
        more(message, header);
        return plain_rule_in(message.header());
    };
    const auto plain = rule([](auto&, auto&) {});
    REQUIRE(plain);
    CHECK(*plain == Rule{.v6 = false, .pref = 0, .mark = 0, .from = {}, .table = 101, .uids = {}, .device = "wan0"});
    CHECK_FALSE(rule([](auto&, auto& header) { header.dst_len = 8; }));
    CHECK_FALSE(rule([](auto&, auto& header) { header.src_len = 24; }));
    CHECK_FALSE(rule([](auto&, auto& header) { header.tos = 4; }));
    CHECK_FALSE(rule([](auto&, auto& header) { header.flags = FIB_RULE_INVERT; }));
    CHECK_FALSE(rule([](auto& message, auto&) { message.put_bytes(FRA_IIFNAME, "lo", 3); }));
    CHECK_FALSE(rule([](auto& message, auto&) { message.put_u8(FRA_IP_PROTO, 6); }));
    CHECK_FALSE(rule([](auto& message, auto&) { message.put_u32(FRA_SUPPRESS_PREFIXLEN, 0); }));
    CHECK(rule([](auto& message, auto&) { message.put_u32(FRA_SUPPRESS_PREFIXLEN, 0xffff'ffff); }));
    CHECK_FALSE(rule([](auto&, auto& header) { header.family = 128; }));
}

TEST_CASE("a route is read with who wrote it; one of no family or with an endless prefix is none") {
    auto message = route(AF_INET, 24);
    const auto found = route_in(message.header());
    REQUIRE(found);
    CHECK(found->protocol == kRoutingProtocol);
    CHECK(found->route.table == 101);
    CHECK(found->route.to.length == 24);
    CHECK_FALSE(route_in(route(AF_INET, 33).header()));
    CHECK(route_in(route(AF_INET6, 128).header()));
    CHECK_FALSE(route_in(route(AF_INET6, 129).header()));
    CHECK_FALSE(route_in(route(128, 0).header()));
}

TEST_CASE("an event says what changed, and whether it was we who added it") {
    const auto is = [](NetlinkRequest message, std::uint16_t type, Change::Of of, std::uint32_t table, bool is_ours) {
        message.header()->nlmsg_type = type;
        const auto change = change_in(message.header());
        CHECK(change.of == of);
        CHECK(change.table == table);
        CHECK(change.is_ours == is_ours);
    };
    is(route(AF_INET, 0), RTM_NEWROUTE, Change::Of::routes, 101, true);
    is(route(AF_INET, 0), RTM_DELROUTE, Change::Of::routes, 101, false);  // whoever removed it
    is(own_rule(), RTM_NEWRULE, Change::Of::rules, 0, true);
    is(own_rule(), RTM_DELRULE, Change::Of::rules, 0, false);
    NetlinkRequest other(RTM_NEWROUTE, 0);
    other.extra<rtmsg>().rtm_table = 102;  // as one that leads nowhere says it
    is(std::move(other), RTM_NEWROUTE, Change::Of::routes, 102, false);
    is(NetlinkRequest(RTM_NEWLINK, 0), RTM_NEWLINK, Change::Of::devices, 0, false);
}

TEST_CASE("a message that ends before its fixed header says nothing") {
    NetlinkRequest bare(RTM_NEWROUTE, 0);
    CHECK_FALSE(device_in(bare.header()));
    CHECK_FALSE(usable_address_in(bare.header()));
    CHECK_FALSE(owned_rule_in(bare.header()));
    CHECK_FALSE(plain_rule_in(bare.header()));
    CHECK_FALSE(route_in(bare.header()));
    CHECK_FALSE(route_answer_in(bare.header()));
}

TEST_CASE("a device's name ends at its attribute's end, NUL or not") {
    NetlinkRequest message(RTM_NEWLINK, 0);
    message.extra<ifinfomsg>().ifi_index = 7;
    message.put_bytes(IFLA_IFNAME, "wan0", 4);
    message.put_u32(IFLA_MTU, 0x61616161);
    message.put_u32(IFLA_GROUP, kDeviceGroup);
    const auto named = device_in(message.header());
    REQUIRE(named);
    CHECK(named->name == "wan0");
    CHECK(named->device.index == 7);
    CHECK(named->device.made);
}

TEST_CASE("messages come out of a buffer one by one, and one that claims more than there is does not") {
    auto first = own_rule();
    auto second = route(AF_INET, 24);
    std::string bytes(reinterpret_cast<const char*>(first.header()), first.header()->nlmsg_len);
    bytes.append(reinterpret_cast<const char*>(second.header()), second.header()->nlmsg_len);
    std::span<const char> left(bytes);
    const auto* one = next_message(left);
    REQUIRE(one != nullptr);
    CHECK(owned_rule_in(one));
    const auto* two = next_message(left);
    REQUIRE(two != nullptr);
    CHECK(route_in(two));
    CHECK(next_message(left) == nullptr);
    for (const std::uint32_t length : {0u, 15u, 17u, 0x7fffffffu, 0xffffffffu}) {
        nlmsghdr lie{};
        lie.nlmsg_len = length;
        std::span<const char> all(reinterpret_cast<const char*>(&lie), sizeof lie);
        CHECK(next_message(all) == nullptr);
    }
}
