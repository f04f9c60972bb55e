#include "agent/launcher/lines/line_guard.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace edge::launcher {
namespace {

// bpf(2) without libbpf: our programs need no relocation, map or BTF.
long bpf(bpf_cmd command, bpf_attr& attributes) {
    return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

std::uint64_t address(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// The program, checked by the kernel. Errors: unsupported, with the verifier's last words.
Result<Fd> load_program(bpf_prog_type type, bpf_attach_type attach, const std::vector<bpf_insn>& instructions) {
    std::array<char, 4096> words{};
    bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = type;
    attributes.expected_attach_type = attach;
    attributes.insns = address(instructions.data());
    attributes.insn_cnt = static_cast<__u32>(instructions.size());
    attributes.license = address("Apache-2.0");
    std::strncpy(attributes.prog_name, "edge_line", sizeof attributes.prog_name - 1);
    Fd program(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
    if (program) return program;
    const int refused = errno;
    attributes.log_buf = address(words.data());  // once more, to hear why
    attributes.log_size = words.size();
    attributes.log_level = 1;
    bpf(BPF_PROG_LOAD, attributes);
    std::string log(words.data());
    std::replace(log.begin(), log.end(), '\n', ' ');  // one line for whoever has to act
    return Error{Errc::unsupported, "bpf",
                 "the kernel refused the line guard; it needs CONFIG_CGROUP_BPF and Linux 5.8 " + log, refused};
}

/// Beside programs of others; with `replaced` in the place of that one, with no moment without either. It stays when
/// this process ends, and goes with the cgroup.
Result<> attach_program(int cgroup, bpf_attach_type attach, const Fd& program, const Fd* replaced) {
    bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = static_cast<__u32>(cgroup);
    attributes.attach_bpf_fd = static_cast<__u32>(program.get());
    attributes.attach_type = attach;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    if (replaced != nullptr) {
        attributes.attach_flags |= BPF_F_REPLACE;
        attributes.replace_bpf_fd = static_cast<__u32>(replaced->get());
    }
    if (bpf(BPF_PROG_ATTACH, attributes) != 0)
        return Error{Errc::unsupported, "bpf", "the line guard cannot be attached to its cgroup", errno};
    return ok();
}

}  // namespace

Result<> BpfLineGuard::hold(const std::string& line, int cgroup, const Binding& binding) {
    const auto before = held_.find(line);
    if (before != held_.end() && before->second.binding == binding) return ok();
    EDGE_TRY(auto program,
             load_program(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, sock_create_program(binding)));
    const Fd* replaced = before == held_.end() ? nullptr : &before->second.program;
    EDGE_TRY(attach_program(cgroup, BPF_CGROUP_INET_SOCK_CREATE, program, replaced));
    held_[line] = Held{binding, std::move(program)};
    return ok();
}

}  // namespace edge::launcher
