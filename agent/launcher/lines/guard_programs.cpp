#include "agent/launcher/lines/guard_programs.hpp"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "agent/launcher/lines/target_table.hpp"
#include "agent/launcher/lines/traffic_table.hpp"

namespace edge::launcher {
namespace {

using A = BpfAssembly;
using Label = BpfAssembly::Label;

// The same in every program: what survives calls, and the stack from its end downwards.
constexpr int kContext = BPF_REG_6, kPort = BPF_REG_7, kProtocol = BPF_REG_8, kScratch = BPF_REG_9;
// Without CAP_PERFMON Linux 6.1 takes a number of fewer than 8 bytes that is stored at the start of one of the stack's
// 8 bytes for a register spilled there, and lets nothing but all 8 be written after it ("attempt to corrupt spilled
// pointer on stack"). So addresses start at a multiple of 8 and are stored by eights, lone words stand in a second
// half.
constexpr int kHeader = -40;  // 40 bytes: an IP header
constexpr int kKey = -60;     // 20 bytes: a TrieKey
constexpr int kIndex = -76;   // 4 bytes
constexpr int kOpen = -104;   // 20 bytes: an OpenKey
constexpr int kKeyAddress = kKey + static_cast<int>(offsetof(TrieKey, address));

constexpr std::uint64_t kSecond = 1'000'000'000;  // nanoseconds
constexpr int kPrecision = 10;                    // bits behind the point of a price in nanoseconds

std::uint32_t word_at(const IpAddress& address, std::size_t index) {
    std::uint32_t word = 0;
    std::memcpy(&word, address.bytes.data() + 4 * index, sizeof word);
    return word;  // in network order, as the kernel's fields are
}

std::vector<IpAddress> of_family(const std::vector<IpAddress>& addresses, bool v6) {
    std::vector<IpAddress> some;
    std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(some),
                 [&](const IpAddress& address) { return address.v6 == v6; });
    return some;
}

struct Kind {
    int family, type, protocol;
};
// The kernel has put the protocol's number in already when 0 was asked for (inet_create).
constexpr Kind kAllowed[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP},  {AF_INET, SOCK_DGRAM, IPPROTO_UDP},  {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
};

/// Goes to `known` if the address whose words stand from base + offset on is one of these; else goes on.
void match_address(A& a, int base, int offset, const std::vector<IpAddress>& addresses, Label known) {
    for (const auto& address : addresses) {
        const Label other = a.label();
        for (std::size_t i = 0; i < (address.v6 ? 4U : 1U); ++i) {
            a.load(BPF_REG_2, base, offset + 4 * static_cast<int>(i));
            a.go_if(BPF_JNE, BPF_REG_2, word_at(address, i), other);
        }
        a.go(known);
        a.place(other);
    }
}

/// The address of 4 or 16 bytes at base + offset, to `place` on the stack, zeros behind an IPv4 one.
void put_address(A& a, bool v6, int base, int offset, int place) {
    for (int i = 0; i < 16; i += 8) {
        if (!v6) {
            a.store_value(BPF_REG_10, place + i, 0, A::twice);
            continue;
        }
        a.load(BPF_REG_2, base, offset + i, A::twice);
        a.store(BPF_REG_10, place + i, BPF_REG_2, A::twice);
    }
    if (v6) return;
    a.load(BPF_REG_2, base, offset);
    a.store(BPF_REG_10, place, BPF_REG_2);
}

/// What the map has under the key that stands on the stack at `key`, in R0.
void look_up(A& a, int map, int key) {
    a.map(BPF_REG_1, map);
    a.copy(BPF_REG_2, BPF_REG_10);
    a.calc(BPF_ADD, BPF_REG_2, key);
    a.call(BPF_FUNC_map_lookup_elem);
}

/// The verdict on the key on the stack, in kScratch; what no entry holds is denied.
void ask_targets(A& a, int map, std::uint32_t bits, Label denied) {
    a.store_value(BPF_REG_10, kKey, bits);
    look_up(a, map, kKey);
    a.go_if_null(BPF_REG_0, denied);
    a.load(kScratch, BPF_REG_0, 0);
}

/// The IPv4 address at `offset` of the IPv6 address in the key; in its place, for `ask_targets`.
void move_v4(A& a, int offset, std::uint32_t flip = 0) {
    a.load(BPF_REG_2, BPF_REG_10, kKeyAddress + offset, A::half);
    a.load(BPF_REG_3, BPF_REG_10, kKeyAddress + offset + 2, A::half);
    if (flip != 0) {
        a.calc(BPF_XOR, BPF_REG_2, static_cast<std::int32_t>(flip));
        a.calc(BPF_XOR, BPF_REG_3, static_cast<std::int32_t>(flip));
    }
    a.store_value(BPF_REG_10, kKeyAddress, 0, A::twice);
    a.store(BPF_REG_10, kKeyAddress + 2, BPF_REG_3, A::half);
    a.store(BPF_REG_10, kKeyAddress, BPF_REG_2, A::half);
}

constexpr std::uint32_t is(TargetVerdict verdict) {
    return static_cast<std::uint32_t>(verdict);
}

void ask_v4_inside(A& a, int map, Label denied) {
    ask_targets(a, map, 32, denied);
    a.go_if(BPF_JNE, kScratch, is(TargetVerdict::allow), denied);
}

/// From `first` on a verdict holds, up to the next one's.
struct Verdict {
    std::uint32_t first = 0;
    bool denied = false;
};

std::vector<Verdict> verdicts_of(const std::vector<AddressRange>& denied4) {
    const auto number = [](const IpAddress& address) { return ntohl(word_at(address, 0)); };
    std::vector<Verdict> verdicts;
    if (denied4.empty() || number(denied4.front().first) != 0) verdicts.push_back({0, false});
    for (const auto& range : denied4) {
        verdicts.push_back({number(range.first), true});
        if (number(range.last) != UINT32_MAX) verdicts.push_back({number(range.last) + 1, false});
    }
    return verdicts;
}

/// The verdict on the number in R2, found by halves.
void decide(A& a, std::span<const Verdict> verdicts, Label denied, Label allowed) {
    if (verdicts.size() == 1) return a.go(verdicts.front().denied ? denied : allowed);
    const auto half = verdicts.size() / 2;
    const Label upper = a.label();
    a.go_if(BPF_JGE, BPF_REG_2, verdicts[half].first, upper);
    decide(a, verdicts.first(half), denied, allowed);
    a.place(upper);
    decide(a, verdicts.subspan(half), denied, allowed);
}

/// Of the address in the key: to `denied`, or on.
void check_target(A& a, bool v6, const GuardMaps& maps, Label denied) {
    const auto verdicts = !v6 && maps.denied4 ? verdicts_of(*maps.denied4) : std::vector<Verdict>();
    if (verdicts.size() > 1) {  // of one alone, a way on could not be reached, which the verifier refuses
        const Label allowed = a.label();
        a.load(BPF_REG_2, BPF_REG_10, kKeyAddress);
        a.from_network(BPF_REG_2);
        decide(a, verdicts, denied, allowed);
        return a.place(allowed);
    }
    ask_targets(a, v6 ? maps.targets6 : maps.targets4, v6 ? 128 : 32, denied);
    a.go_if(BPF_JEQ, kScratch, is(TargetVerdict::deny), denied);
    if (!v6) return;
    const Label passed = a.label(), tail = a.label(), sixtofour = a.label(), teredo = a.label();
    a.go_if(BPF_JEQ, kScratch, is(TargetVerdict::allow_tail), tail);
    a.go_if(BPF_JEQ, kScratch, is(TargetVerdict::allow_sixtofour), sixtofour);
    a.go_if(BPF_JEQ, kScratch, is(TargetVerdict::allow_teredo), teredo);
    // ISATAP: an interface identifier, of any prefix (RFC 5214 section 6.1).
    a.load(BPF_REG_2, BPF_REG_10, kKeyAddress + 8);
    a.calc(BPF_AND, BPF_REG_2, static_cast<std::int32_t>(htonl(0xfdffffffU)));
    a.go_if(BPF_JNE, BPF_REG_2, htonl(0x00005efeU), passed);
    a.place(tail);
    move_v4(a, 12);
    ask_v4_inside(a, maps.targets4, denied);
    a.go(passed);
    a.place(sixtofour);
    move_v4(a, 2);
    ask_v4_inside(a, maps.targets4, denied);
    a.go(passed);
    a.place(teredo);  // its server first: its client stays where it is in the key
    move_v4(a, 4);
    ask_v4_inside(a, maps.targets4, denied);
    move_v4(a, 12, 0xffff);
    ask_v4_inside(a, maps.targets4, denied);
    a.place(passed);
}

/// Lays out the key of `check_open`: its address, from base + offset on.
void put_open_address(A& a, bool v6, int base, int offset) {
    put_address(a, v6, base, offset, kOpen);
    a.store_value(BPF_REG_10, kOpen + static_cast<int>(offsetof(OpenKey, v6)), v6 ? 1 : 0, A::byte);
}

/// Goes to `allowed` if the key, with this port and protocol, is an open one; else on.
void check_open(A& a, int map, Label allowed) {
    const Label closed = a.label();
    a.store(BPF_REG_10, kOpen + static_cast<int>(offsetof(OpenKey, protocol)), kProtocol, A::byte);
    a.store(BPF_REG_10, kOpen + static_cast<int>(offsetof(OpenKey, port)), kPort, A::half);  // last: it starts an eight
    look_up(a, map, kOpen);
    a.go_if_null(BPF_REG_0, closed);
    a.go(allowed);
    a.place(closed);
}

/// Adds to the sandbox's figures: one to `packets`, and with `bytes` the packet's length there. A group that nobody
/// registered is not counted.
void count(A& a, int map, std::size_t packets, std::optional<std::size_t> bytes = std::nullopt) {
    const Label unknown = a.label(), found = a.label();
    const auto at = [](std::size_t figure) { return static_cast<int>(offsetof(TrafficPlace, traffic) + figure); };
    a.copy(BPF_REG_1, kContext);
    a.call(BPF_FUNC_skb_cgroup_id);
    a.copy(kScratch, BPF_REG_0);
    for (std::uint32_t nth = 0; nth < kTrafficTries; ++nth) {
        a.copy(BPF_REG_1, kScratch);
        a.calc(BPF_MUL, BPF_REG_1, kTrafficSpread);
        a.calc(BPF_RSH, BPF_REG_1, kTrafficShift);
        a.calc(BPF_ADD, BPF_REG_1, static_cast<std::int32_t>(nth));
        a.calc(BPF_AND, BPF_REG_1, kTrafficPlaces - 1);
        a.store(BPF_REG_10, kIndex, BPF_REG_1);
        look_up(a, map, kIndex);
        a.go_if_null(BPF_REG_0, unknown);
        a.load(BPF_REG_1, BPF_REG_0, offsetof(TrafficPlace, cgroup), A::twice);
        a.go_if_reg(BPF_JEQ, BPF_REG_1, kScratch, found);
    }
    a.go(unknown);
    a.place(found);
    a.set(BPF_REG_1, 1);
    a.add_to(BPF_REG_0, at(packets), BPF_REG_1);
    if (bytes) {
        a.load(BPF_REG_1, kContext, offsetof(__sk_buff, len));
        a.add_to(BPF_REG_0, at(*bytes), BPF_REG_1);
    }
    a.place(unknown);
}

/// The generic cell rate algorithm: a bucket is the moment up to which its rate is spent; more than a second ahead is
/// too much. Two processors that meet here try again, three times.
void spend(A& a, int map, std::uint32_t bucket, std::uint64_t rate, bool by_bytes, Label too_much) {
    const std::uint64_t price = std::max<std::uint64_t>((kSecond << kPrecision) / rate, 1);
    const Label spent = a.label();
    a.store_value(BPF_REG_10, kIndex, bucket);
    look_up(a, map, kIndex);
    a.go_if_null(BPF_REG_0, too_much);
    a.copy(kScratch, BPF_REG_0);
    a.call(BPF_FUNC_ktime_get_ns);
    a.copy(kPort, BPF_REG_0);  // now
    if (by_bytes) {
        a.load(BPF_REG_4, kContext, offsetof(__sk_buff, len));
    } else {
        a.set(BPF_REG_4, 1);
    }
    // A price is at most 2^40 (one a second), a length 2^16: the product fits.
    a.set_word(BPF_REG_5, static_cast<std::uint32_t>(price >> 20));
    a.calc(BPF_LSH, BPF_REG_5, 20);
    a.calc(BPF_ADD, BPF_REG_5, static_cast<std::int32_t>(price & 0xfffff));
    a.calc_reg(BPF_MUL, BPF_REG_4, BPF_REG_5);
    a.calc(BPF_RSH, BPF_REG_4, kPrecision);
    a.copy(BPF_REG_5, kPort);
    a.calc(BPF_ADD, BPF_REG_5, static_cast<std::int32_t>(kSecond));  // the latest moment that may be spent
    for (int attempt = 0; attempt < 3; ++attempt) {
        const Label ahead = a.label();
        a.load(BPF_REG_0, kScratch, 0, A::twice);
        a.copy(BPF_REG_2, BPF_REG_0);
        a.go_if_reg(BPF_JGT, BPF_REG_2, kPort, ahead);
        a.copy(BPF_REG_2, kPort);
        a.place(ahead);
        a.calc_reg(BPF_ADD, BPF_REG_2, BPF_REG_4);
        a.go_if_reg(BPF_JGT, BPF_REG_2, BPF_REG_5, too_much);
        a.copy(BPF_REG_3, BPF_REG_0);
        a.exchange_if_same(kScratch, 0, BPF_REG_2);
        a.go_if_reg(BPF_JEQ, BPF_REG_0, BPF_REG_3, spent);
    }
    a.place(spent);
}

/// The first `bytes` of the packet, from its IP header on.
void load_header(A& a, int bytes, Label failed) {
    a.copy(BPF_REG_1, kContext);
    a.set(BPF_REG_2, 0);
    a.copy(BPF_REG_3, BPF_REG_10);
    a.calc(BPF_ADD, BPF_REG_3, kHeader);
    a.set(BPF_REG_4, bytes);
    a.call(BPF_FUNC_skb_load_bytes);
    a.go_if(BPF_JNE, BPF_REG_0, 0, failed);
}

struct HeaderLayout {
    int bytes, protocol, source, destination;
};
constexpr HeaderLayout kIpv4{20, 9, 12, 16};
constexpr HeaderLayout kIpv6{40, 6, 8, 24};

/// Bytes of the header behind the IP header that stands at kHeader, into its place.
void load_behind_header(A& a, bool v6, int offset, int bytes, Label failed) {
    if (v6) {
        a.set(BPF_REG_2, kIpv6.bytes + offset);
    } else {
        a.load(BPF_REG_2, BPF_REG_10, kHeader, A::byte);
        a.calc(BPF_AND, BPF_REG_2, 0xf);
        a.calc(BPF_LSH, BPF_REG_2, 2);
        a.calc(BPF_ADD, BPF_REG_2, offset);
    }
    a.copy(BPF_REG_1, kContext);
    a.copy(BPF_REG_3, BPF_REG_10);
    a.calc(BPF_ADD, BPF_REG_3, kHeader);
    a.set(BPF_REG_4, bytes);
    a.call(BPF_FUNC_skb_load_bytes);
    a.go_if(BPF_JNE, BPF_REG_0, 0, failed);
}

/// The packet's protocol and destination port, behind its IP header, which is given up for it. What has none goes to
/// `none`, and so does IPv6 with options in between: nobody needs them to reach an open port.
void load_ports(A& a, bool v6, Label none) {
    const HeaderLayout& layout = v6 ? kIpv6 : kIpv4;
    const Label has_port = a.label();
    constexpr int kDestination = 2;  // in a TCP or UDP header
    a.load(kProtocol, BPF_REG_10, kHeader + layout.protocol, A::byte);
    a.go_if(BPF_JEQ, kProtocol, IPPROTO_TCP, has_port);
    a.go_if(BPF_JNE, kProtocol, IPPROTO_UDP, none);
    a.place(has_port);
    load_behind_header(a, v6, kDestination, 2, none);
    a.load(kPort, BPF_REG_10, kHeader, A::half);
}

void check_packet(A& a, bool v6, const Binding& binding, const GuardMaps& maps, Label stray, Label denied) {
    const HeaderLayout& layout = v6 ? kIpv6 : kIpv4;
    const Label ours = a.label(), closed = a.label(), passed = a.label();
    const auto sources = of_family(binding.addresses, v6);
    if (sources.empty()) return a.go(stray);  // the verifier refuses what cannot be reached
    load_header(a, layout.bytes, stray);
    match_address(a, BPF_REG_10, kHeader + layout.source, sources, ours);
    a.go(stray);
    a.place(ours);
    put_address(a, v6, BPF_REG_10, kHeader + layout.destination, kKeyAddress);
    check_target(a, v6, maps, closed);
    a.go(passed);
    a.place(closed);
    put_open_address(a, v6, BPF_REG_10, kHeader + layout.destination);
    load_ports(a, v6, denied);
    check_open(a, maps.open, passed);
    a.go(denied);
    a.place(passed);
}

/// Answers 0, or goes on where the packet may come in.
void check_unasked(A& a, bool v6, Label unasked) {
    const HeaderLayout& layout = v6 ? kIpv6 : kIpv4;
    const Label passed = a.label();
    load_header(a, layout.bytes, unasked);
    a.load(BPF_REG_2, BPF_REG_10, kHeader + layout.protocol, A::byte);
    if (v6)
        for (const std::uint32_t options : {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS})
            a.go_if(BPF_JEQ, BPF_REG_2, options, unasked);
    a.go_if(BPF_JNE, BPF_REG_2, IPPROTO_TCP, passed);
    constexpr int kFlags = 13;  // in a TCP header
    load_behind_header(a, v6, kFlags, 1, unasked);
    a.load(BPF_REG_2, BPF_REG_10, kHeader, A::byte);
    a.calc(BPF_AND, BPF_REG_2, 0x12);  // SYN and ACK
    a.go_if(BPF_JEQ, BPF_REG_2, 0x02, unasked);
    a.place(passed);
}

}  // namespace

