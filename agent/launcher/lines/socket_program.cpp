#include "agent/launcher/lines/socket_program.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <initializer_list>

namespace edge::launcher {
namespace {

using Program = std::vector<bpf_insn>;

constexpr bpf_insn insn(int code, int dst, int src, int offset, std::uint32_t immediate) {
    return bpf_insn{.code = static_cast<__u8>(code),
                    .dst_reg = static_cast<__u8>(dst & 0xf),
                    .src_reg = static_cast<__u8>(src & 0xf),
                    .off = static_cast<__s16>(offset),
                    .imm = static_cast<__s32>(immediate)};
}
constexpr bpf_insn load(int dst, std::size_t field) {  // dst = *(u32*)(context + field)
    return insn(BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, static_cast<int>(field), 0);
}
constexpr bpf_insn store(std::size_t field, int src) {  // *(u32*)(context + field) = src
    return insn(BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, src, static_cast<int>(field), 0);
}
constexpr bpf_insn set(int dst, std::uint32_t value) {
    return insn(BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, value);
}
constexpr bpf_insn skip_if_other(int reg, std::uint32_t value, int count) {
    return insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, count, value);
}
constexpr bpf_insn leave() {
    return insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

struct Kind {
    int family, type, protocol;
};
// The kernel has put the protocol's number in already when 0 was asked for (inet_create).
constexpr Kind kAllowed[] = {
    {AF_INET, SOCK_STREAM, IPPROTO_TCP},  {AF_INET, SOCK_DGRAM, IPPROTO_UDP},  {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
};

}  // namespace

std::vector<bpf_insn> sock_create_program(const Binding& binding) {
    Program program;
    const auto add = [&](std::initializer_list<bpf_insn> more) { program.insert(program.end(), more); };
    constexpr int kFamily = BPF_REG_2, kType = BPF_REG_3, kProtocol = BPF_REG_4, kValue = BPF_REG_5;
    if (binding.device != 0) {
        add({load(kFamily, offsetof(bpf_sock, family)), load(kType, offsetof(bpf_sock, type)),
             load(kProtocol, offsetof(bpf_sock, protocol))});
        for (const auto& kind : kAllowed)
            add({skip_if_other(kFamily, static_cast<unsigned>(kind.family), 8),
                 skip_if_other(kType, static_cast<unsigned>(kind.type), 7),
                 skip_if_other(kProtocol, static_cast<unsigned>(kind.protocol), 6), set(kValue, binding.device),
                 store(offsetof(bpf_sock, bound_dev_if), kValue), set(kValue, binding.mark),
                 store(offsetof(bpf_sock, mark), kValue), set(BPF_REG_0, 1), leave()});
    }
    add({set(BPF_REG_0, 0), leave()});
    return program;
}

}  // namespace edge::launcher
