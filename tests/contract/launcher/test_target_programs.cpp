// What the packets' program decides by comparing is what the trie says, run by the kernel on packets that never were.
#include <doctest/doctest.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "agent/launcher/lines/bpf_line_guard.hpp"
#include "agent/launcher/os/bpf.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

const std::string kOurs = "100.64.1.2";

IpAddress address_of(std::uint32_t number) {
    IpAddress address;
    const std::uint32_t bytes = htonl(number);
    std::memcpy(address.bytes.data(), &bytes, sizeof bytes);
    return address;
}

IpPrefix draw_prefix(std::mt19937& random) {
    const auto length = static_cast<std::uint8_t>(1 + random() % 32);
    return network_of(address_of(static_cast<std::uint32_t>(random())), length);
}

/// The packets' program on the loopback device, held to by its maps, or with what it decides by itself.
class PacketProgram {
  public:
    PacketProgram(const GuardMaps& maps, const Binding& binding)
        : fd_(load_bpf_program(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, egress_program(binding, maps))
                  .value()) {}

    bool lets_through(std::uint32_t target) const {
        struct {
            ethhdr link{};
            iphdr ip{};
        } __attribute__((packed)) packet;
        packet.link.h_proto = htons(ETH_P_IP);
        packet.ip.version = 4;
        packet.ip.ihl = 5;
        packet.ip.protocol = IPPROTO_ICMP;
        packet.ip.saddr = 0;
        const auto source = IpAddress::parse(kOurs).value();
        std::memcpy(&packet.ip.saddr, source.bytes.data(), 4);
        packet.ip.daddr = htonl(target);
        bpf_attr attributes;
        std::memset(&attributes, 0, sizeof attributes);
        attributes.test.prog_fd = static_cast<__u32>(fd_.get());
        attributes.test.data_in = reinterpret_cast<std::uintptr_t>(&packet);
        attributes.test.data_size_in = sizeof packet;
        REQUIRE(::syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes) == 0);
        return attributes.test.retval == 1;
    }

  private:
    Fd fd_;
};

}  // namespace

TEST_CASE("comparing and asking the trie decide alike, at each edge and anywhere") {
    std::mt19937 random(7);
    const auto traffic = TrafficTable::make();
    const auto buckets = make_buckets_map();
    REQUIRE(traffic);
    REQUIRE(buckets);
    const Binding binding{
        .device = ::if_nametoindex("lo"), .mark = 0x101, .addresses = {IpAddress::parse(kOurs).value()}};
    std::size_t through = 0, stopped = 0;
    for (int round = 0; round < 60; ++round) {
        Targets targets;
        const auto some = [&](std::size_t most) { return round == 0 ? 0 : random() % most; };
        for (std::size_t n = some(20); n > 0; --n) targets.allow.push_back(draw_prefix(random));
        for (std::size_t n = some(20); n > 0; --n) targets.deny.push_back(draw_prefix(random));
        if (round == 1) targets.deny = {IpPrefix::parse("0.0.0.0/0").value()};
        if (round == 2) targets.allow = {IpPrefix::parse("0.0.0.0/0").value()};
        const TargetTable table = target_table(targets, {}, {IpAddress::parse(kOurs).value()});
        const auto maps = make_target_maps(table);
        REQUIRE(maps);
        GuardMaps both = maps.value().numbers(traffic.value().map(), buckets.value());
        REQUIRE(both.denied4);
        const PacketProgram compares(both, binding);
        both.denied4.reset();
        const PacketProgram asks(both, binding);
        std::vector<std::uint32_t> edges{0, 1, UINT32_MAX - 1, UINT32_MAX};
        for (const auto& range : maps.value().denied4.value())
            for (const IpAddress& end : {range.first, range.last}) {
                std::uint32_t number = 0;
                std::memcpy(&number, end.bytes.data(), 4);
                for (const std::uint32_t beside : {0U, 1U, UINT32_MAX}) edges.push_back(ntohl(number) + beside);
            }
        for (int n = 0; n < 200; ++n) edges.push_back(static_cast<std::uint32_t>(random()));
        for (const std::uint32_t target : edges) {
            const bool passes = compares.lets_through(target);
            CHECK_MESSAGE(passes == asks.lets_through(target), address_of(target).text());
            (passes ? through : stopped) += 1;
        }
    }
    CHECK(through > 1000);
    CHECK(stopped > 1000);
}

TEST_CASE("a table too long to be compared is asked as a trie") {
    Targets targets;
    for (std::uint32_t n = 0; n < 200; ++n) targets.deny.push_back({address_of(0xcb000000U + 2 * n), 32});
    const auto maps = make_target_maps(target_table(targets, {}, {}));
    REQUIRE(maps);
    CHECK_FALSE(maps.value().denied4);
}

TEST_CASE("each cgroup has figures of its own, and one that finds no place is refused") {
    auto made = TrafficTable::make();
    REQUIRE(made);
    TrafficTable& table = made.value();
    std::vector<std::uint64_t> together;  // groups of one first place
    for (std::uint64_t id = 1; together.size() <= kTrafficTries; ++id)
        if (first_place(id) == 7) together.push_back(id);
    for (std::size_t n = 0; n < kTrafficTries; ++n) CHECK(table.begin(together[n]));
    CHECK(table.begin(together.back()).error().code == Errc::unavailable);
    const std::uint32_t second = 8;
    TrafficPlace place;
    REQUIRE(get_bpf_entry(table.map(), &second, &place));
    CHECK(place.cgroup == together[1]);
    place.traffic.sent_packets = 5;
    REQUIRE(set_bpf_entry(table.map(), &second, &place));
    CHECK(table.of(together[1]).sent_packets == 5);
    CHECK(table.of(together[0]).sent_packets == 0);
    table.end(together[1]);
    CHECK(table.of(together[1]).sent_packets == 0);
    CHECK(table.begin(together.back()));  // in the place that is free
    CHECK(table.of(together.back()).sent_packets == 0);
}

TEST_CASE("groups that are numbered in steps find places") {
    for (const std::uint64_t step : {1U, 7U, 32U, 64U, 100U, 128U, 4096U}) {
        std::vector<unsigned> taken(kTrafficPlaces + kTrafficTries);
        unsigned refused = 0;
        for (std::uint64_t n = 1; n <= 512; ++n) {
            std::uint32_t place = first_place(100'000 + n * step);
            const auto last = place + kTrafficTries;
            while (place < last && taken[place] != 0) ++place;
            refused += place == last ? 1 : 0;
            if (place < last) taken[place] = 1;
        }
        CHECK_MESSAGE(refused == 0, step);
    }
}
