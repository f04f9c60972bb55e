#include "agent/launcher/lines/line_guard.hpp"

#include "agent/launcher/os/bpf.hpp"

namespace edge::launcher {

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
