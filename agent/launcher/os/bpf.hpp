// bpf(2) without libbpf: our programs need no relocation and no BTF.
#pragma once
#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Errors: unsupported, naming what the kernel has not.
Result<Fd> make_bpf_map(bpf_map_type type, std::uint32_t key_bytes, std::uint32_t value_bytes, std::uint32_t entries);
/// Sets, reads one entry of a map; the sizes are the map's. Errors: io, not_found.
Result<> set_bpf_entry(const Fd& map, const void* key, const void* value);
Result<> get_bpf_entry(const Fd& map, const void* key, void* value);

/// The program, checked by the kernel. Errors: unsupported, with the verifier's last words.
Result<Fd> load_bpf_program(bpf_prog_type type, bpf_attach_type attach, const std::vector<bpf_insn>& instructions);

/// Beside programs of others; with `replaced` in the place of that one, with no moment without either. It stays when
/// this process ends, and goes with the cgroup. Errors: unsupported.
Result<> attach_bpf_program(int cgroup, bpf_attach_type attach, const Fd& program, const Fd* replaced);
Result<> detach_bpf_program(int cgroup, bpf_attach_type attach, const Fd& program);

}  // namespace edge::launcher
