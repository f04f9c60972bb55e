// Loading and attaching programs through bpf(2), without libbpf: our programs need no relocation, map or BTF.
#pragma once
#include <linux/bpf.h>

#include <span>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// The program, checked by the kernel. Errors: unsupported, with the verifier's last words in `detail`.
Result<Fd> load_program(bpf_prog_type type, bpf_attach_type attach, std::span<const bpf_insn> instructions);

/// Attaches to a cgroup, beside programs of others; with `replaced` in the place of that one, with no moment without
/// either. It stays when this process ends, and goes with the cgroup. Errors: unsupported.
Result<> attach_program(int cgroup, bpf_attach_type attach, const Fd& program, const Fd* replaced);

}  // namespace edge::launcher
