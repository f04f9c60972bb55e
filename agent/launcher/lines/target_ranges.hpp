// The target table as ranges that do not overlap, for a kernel facility that cannot look for the longest prefix. Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/launcher/lines/target_table.hpp"

namespace edge::launcher {

struct AddressRange {
    IpAddress first{};
    IpAddress last{};
    std::string text() const;  // `192.0.2.0-192.0.2.255`
    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// What the table denies of a family, in order. An IPv4 address inside an IPv6 one is judged where ranges can say it:
/// mapped, compatible, NAT64 and 6to4. They cannot of Teredo, whose client stands inverted at the end: it is denied
/// whole. ISATAP is no range.
std::vector<AddressRange> denied_ranges(const TargetTable& table, bool v6);

}  // namespace edge::launcher