BpfProgram sock_create_program(const Binding& binding) {
    A a;
    constexpr int kFamily = BPF_REG_2, kType = BPF_REG_3, kOf = BPF_REG_4, kValue = BPF_REG_5;
    if (binding.device != 0) {
        a.load(kFamily, BPF_REG_1, offsetof(bpf_sock, family));
        a.load(kType, BPF_REG_1, offsetof(bpf_sock, type));
        a.load(kOf, BPF_REG_1, offsetof(bpf_sock, protocol));
        for (const auto& kind : kAllowed) {
            const Label other = a.label();
            a.go_if(BPF_JNE, kFamily, static_cast<unsigned>(kind.family), other);
            a.go_if(BPF_JNE, kType, static_cast<unsigned>(kind.type), other);
            a.go_if(BPF_JNE, kOf, static_cast<unsigned>(kind.protocol), other);
            a.set_word(kValue, binding.device);
            a.store(BPF_REG_1, offsetof(bpf_sock, bound_dev_if), kValue);
            a.set_word(kValue, binding.mark);
            a.store(BPF_REG_1, offsetof(bpf_sock, mark), kValue);
            a.answer(1);
            a.place(other);
        }
    }
    a.answer(0);
    return std::move(a).finish();
}

BpfProgram egress_program(const Binding& binding, const GuardMaps& maps) {
    A a;
    const Label six = a.label(), checked = a.label(), stray = a.label(), denied = a.label(), too_much = a.label();
    a.copy(kContext, BPF_REG_1);
    a.load(BPF_REG_2, kContext, offsetof(__sk_buff, ifindex));
    a.go_if(BPF_JNE, BPF_REG_2, binding.device, stray);
    a.load(BPF_REG_2, kContext, offsetof(__sk_buff, protocol));
    a.go_if(BPF_JEQ, BPF_REG_2, htons(ETH_P_IPV6), six);
    a.go_if(BPF_JNE, BPF_REG_2, htons(ETH_P_IP), stray);
    check_packet(a, false, binding, maps, stray, denied);
    if (!of_family(binding.addresses, false).empty()) a.go(checked);
    a.place(six);
    check_packet(a, true, binding, maps, stray, denied);
    a.place(checked);
    if (binding.budget.bytes_per_s != 0) spend(a, maps.buckets, 0, binding.budget.bytes_per_s, true, too_much);
    if (binding.budget.packets_per_s != 0) spend(a, maps.buckets, 1, binding.budget.packets_per_s, false, too_much);
    count(a, maps.traffic, offsetof(Traffic, sent_packets), offsetof(Traffic, sent_bytes));
    a.answer(1);
    a.place(stray);
    count(a, maps.traffic, offsetof(Traffic, strays));
    a.answer(0);
    a.place(denied);
    count(a, maps.traffic, offsetof(Traffic, denied));
    a.answer(0);
    if (binding.budget == Budget{}) return std::move(a).finish();
    a.place(too_much);
    count(a, maps.traffic, offsetof(Traffic, throttled));
    a.answer(0);
    return std::move(a).finish();
}

