#include "agent/launcher/lines/netlink_messages.hpp"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "agent/launcher/os/netlink.hpp"

namespace edge::launcher {
namespace {

/// The family's fixed header, or null where the message ends before it does.
template <class Header>
const Header* header_of(const nlmsghdr* message) {
    if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
    return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

bool is_ip(unsigned family) {
    return family == AF_INET || family == AF_INET6;
}

std::optional<IpAddress> address_of(const nlattr* attribute, bool v6) {
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != size_of(v6)) return std::nullopt;
    IpAddress address;
    address.v6 = v6;
    std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), size_of(v6));
    return address;
}

std::string text_of(const nlattr* attribute) {
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return {text, strnlen(text, mnl_attr_get_payload_len(attribute))};
}

using RuleAttributes = Attributes<FRA_MAX + 1>;

const fib_rule_hdr* rule_header(const nlmsghdr* message) {
    const auto* header = header_of<fib_rule_hdr>(message);
    return header != nullptr && is_ip(header->family) ? header : nullptr;  // multicast routing has rules as well
}

Rule rule_of(const fib_rule_hdr* header, const RuleAttributes& attributes) {
    Rule rule;
    rule.v6 = header->family == AF_INET6;
    rule.pref = attributes.u32(FRA_PRIORITY);
    rule.mark = attributes.u32(FRA_FWMARK);
    rule.from = address_of(attributes[FRA_SRC], rule.v6);
    const auto* uids = attributes[FRA_UID_RANGE];
    if (uids != nullptr && mnl_attr_get_payload_len(uids) == sizeof(fib_rule_uid_range)) {
        fib_rule_uid_range range{};
        std::memcpy(&range, mnl_attr_get_payload(uids), sizeof range);
        rule.uids = UidRange{range.start, range.end};
    }
    if (header->action == FR_ACT_TO_TBL)
        rule.table = attributes[FRA_TABLE] != nullptr ? attributes.u32(FRA_TABLE) : header->table;
    if (const auto* device = attributes[FRA_OIFNAME]; device != nullptr) rule.device = text_of(device);
    return rule;
}

}  // namespace

std::optional<NamedDevice> device_in(const nlmsghdr* message) {
    const auto* header = header_of<ifinfomsg>(message);
    if (header == nullptr) return std::nullopt;
    const Attributes<IFLA_GROUP + 1> attributes(message, sizeof *header);
    const auto* name = attributes[IFLA_IFNAME];
    if (name == nullptr) return std::nullopt;
    NamedDevice named{text_of(name), {}};
    named.device.index = static_cast<std::uint32_t>(header->ifi_index);
    named.device.up = (header->ifi_flags & IFF_UP) != 0;
    named.device.carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
    named.device.made = attributes.u32(IFLA_GROUP) == kDeviceGroup;
    return named;
}

std::optional<DeviceAddress> usable_address_in(const nlmsghdr* message) {
    const auto* header = header_of<ifaddrmsg>(message);
    if (header == nullptr || !is_ip(header->ifa_family)) return std::nullopt;
    const Attributes<IFA_FLAGS + 1> attributes(message, sizeof *header);
    const auto flags = attributes[IFA_FLAGS] != nullptr ? attributes.u32(IFA_FLAGS) : header->ifa_flags;
    // Not usable as a source before duplicate address detection is over; an event tells when it is.
    if ((flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0) return std::nullopt;
    const auto* local = attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
    const auto address = address_of(local, header->ifa_family == AF_INET6);
    if (!address) return std::nullopt;
    return DeviceAddress{header->ifa_index, {*address, header->ifa_prefixlen}};
}

std::optional<Rule> plain_rule_in(const nlmsghdr* message) {
    const auto* header = rule_header(message);
    if (header == nullptr || header->dst_len != 0 || header->tos != 0 || (header->flags & FIB_RULE_INVERT) != 0)
        return std::nullopt;
    if (header->src_len != 0 && header->src_len != 8 * size_of(header->family == AF_INET6)) return std::nullopt;
    const RuleAttributes attributes(message, sizeof *header);
    for (const auto other : {FRA_IIFNAME, FRA_TUN_ID, FRA_L3MDEV, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE})
        if (attributes[other] != nullptr) return std::nullopt;
    constexpr std::uint32_t kNone = 0xffff'ffff;
    for (const auto suppressed : {FRA_SUPPRESS_PREFIXLEN, FRA_SUPPRESS_IFGROUP})
        if (attributes[suppressed] != nullptr && attributes.u32(suppressed) != kNone) return std::nullopt;
    return rule_of(header, attributes);
}

std::optional<Rule> owned_rule_in(const nlmsghdr* message) {
    const auto* header = rule_header(message);
    if (header == nullptr) return std::nullopt;
    const RuleAttributes attributes(message, sizeof *header);
    if (attributes.u8(FRA_PROTOCOL) != kRoutingProtocol) return std::nullopt;
    return rule_of(header, attributes);
}

std::optional<KernelRoute> route_in(const nlmsghdr* message) {
    const auto* header = header_of<rtmsg>(message);
    if (header == nullptr || !is_ip(header->rtm_family)) return std::nullopt;
    if (header->rtm_type != RTN_UNICAST || (header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
    const bool v6 = header->rtm_family == AF_INET6;
    if (header->rtm_dst_len > 8 * size_of(v6)) return std::nullopt;
    const Attributes<RTA_MAX + 1> attributes(message, sizeof *header);
    KernelRoute found{{}, header->rtm_protocol};
    TableRoute& route = found.route;
    route.table = attributes[RTA_TABLE] != nullptr ? attributes.u32(RTA_TABLE) : header->rtm_table;
    route.to.address = address_of(attributes[RTA_DST], v6).value_or(IpAddress{v6, {}});
    route.to.length = header->rtm_dst_len;
    route.gateway = address_of(attributes[RTA_GATEWAY], v6);
    route.device = attributes.u32(RTA_OIF);
    route.source = address_of(attributes[RTA_PREFSRC], v6);
    return found;
}

Change change_in(const nlmsghdr* event) {
    switch (event->nlmsg_type) {
        case RTM_NEWRULE:
        case RTM_DELRULE:
            return {.of = Change::Of::rules, .is_ours = event->nlmsg_type == RTM_NEWRULE && owned_rule_in(event)};
        case RTM_NEWROUTE:
        case RTM_DELROUTE: {
            const auto* header = header_of<rtmsg>(event);
            if (header == nullptr) return {.of = Change::Of::routes};
            const Attributes<RTA_TABLE + 1> attributes(event, sizeof *header);
            return {Change::Of::routes,
                    attributes[RTA_TABLE] != nullptr ? attributes.u32(RTA_TABLE) : header->rtm_table,
                    event->nlmsg_type == RTM_NEWROUTE && header->rtm_protocol == kRoutingProtocol};
        }
        default:
            return {};
    }
}

std::optional<RouteAnswer> route_answer_in(const nlmsghdr* message) {
    const auto* header = header_of<rtmsg>(message);
    if (header == nullptr || !is_ip(header->rtm_family)) return std::nullopt;
    const bool v6 = header->rtm_family == AF_INET6;
    const Attributes<RTA_MAX + 1> attributes(message, sizeof *header);
    RouteAnswer answer;
    answer.device = attributes.u32(RTA_OIF);
    answer.table = attributes.u32(RTA_TABLE);
    answer.gateway = address_of(attributes[RTA_GATEWAY], v6);
    answer.source = address_of(attributes[RTA_PREFSRC], v6);
    return answer;
}

}  // namespace edge::launcher
