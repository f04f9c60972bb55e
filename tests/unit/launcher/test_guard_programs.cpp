#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bitset>
#include <cstdio>
#include <set>
#include <string>
#include <utility>

#include "agent/launcher/lines/guard_programs.hpp"

using namespace edge::launcher;

namespace {

std::string text_of(const std::vector<bpf_insn>& program) {
    std::string text;
    for (const auto& insn : program) {
        char line[64];
        std::snprintf(line, sizeof line, "%02x r%u r%u %+d 0x%x\n", insn.code, insn.dst_reg, insn.src_reg, insn.off,
                      static_cast<unsigned>(insn.imm));
        text += line;
    }
    return text;
}

struct Socket {
    std::uint32_t family, type, protocol;
};

struct Outcome {
    bool allowed = false;
    std::uint32_t device = 0, mark = 0;
};

/// Enough of the instruction set to run the program, so that the test reads what it does and not how.
Outcome run(const std::vector<bpf_insn>& program, const Socket& socket) {
    bpf_sock context{};
    context.family = socket.family;
    context.type = socket.type;
    context.protocol = socket.protocol;
    auto* words = reinterpret_cast<std::uint32_t*>(&context);
    std::uint64_t registers[11]{};
    for (std::size_t at = 0; at < program.size(); ++at) {
        const auto& insn = program[at];
        const auto imm = static_cast<std::uint32_t>(insn.imm);
        switch (insn.code) {
            case BPF_LDX | BPF_MEM | BPF_W:
                registers[insn.dst_reg] = words[insn.off / 4];
                break;
            case BPF_STX | BPF_MEM | BPF_W:
                words[insn.off / 4] = static_cast<std::uint32_t>(registers[insn.src_reg]);
                break;
            case BPF_ALU | BPF_MOV | BPF_K:
                registers[insn.dst_reg] = imm;
                break;
            case BPF_ALU64 | BPF_MOV | BPF_K:
                registers[insn.dst_reg] = static_cast<std::uint64_t>(std::int64_t{insn.imm});
                break;
            case BPF_JMP32 | BPF_JNE | BPF_K:
                if (static_cast<std::uint32_t>(registers[insn.dst_reg]) != imm)
                    at += static_cast<std::size_t>(insn.off);
                break;
            case BPF_JMP | BPF_EXIT:
                return {registers[0] == 1, context.bound_dev_if, context.mark};
            default:
                FAIL("unknown instruction");
                return {};
        }
    }
    FAIL("the program ran off its end");
    return {};
}

using Eights = std::bitset<64>;  // of the stack, from its end downwards

/// The first instruction, on any way through the program, that writes a part of 8 bytes of the stack of which the first
/// part was written alone before; or -1. Linux 6.1 takes that first part for a spilled register.
int write_behind_a_part(const std::vector<bpf_insn>& program) {
    std::set<std::pair<std::size_t, unsigned long long>> seen, to_go{{0, 0}};
    while (!to_go.empty()) {
        const auto way = *to_go.begin();
        to_go.erase(to_go.begin());
        if (!seen.insert(way).second) continue;
        const auto [at, before] = way;
        const auto& insn = program[at];
        Eights begun(before);
        const int kind = BPF_CLASS(insn.code);
        if ((kind == BPF_STX || kind == BPF_ST) && insn.dst_reg == BPF_REG_10) {
            const auto eight = static_cast<std::size_t>((-insn.off - 1) / 8);
            const bool part = BPF_SIZE(insn.code) != BPF_DW;
            if (part && begun[eight]) return static_cast<int>(at);
            begun[eight] = part && insn.off % 8 == 0;
        }
        const bool jump = kind == BPF_JMP || kind == BPF_JMP32;
        if (jump && BPF_OP(insn.code) == BPF_EXIT) continue;
        if (jump && BPF_OP(insn.code) != BPF_CALL)
            to_go.emplace(at + 1 + static_cast<std::size_t>(insn.off), begun.to_ullong());
        if (!jump || BPF_OP(insn.code) != BPF_JA)
            to_go.emplace(at + (insn.code == (BPF_LD | BPF_DW | BPF_IMM) ? 2 : 1), begun.to_ullong());
    }
    return -1;
}

}  // namespace

TEST_CASE("on no way through a program is the rest of eight bytes written behind their first part") {
    const Binding binding{
        .device = 7,
        .mark = 1,
        .addresses = {edge::IpAddress::parse("192.0.2.1").value(), edge::IpAddress::parse("2001:db8::1").value()},
        .ports = {53},
        .budget = {1000, 1000}};
    CHECK(write_behind_a_part(egress_program(binding, {})) == -1);
    CHECK(write_behind_a_part(ingress_program({})) == -1);
    for (const bool v6 : {false, true}) CHECK(write_behind_a_part(target_program(v6, binding, {})) == -1);
}

TEST_CASE("allowed sockets are bound and marked, all others refused") {
    const auto program = sock_create_program({7, 0x80000101});
    for (const Socket socket : {Socket{AF_INET, SOCK_STREAM, IPPROTO_TCP},
                                {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                                {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                                {AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
                                {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
                                {AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6}}) {
        const auto outcome = run(program, socket);
        CHECK(outcome.allowed);
        CHECK(outcome.device == 7);
        CHECK(outcome.mark == 0x80000101);
    }
    for (const Socket socket : {Socket{AF_INET, SOCK_RAW, IPPROTO_ICMP},
                                {AF_INET6, SOCK_RAW, IPPROTO_RAW},
                                {AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
                                {AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                                {AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP},
                                {AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
                                {AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6},
                                {AF_INET6, SOCK_DGRAM, IPPROTO_ICMP},
                                {AF_INET, SOCK_STREAM, IPPROTO_UDP},
                                {AF_PACKET, SOCK_DGRAM, 0},
                                {0, 0, 0}}) {
        CAPTURE(socket.protocol);
        CHECK_FALSE(run(program, socket).allowed);
    }
}

TEST_CASE("without a device every socket is refused") {
    const auto program = sock_create_program({0, 0x101});
    CHECK(text_of(program) == "b7 r0 r0 +0 0x0\n95 r0 r0 +0 0x0\n");
    CHECK_FALSE(run(program, {AF_INET, SOCK_STREAM, IPPROTO_TCP}).allowed);
}

TEST_CASE("the program's bytes are those that were reviewed") {
    CHECK(text_of(sock_create_program({7, 0x101}))
              .starts_with("61 r2 r1 +4 0x0\n"    // family
                           "61 r3 r1 +8 0x0\n"    // type
                           "61 r4 r1 +12 0x0\n"   // protocol
                           "56 r2 r0 +8 0x2\n"    // not AF_INET: the next kind
                           "56 r3 r0 +7 0x1\n"    // not SOCK_STREAM
                           "56 r4 r0 +6 0x6\n"    // not TCP
                           "b4 r5 r0 +0 0x7\n"    //
                           "63 r1 r5 +0 0x0\n"    // bound_dev_if
                           "b4 r5 r0 +0 0x101\n"  //
                           "63 r1 r5 +16 0x0\n"   // mark
                           "b7 r0 r0 +0 0x1\n"    // allow
                           "95 r0 r0 +0 0x0\n"));
    CHECK(sock_create_program({7, 0x101}).size() == 3 + 6 * 9 + 2);
}
