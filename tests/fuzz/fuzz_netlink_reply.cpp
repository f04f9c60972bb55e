// rtnetlink's messages, as many as stand in one buffer. They come from the kernel; what is made of them still must not
// depend on their being whole.
#include <vector>

#include "agent/launcher/lines/netlink_messages.hpp"
#include "agent/launcher/os/netlink.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

void check(const nlmsghdr* message) {
    if (const auto device = device_in(message))
        fuzz::demand(device->name.find('\0') == std::string::npos, "a name ends at its NUL");
    if (const auto address = usable_address_in(message))
        fuzz::demand(bool(IpAddress::parse(address->assigned.address.text())), "an address is one");
    if (const auto rule = owned_rule_in(message)) {
        fuzz::demand(!rule->from || rule->from->v6 == rule->v6, "a rule is of one family");
        fuzz::demand(!text_of(*rule).empty(), "a rule has a text");
    }
    if (const auto found = route_in(message)) {
        const TableRoute& route = found->route;
        const bool v6 = route.to.address.v6;
        fuzz::demand(route.to.length <= (v6 ? 128 : 32), "a prefix has a length");
        fuzz::demand((!route.gateway || route.gateway->v6 == v6) && (!route.source || route.source->v6 == v6),
                     "a route is of one family");
        fuzz::demand(!text_of(route).empty(), "a route has a text");
    }
    const auto change = change_in(message);
    fuzz::demand(change.table == 0 || change.of == Change::Of::routes, "only routes have a table");
    fuzz::demand(!change.is_ours || change.of != Change::Of::devices, "devices carry no protocol");
    if (const auto answer = route_answer_in(message))
        fuzz::demand(answer->error == 0, "an answer is no error: that is another message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<char> buffer(data, data + size);  // aligned, and exactly as long
    std::span<const char> left(buffer);
    while (const auto* message = next_message(left)) check(message);
    return 0;
}
