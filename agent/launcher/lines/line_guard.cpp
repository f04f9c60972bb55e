#include "agent/launcher/lines/line_guard.hpp"

#include <cstring>
#include <utility>

#include "agent/launcher/os/bpf.hpp"
#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

constexpr std::uint32_t kMostTargets = 4096;    // entries of a trie
constexpr std::uint32_t kMostSandboxes = 1024;  // slots, and those whose group is still being emptied

struct Hook {
    bpf_prog_type type;
    bpf_attach_type attach;
    BpfProgram program;
};

/// In the order in which they are put in place: what refuses most comes first.
std::vector<Hook> hooks(const Binding& binding, const GuardMaps& maps) {
    return {
        {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, sock_create_program(binding)},
        {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, egress_program(binding, maps)},
        {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, ingress_program(maps)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, target_program(false, binding, maps)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, target_program(true, binding, maps)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, target_program(false, binding, maps)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG, target_program(true, binding, maps)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, bind_program(false, binding)},
        {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_BIND, bind_program(true, binding)},
    };
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

Result<Fd> make_trie(const std::vector<TargetEntry>& targets, bool v6) {
    const auto bytes = static_cast<std::uint32_t>(v6 ? 16 : 4);
    EDGE_TRY(auto trie, make_bpf_map(BPF_MAP_TYPE_LPM_TRIE, 4 + bytes, sizeof(TargetVerdict), kMostTargets));
    for (const auto& entry : targets) {
        if (entry.prefix.address.v6 != v6) continue;
        TrieKey key{.bits = entry.prefix.length};
        std::memcpy(key.address, entry.prefix.address.bytes.data(), bytes);
        const auto verdict = EDGE_IS_OFF(kernel_targets) ? TargetVerdict::allow_and_dns : entry.verdict;
        EDGE_TRY(set_bpf_entry(trie, &key, &verdict));
    }
    return trie;
}

}  // namespace

Result<> BpfLineGuard::hold(const std::string& line, int cgroup, const Binding& binding,
                            const std::vector<TargetEntry>& targets) {
    const auto before = held_.find(line);
    Held* held = before == held_.end() ? nullptr : &before->second;
    if (held != nullptr && held->binding == binding && held->targets == targets) return ok();
    if (!traffic_) {
        EDGE_TRY(traffic_, make_bpf_map(BPF_MAP_TYPE_HASH, sizeof(std::uint64_t), sizeof(Traffic), kMostSandboxes));
    }
    Held fresh;
    EDGE_TRY(fresh.targets4, make_trie(targets, false));
    EDGE_TRY(fresh.targets6, make_trie(targets, true));
    EDGE_TRY(fresh.buckets, make_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), sizeof(std::uint64_t), 2));
    const auto wanted =
        hooks(binding, {fresh.targets4.get(), fresh.targets6.get(), traffic_.get(), fresh.buckets.get()});
    for (std::size_t i = 0; i < kPrograms; ++i) {
        EDGE_TRY(fresh.programs[i], load_bpf_program(wanted[i].type, wanted[i].attach, wanted[i].program));
    }
    for (std::size_t i = 0; i < kPrograms; ++i) {
        if (is_left_out(wanted[i].attach)) continue;
        const Fd* replaced = held == nullptr ? nullptr : &held->programs[i];
        EDGE_TRY(attach_bpf_program(cgroup, wanted[i].attach, fresh.programs[i], replaced));
        if (held != nullptr) held->programs[i] = std::move(fresh.programs[i]);
    }
    if (held != nullptr) fresh.programs = std::move(held->programs);
    fresh.binding = binding;
    fresh.targets = targets;
    held_.insert_or_assign(line, std::move(fresh));
    return ok();
}

Result<> BpfLineGuard::begin_traffic(std::uint64_t cgroup) {
    const Traffic none;
    return set_bpf_entry(traffic_, &cgroup, &none);
}

Traffic BpfLineGuard::traffic(std::uint64_t cgroup) const {
    Traffic traffic;
    if (!get_bpf_entry(traffic_, &cgroup, &traffic)) return {};
    return traffic;
}

void BpfLineGuard::end_traffic(std::uint64_t cgroup) {
    remove_bpf_entry(traffic_, &cgroup);
}

}  // namespace edge::launcher
