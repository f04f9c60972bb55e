#include "agent/launcher/lines/target_ranges.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace edge::launcher {
namespace {

std::size_t size_of(const IpAddress& address) {
    return address.v6 ? 16 : 4;
}

/// The next address, or the one before; none beyond the ends.
std::optional<IpAddress> step(IpAddress address, bool forward) {
    for (std::size_t i = size_of(address); i-- > 0;) {
        auto& byte = address.bytes[i];
        if (forward ? ++byte != 0 : byte-- != 0) return address;
    }
    return std::nullopt;
}

TargetVerdict verdict_on(const TargetTable& table, const IpAddress& address) {
    const TargetEntry* best = nullptr;
    for (const auto& entry : table.entries)
        if (entry.prefix.contains(address) && (best == nullptr || best->prefix.length < entry.prefix.length))
            best = &entry;
    return best == nullptr ? TargetVerdict::deny : best->verdict;
}

/// `outer` with an IPv4 address in it, from the byte `offset` on, and `fill` behind.
IpAddress embed(IpAddress outer, std::size_t offset, const IpAddress& inner, std::uint8_t fill) {
    std::copy_n(inner.bytes.begin(), 4, outer.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    std::fill(outer.bytes.begin() + static_cast<std::ptrdiff_t>(offset + 4), outer.bytes.end(), fill);
    return outer;
}

/// What of a range of embedding addresses the IPv4 inside denies; the whole where they differ before the embedding.
void add_embedded(const AddressRange& range, std::size_t offset, const std::vector<AddressRange>& denied4,
                  std::vector<AddressRange>& denied) {
    if (!std::equal(range.first.bytes.begin(), range.first.bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                    range.last.bytes.begin()))
        return denied.push_back(range);
    for (const auto& inner : denied4) {
        const AddressRange part{std::max(range.first, embed(range.first, offset, inner.first, 0)),
                                std::min(range.last, embed(range.first, offset, inner.last, 0xff))};
        if (part.first <= part.last) denied.push_back(part);
    }
}

std::vector<AddressRange> joined(const std::vector<AddressRange>& ranges) {
    std::vector<AddressRange> all;
    for (const auto& range : ranges) {
        if (!all.empty() && step(all.back().last, true) == range.first)
            all.back().last = range.last;
        else
            all.push_back(range);
    }
    return all;
}

}  // namespace

std::string AddressRange::text() const {
    return first == last ? first.text() : first.text() + "-" + last.text();
}

std::vector<AddressRange> denied_ranges(const TargetTable& table, bool v6) {
    const auto denied4 = v6 ? denied_ranges(table, false) : std::vector<AddressRange>{};
    std::set<IpAddress> starts{IpAddress{v6, {}}};  // where the verdict may change
    for (const auto& [prefix, verdict] : table.entries) {
        if (prefix.address.v6 != v6) continue;
        starts.insert(prefix.address);
        if (const auto behind = step(last_of(prefix), true)) starts.insert(*behind);
    }
    IpAddress end{v6, {}};
    std::fill_n(end.bytes.begin(), size_of(end), std::uint8_t{0xff});
    std::vector<AddressRange> denied;
    for (auto at = starts.begin(); at != starts.end(); ++at) {
        const auto next = std::next(at);
        const AddressRange range{*at, next == starts.end() ? end : *step(*next, false)};
        switch (verdict_on(table, *at)) {
            case TargetVerdict::deny:
            case TargetVerdict::allow_teredo:
                denied.push_back(range);
                break;
            case TargetVerdict::allow:
                break;
            case TargetVerdict::allow_tail:
                add_embedded(range, 12, denied4, denied);
                break;
            case TargetVerdict::allow_sixtofour:
                add_embedded(range, 2, denied4, denied);
                break;
        }
    }
    return joined(denied);
}

}  // namespace edge::launcher