BpfProgram ingress_program(const GuardMaps& maps) {
    A a;
    const Label six = a.label(), checked = a.label(), unasked = a.label();
    a.copy(kContext, BPF_REG_1);
    a.load(BPF_REG_2, kContext, offsetof(__sk_buff, protocol));
    a.go_if(BPF_JEQ, BPF_REG_2, htons(ETH_P_IPV6), six);
    a.go_if(BPF_JNE, BPF_REG_2, htons(ETH_P_IP), unasked);
    check_unasked(a, false, unasked);
    a.go(checked);
    a.place(six);
    check_unasked(a, true, unasked);
    a.place(checked);
    count(a, maps.traffic, offsetof(Traffic, received_packets), offsetof(Traffic, received_bytes));
    a.answer(1);
    a.place(unasked);
    count(a, maps.traffic, offsetof(Traffic, unasked));
    a.answer(0);
    return std::move(a).finish();
}

BpfProgram target_program(bool v6, const Binding& binding, const GuardMaps& maps) {
    A a;
    const Label closed = a.label(), allowed = a.label(), has_port = a.label();
    a.copy(kContext, BPF_REG_1);
    a.load(kPort, kContext, offsetof(bpf_sock_addr, user_port));
    a.load(kProtocol, kContext, offsetof(bpf_sock_addr, protocol));
    const auto field = static_cast<int>(v6 ? offsetof(bpf_sock_addr, user_ip6) : offsetof(bpf_sock_addr, user_ip4));
    put_address(a, v6, kContext, field, kKeyAddress);
    check_target(a, v6, maps, closed);
    a.go_if(BPF_JEQ, kProtocol, IPPROTO_TCP, has_port);
    a.go_if(BPF_JNE, kProtocol, IPPROTO_UDP, allowed);
    a.place(has_port);
    for (const auto port : binding.ports) a.go_if(BPF_JEQ, kPort, htons(port), allowed);
    if (binding.ports.empty()) a.go(allowed);
    a.place(closed);
    put_open_address(a, v6, kContext, field);
    check_open(a, maps.open, allowed);
    a.answer(0);
    a.place(allowed);
    a.answer(1);
    return std::move(a).finish();
}

BpfProgram bind_program(bool v6, const Binding& binding) {
    A a;
    const Label ours = a.label();
    const auto field = v6 ? offsetof(bpf_sock_addr, user_ip6) : offsetof(bpf_sock_addr, user_ip4);
    const auto addresses = of_family(binding.addresses, v6);
    match_address(a, BPF_REG_1, static_cast<int>(field), addresses, ours);
    a.answer(0);
    if (addresses.empty()) return std::move(a).finish();  // the verifier refuses what cannot be reached
    a.place(ours);
    a.answer(1);
    return std::move(a).finish();
}

}  // namespace edge::launcher
