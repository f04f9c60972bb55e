#include "agent/launcher/lines/made_devices.hpp"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

void put_text(NetlinkRequest& request, std::uint16_t attribute, const std::string& text) {
    request.put_bytes(attribute, text.c_str(), text.size() + 1);
}

/// Of a device by name; a router's advertisement to it would put a default route into the main table.
std::string accept_ra_of(const std::string& device) {
    return "/proc/sys/net/ipv6/conf/" + device + "/accept_ra";
}

/// Where the unit protects /proc/sys nothing is made at all: a device that comes and goes is an event to try again.
Result<> check_advertisements_can_be_refused() {
    const auto standard = read_file(accept_ra_of("default"));
    if (!standard || standard.value() == "0\n" || ::access(accept_ra_of("default").c_str(), W_OK) == 0) return ok();
    return os_error(errno, accept_ra_of("DEVICE"),
                    "cannot be set to 0; set net.ipv6.conf.default.accept_ra = 0, or give edge-launcher.service "
                    "ReadWritePaths=/proc/sys/net/ipv6/conf");
}

/// By netlink where it can be said there.
NetlinkRequest request_to_answer_for_itself(const std::string& device) {
    NetlinkRequest request(RTM_SETLINK, 0);
    request.extra<ifinfomsg>();
    put_text(request, IFLA_IFNAME, device);
    auto* spec = mnl_attr_nest_start(request.header(), IFLA_AF_SPEC);
    auto* inet = mnl_attr_nest_start(request.header(), AF_INET);
    auto* settings = mnl_attr_nest_start(request.header(), IFLA_INET_CONF);
    request.put_u32(IPV4_DEVCONF_ARP_IGNORE, 1);
    for (auto* nest : {settings, inet, spec}) mnl_attr_nest_end(request.header(), nest);
    return request;
}

NetlinkRequest request_to_make(const NewDevice& device) {
    NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    request.extra<ifinfomsg>();
    put_text(request, IFLA_IFNAME, device.name);
    request.put_u32(IFLA_LINK, device.parent);
    request.put_u32(IFLA_GROUP, kDeviceGroup);
    if (device.mac) request.put_bytes(IFLA_ADDRESS, device.mac->bytes.data(), device.mac->bytes.size());
    auto* info = mnl_attr_nest_start(request.header(), IFLA_LINKINFO);
    put_text(request, IFLA_INFO_KIND, "macvlan");
    auto* data = mnl_attr_nest_start(request.header(), IFLA_INFO_DATA);
    request.put_u32(IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE);
    for (auto* nest : {data, info}) mnl_attr_nest_end(request.header(), nest);
    return request;
}

}  // namespace

Result<> make_macvlan(Netlink& netlink, const NewDevice& device) {
    EDGE_TRY(check_advertisements_can_be_refused());
    auto make = request_to_make(device);
    EDGE_TRY(netlink.change(make));
    auto answer_for_itself = request_to_answer_for_itself(device.name);
    EDGE_TRY(netlink.change(answer_for_itself));
    if (const auto now = read_file(accept_ra_of(device.name)); now && now.value() != "0\n") {
        EDGE_TRY(write_file(accept_ra_of(device.name), "0"));
    }
    NetlinkRequest up(RTM_SETLINK, 0);
    auto& header = up.extra<ifinfomsg>();
    header.ifi_flags = header.ifi_change = IFF_UP;
    put_text(up, IFLA_IFNAME, device.name);
    return netlink.change(up);
}

Result<> assign_address(Netlink& netlink, const NewAddress& address) {
    const bool v6 = address.address.address.v6;
    const auto* bytes = address.address.address.bytes.data();
    NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    auto& header = request.extra<ifaddrmsg>();
    header.ifa_family = v6 ? AF_INET6 : AF_INET;
    header.ifa_prefixlen = address.address.length;
    header.ifa_index = address.device;
    request.put_bytes(IFA_LOCAL, bytes, v6 ? 16 : 4);
    request.put_bytes(IFA_ADDRESS, bytes, v6 ? 16 : 4);
    request.put_u32(IFA_FLAGS, IFA_F_NOPREFIXROUTE | IFA_F_NODAD);
    return netlink.change(request);
}

Result<> raise_device(Netlink& netlink, std::uint32_t index) {
    NetlinkRequest request(RTM_SETLINK, 0);
    auto& header = request.extra<ifinfomsg>();
    header.ifi_index = static_cast<int>(index);
    header.ifi_flags = header.ifi_change = IFF_UP;
    return netlink.change(request);
}

Result<> remove_device(Netlink& netlink, std::uint32_t index) {
    NetlinkRequest request(RTM_DELLINK, 0);
    request.extra<ifinfomsg>().ifi_index = static_cast<int>(index);
    return netlink.change(request);
}

}  // namespace edge::launcher
