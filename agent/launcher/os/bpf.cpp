#include "agent/launcher/os/bpf.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace edge::launcher {
namespace {

long bpf(bpf_cmd command, bpf_attr& attributes) {
    return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

bpf_attr no_attributes() {
    bpf_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    return attributes;
}

std::uint64_t address(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

Result<Fd> make_bpf_map(bpf_map_type type, std::uint32_t key_bytes, std::uint32_t value_bytes, std::uint32_t entries) {
    auto attributes = no_attributes();
    attributes.map_type = type;
    attributes.key_size = key_bytes;
    attributes.value_size = value_bytes;
    attributes.max_entries = entries;
    if (type == BPF_MAP_TYPE_LPM_TRIE) attributes.map_flags = BPF_F_NO_PREALLOC;
    std::strncpy(attributes.map_name, "edge_line", sizeof attributes.map_name - 1);
    Fd map(static_cast<int>(bpf(BPF_MAP_CREATE, attributes)));
    if (!map) return Error{Errc::unsupported, "bpf", "the kernel refused a map of the line guard", errno};
    return map;
}

Result<> set_bpf_entry(const Fd& map, const void* key, const void* value) {
    auto attributes = no_attributes();
    attributes.map_fd = static_cast<__u32>(map.get());
    attributes.key = address(key);
    attributes.value = address(value);
    if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) return os_error(errno, "bpf", "an entry of the line guard");
    return ok();
}

Result<> get_bpf_entry(const Fd& map, const void* key, void* value) {
    auto attributes = no_attributes();
    attributes.map_fd = static_cast<__u32>(map.get());
    attributes.key = address(key);
    attributes.value = address(value);
    if (bpf(BPF_MAP_LOOKUP_ELEM, attributes) != 0) return os_error(errno, "bpf", "an entry of the line guard");
    return ok();
}

Result<Fd> load_bpf_program(bpf_prog_type type, bpf_attach_type attach, const std::vector<bpf_insn>& instructions) {
    std::string words(64 * 1024, '\0');
    auto attributes = no_attributes();
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
    attributes.log_size = static_cast<__u32>(words.size());
    attributes.log_level = 1;
    bpf(BPF_PROG_LOAD, attributes);
    words.resize(std::strlen(words.c_str()));
    if (words.size() > 400) words.erase(0, words.size() - 400);  // the end says what was wrong
    std::replace(words.begin(), words.end(), '\n', ' ');         // one line for whoever has to act
    return Error{Errc::unsupported, "bpf",
                 "the kernel refused the line guard; it needs CONFIG_CGROUP_BPF and Linux 5.12 " + words, refused};
}

Result<> attach_bpf_program(int cgroup, bpf_attach_type attach, const Fd& program, const Fd* replaced) {
    auto attributes = no_attributes();
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

Result<> detach_bpf_program(int cgroup, bpf_attach_type attach, const Fd& program) {
    auto attributes = no_attributes();
    attributes.target_fd = static_cast<__u32>(cgroup);
    attributes.attach_bpf_fd = static_cast<__u32>(program.get());
    attributes.attach_type = attach;
    if (bpf(BPF_PROG_DETACH, attributes) != 0) return os_error(errno, "bpf", "the line guard cannot be taken off");
    return ok();
}

}  // namespace edge::launcher
