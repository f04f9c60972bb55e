// BPF instructions with named places to jump to, so that a guard reads from top to bottom. Pure.
#pragma once
#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace edge::launcher {

using BpfProgram = std::vector<bpf_insn>;

/// Registers: R0 answers and results of calls, R1 the context and first argument, R6 to R9 survive calls, R10 the end
/// of the 512 bytes of stack. Source: Documentation/bpf/standardization/instruction-set.rst.
class BpfAssembly {
  public:
    enum class Label : std::size_t {};
    enum Size : int { byte = BPF_B, half = BPF_H, word = BPF_W, twice = BPF_DW };

    /// A place that `place` puts somewhere, before or behind the jumps to it.
    Label label() {
        places_.push_back(kNowhere);
        return Label(places_.size() - 1);
    }
    void place(Label label) { places_[static_cast<std::size_t>(label)] = program_.size(); }

    void set(int reg, std::int32_t value) { add(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value); }
    void set_word(int reg, std::uint32_t value) { add(BPF_ALU | BPF_MOV | BPF_K, reg, 0, 0, signed_(value)); }
    void copy(int reg, int from) { add(BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0); }
    /// `reg op= value` and `reg op= other`, in 64 bits; op is BPF_ADD, BPF_AND, BPF_LSH, BPF_MUL, BPF_RSH, BPF_XOR.
    void calc(int op, int reg, std::int32_t value) { add(BPF_ALU64 | op | BPF_K, reg, 0, 0, value); }
    void calc_reg(int op, int reg, int other) { add(BPF_ALU64 | op | BPF_X, reg, other, 0, 0); }

    /// 32 bits in network order become a number.
    void from_network(int reg) { add(BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, 32); }

    void load(int reg, int base, int offset, Size size = word) { add(BPF_LDX | BPF_MEM | size, reg, base, offset, 0); }
    void store(int base, int offset, int reg, Size size = word) { add(BPF_STX | BPF_MEM | size, base, reg, offset, 0); }
    void store_value(int base, int offset, std::uint32_t value, Size size = word) {
        add(BPF_ST | BPF_MEM | size, base, 0, offset, signed_(value));
    }
    /// *(u64*)(base + offset) += reg, as one step on every processor.
    void add_to(int base, int offset, int reg) { add(BPF_STX | BPF_ATOMIC | BPF_DW, base, reg, offset, BPF_ADD); }
    /// If *(u64*)(base + offset) is R0 it becomes reg; R0 becomes what it was. Since Linux 5.12.
    void exchange_if_same(int base, int offset, int reg) {
        add(BPF_STX | BPF_ATOMIC | BPF_DW, base, reg, offset, BPF_CMPXCHG);
    }
    void map(int reg, int fd) {
        add(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_FD, 0, fd);
        add(0, 0, 0, 0, 0);
    }
    void call(bpf_func_id function) { add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }

    void go(Label to) { jump(BPF_JMP | BPF_JA, 0, 0, 0, to); }
    /// Comparisons of 32 bits; op is BPF_JEQ, BPF_JNE, BPF_JGT (unsigned) and so on.
    void go_if(int op, int reg, std::uint32_t value, Label to) {
        jump(BPF_JMP32 | op | BPF_K, reg, 0, signed_(value), to);
    }
    void go_if_reg(int op, int reg, int other, Label to) { jump(BPF_JMP | op | BPF_X, reg, other, 0, to); }
    /// Of a map's answer: the verifier lets nothing of it be read before.
    void go_if_null(int reg, Label to) { jump(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, 0, to); }

    void answer(std::int32_t value) {
        set(BPF_REG_0, value);
        add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    }

    /// With every jump's distance filled in.
    BpfProgram finish() && {
        for (const auto& [at, label] : jumps_)
            program_[at].off = static_cast<__s16>(places_[static_cast<std::size_t>(label)] - at - 1);
        return std::move(program_);
    }

  private:
    static constexpr std::size_t kNowhere = 0;

    static std::int32_t signed_(std::uint32_t value) { return static_cast<std::int32_t>(value); }
    void add(int code, int dst, int src, int offset, std::int32_t value) {
        program_.push_back(bpf_insn{.code = static_cast<__u8>(code),
                                    .dst_reg = static_cast<__u8>(dst & 0xf),
                                    .src_reg = static_cast<__u8>(src & 0xf),
                                    .off = static_cast<__s16>(offset),
                                    .imm = value});
    }
    void jump(int code, int dst, int src, std::int32_t value, Label to) {
        jumps_.emplace_back(program_.size(), to);
        add(code, dst, src, 0, value);
    }

    BpfProgram program_;
    std::vector<std::size_t> places_;
    std::vector<std::pair<std::size_t, Label>> jumps_;
};

}  // namespace edge::launcher
