#include "agent/launcher/lines/bpf_line_guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/launcher/os/bpf.hpp"
#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMostTargets = 4096;   // entries of a trie
constexpr std::ptrdiff_t kMostCompared = 128;  // IPv4 entries: 7 comparisons or so
constexpr std::uint32_t kMostOpenPorts = 512;  // 256 of policy.toml, and those of four resolvers

Result<Fd> make_trie(const std::vector<TargetEntry>& targets, bool v6) {
    const auto bytes = static_cast<std::uint32_t>(v6 ? 16 : 4);
    EDGE_TRY(auto trie, make_bpf_map(BPF_MAP_TYPE_LPM_TRIE, 4 + bytes, sizeof(TargetVerdict), kMostTargets));
    for (const auto& entry : targets) {
        if (entry.prefix.address.v6 != v6) continue;
        TrieKey key{.bits = entry.prefix.length};
        std::memcpy(key.address, entry.prefix.address.bytes.data(), bytes);
        const auto verdict = EDGE_IS_OFF(kernel_targets) ? TargetVerdict::allow : entry.verdict;
        EDGE_TRY(set_bpf_entry(trie, &key, &verdict));
    }
    return trie;
}

Result<Fd> make_open_ports(const std::vector<OpenPort>& ports) {
    EDGE_TRY(auto map, make_bpf_map(BPF_MAP_TYPE_HASH, sizeof(OpenKey), 1, kMostOpenPorts));
    for (const auto& [target, udp] : ports) {
        OpenKey key{.port = htons(target.port),
                    .protocol = static_cast<std::uint8_t>(udp ? IPPROTO_UDP : IPPROTO_TCP),
                    .v6 = static_cast<std::uint8_t>(target.address.v6)};
        std::memcpy(key.address, target.address.bytes.data(), target.address.v6 ? 16 : 4);
        const std::uint8_t open = 1;
        EDGE_TRY(set_bpf_entry(map, &key, &open));
    }
    return map;
}

/// False, but in a test build that was told so.
bool is_left_out([[maybe_unused]] bpf_attach_type attach) {
    switch (attach) {
        case BPF_CGROUP_INET_SOCK_CREATE:
            return EDGE_IS_OFF(sock_create);
        case BPF_CGROUP_INET_EGRESS:
            return EDGE_IS_OFF(egress);
        case BPF_CGROUP_INET_INGRESS:
            return EDGE_IS_OFF(ingress);
        case BPF_CGROUP_INET4_BIND:
        case BPF_CGROUP_INET6_BIND:
            return EDGE_IS_OFF(bind);
        default:
            return EDGE_IS_OFF(connect);
    }
}

}  // namespace

std::vector<GuardHook> guard_hooks(const Binding& binding, const GuardMaps& maps) {
    constexpr auto kSocket = BPF_PROG_TYPE_CGROUP_SOCK;
    constexpr auto kPacket = BPF_PROG_TYPE_CGROUP_SKB;
    constexpr auto kAddress = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    return {
        {"cgroup/sock_create", kSocket, BPF_CGROUP_INET_SOCK_CREATE, sock_create_program(binding)},
        {"cgroup_skb/egress", kPacket, BPF_CGROUP_INET_EGRESS, egress_program(binding, maps)},
        {"cgroup_skb/ingress", kPacket, BPF_CGROUP_INET_INGRESS, ingress_program(maps)},
        {"cgroup/connect4", kAddress, BPF_CGROUP_INET4_CONNECT, target_program(false, binding, maps)},
        {"cgroup/connect6", kAddress, BPF_CGROUP_INET6_CONNECT, target_program(true, binding, maps)},
        {"cgroup/sendmsg4", kAddress, BPF_CGROUP_UDP4_SENDMSG, target_program(false, binding, maps)},
        {"cgroup/sendmsg6", kAddress, BPF_CGROUP_UDP6_SENDMSG, target_program(true, binding, maps)},
        {"cgroup/bind4", kAddress, BPF_CGROUP_INET4_BIND, bind_program(false, binding)},
        {"cgroup/bind6", kAddress, BPF_CGROUP_INET6_BIND, bind_program(true, binding)},
    };
}

GuardMaps TargetMaps::numbers(const Fd& traffic, const Fd& buckets) const {
    return {targets4.get(), targets6.get(), open.get(), traffic.get(), buckets.get(), denied4};
}

Result<TargetMaps> make_target_maps(const TargetTable& targets) {
    TargetMaps maps;
    EDGE_TRY(maps.targets4, make_trie(targets.entries, false));
    EDGE_TRY(maps.targets6, make_trie(targets.entries, true));
    EDGE_TRY(maps.open, make_open_ports(targets.open));
    const bool are_few = std::ranges::count(targets.entries, false, [](const TargetEntry& entry) {
                             return entry.prefix.address.v6;
                         }) <= kMostCompared;
    if (are_few && !EDGE_IS_OFF(kernel_targets)) maps.denied4 = denied_ranges(targets, false);
    return maps;
}

Result<Fd> make_buckets_map() {
    return make_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), sizeof(std::uint64_t), 2);
}

Result<> BpfLineGuard::hold(const std::string& line, int cgroup, const Binding& binding, const TargetTable& targets) {
    const auto before = held_.find(line);
    Held* held = before == held_.end() ? nullptr : &before->second;
    if (held != nullptr && held->binding == binding && held->targets == targets) return ok();
    Held fresh;
    EDGE_TRY(const auto maps, make_target_maps(targets));
    if (!traffic_) {
        EDGE_TRY(auto made, TrafficTable::make());
        traffic_.emplace(std::move(made));
    }
    if (held == nullptr) {
        EDGE_TRY(fresh.buckets, make_buckets_map());
    }
    const auto wanted =
        guard_hooks(binding, maps.numbers(traffic_->map(), held != nullptr ? held->buckets : fresh.buckets));
    for (std::size_t i = 0; i < kPrograms; ++i) {
        EDGE_TRY(fresh.programs[i], load_bpf_program(wanted[i].type, wanted[i].attach, wanted[i].program));
    }
    for (std::size_t i = 0; i < kPrograms; ++i) {
        if (is_left_out(wanted[i].attach)) continue;
        const Fd* replaced = held == nullptr ? nullptr : &held->programs[i];
        EDGE_TRY(attach_bpf_program(cgroup, wanted[i].attach, fresh.programs[i], replaced));
        if (held != nullptr) held->programs[i] = std::move(fresh.programs[i]);
    }
    if (held == nullptr) held = &(held_[line] = std::move(fresh));
    held->binding = binding;
    held->targets = targets;
    return ok();
}

Result<> BpfLineGuard::begin_traffic(const SandboxId& sandbox) {
    return traffic_->begin(sandbox.cgroup);
}

Traffic BpfLineGuard::traffic(const SandboxId& sandbox) const {
    return traffic_->of(sandbox.cgroup);
}

void BpfLineGuard::end_traffic(const SandboxId& sandbox) {
    traffic_->end(sandbox.cgroup);
}

}  // namespace edge::launcher
