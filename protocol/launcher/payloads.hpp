// The escape attempts that a sandbox can be asked to make. The launcher takes a number of this list and nothing else;
// `edge-probe payload` knows how each is made. Tests and `edge-agent doctor` read the answers.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace edge::launcher {

/// What an attempt is after.
enum class PayloadAim : std::uint8_t {
    honest,  // not an attempt: what a worker may do, so that a silence of all others means something
    line,    // to leave by another line, or from another address
    target,  // to reach what policy forbids, or to be reached
    file,    // to see or change what is not the sandbox's
    kernel,  // to get privileges, other namespaces, or to other processes
    host,    // to use up what is the machine's: it goes on until it is killed
};

struct Payload {
    std::string_view name;
    PayloadAim aim;
};

inline constexpr std::array kPayloads = std::to_array<Payload>({
    {"send", PayloadAim::honest},
    {"so-mark", PayloadAim::line},
    {"so-bindtodevice", PayloadAim::line},
    {"so-bindtodevice-lo", PayloadAim::line},
    {"so-bindtoifindex", PayloadAim::line},
    {"ip-unicast-if", PayloadAim::line},
    {"ipv6-unicast-if", PayloadAim::line},
    {"ip-pktinfo-device", PayloadAim::line},
    {"ipv6-pktinfo-device", PayloadAim::line},
    {"ip-pktinfo-source", PayloadAim::line},
    {"ipv6-pktinfo-source", PayloadAim::line},
    {"ipv6-sticky-pktinfo", PayloadAim::line},
    {"bind-other-source4", PayloadAim::line},
    {"bind-other-source6", PayloadAim::line},
    {"ip-freebind", PayloadAim::line},
    {"ip-transparent", PayloadAim::line},
    {"ip-source-route", PayloadAim::line},
    {"ipv6-routing-header", PayloadAim::line},
    {"ipv6-hop-options", PayloadAim::line},
    {"ip-multicast-if", PayloadAim::line},
    {"igmp-join", PayloadAim::line},
    {"mld-join", PayloadAim::line},
    {"link-local-scope", PayloadAim::line},
    {"raw-socket4", PayloadAim::line},
    {"raw-socket6", PayloadAim::line},
    {"packet-socket", PayloadAim::line},
    {"mptcp", PayloadAim::line},
    {"sctp", PayloadAim::line},
    {"udp-lite", PayloadAim::line},
    {"set-route", PayloadAim::line},
    {"set-link-down", PayloadAim::line},
    {"metadata4", PayloadAim::target},
    {"metadata6", PayloadAim::target},
    {"metadata-mapped", PayloadAim::target},
    {"metadata-nat64", PayloadAim::target},
    {"metadata-fastopen", PayloadAim::target},
    {"metadata-sendmmsg", PayloadAim::target},
    {"metadata-reconnect", PayloadAim::target},
    {"private4", PayloadAim::target},
    {"private6", PayloadAim::target},
    {"private-6to4", PayloadAim::target},
    {"loopback4", PayloadAim::target},
    {"loopback6", PayloadAim::target},
    {"own-address", PayloadAim::target},
    {"own-gateway", PayloadAim::target},
    {"other-gateway", PayloadAim::target},
    {"other-address", PayloadAim::target},
    {"broadcast", PayloadAim::target},
    {"multicast4", PayloadAim::target},
    {"multicast6", PayloadAim::target},
    {"forbidden-port", PayloadAim::target},
    {"listen", PayloadAim::target},
    {"bind-any", PayloadAim::target},
    {"open-secrets", PayloadAim::file},
    {"open-given-paths", PayloadAim::file},
    {"open-proc", PayloadAim::file},
    {"open-sys", PayloadAim::file},
    {"open-dev", PayloadAim::file},
    {"climb-out", PayloadAim::file},
    {"create-file", PayloadAim::file},
    {"change-program", PayloadAim::file},
    {"mknod", PayloadAim::file},
    {"inherited-fds", PayloadAim::file},
    {"environment", PayloadAim::file},
    {"core-dump", PayloadAim::file},
    {"mount", PayloadAim::kernel},
    {"new-mount-calls", PayloadAim::kernel},
    {"pivot-root", PayloadAim::kernel},
    {"chroot", PayloadAim::kernel},
    {"unshare-user", PayloadAim::kernel},
    {"unshare-net", PayloadAim::kernel},
    {"clone-newuser", PayloadAim::kernel},
    {"clone3-newuser", PayloadAim::kernel},
    {"setns", PayloadAim::kernel},
    {"ptrace", PayloadAim::kernel},
    {"process-vm", PayloadAim::kernel},
    {"kill-all", PayloadAim::kernel},
    {"kill-given-pids", PayloadAim::kernel},
    {"pidfd-given-pids", PayloadAim::kernel},
    {"sched-fifo", PayloadAim::kernel},
    {"raise-priority", PayloadAim::kernel},
    {"raise-limits", PayloadAim::kernel},
    {"set-ids", PayloadAim::kernel},
    {"capset", PayloadAim::kernel},
    {"privileges-back", PayloadAim::kernel},
    {"execve", PayloadAim::kernel},
    {"execveat-memfd", PayloadAim::kernel},
    {"bpf", PayloadAim::kernel},
    {"perf-event", PayloadAim::kernel},
    {"userfaultfd", PayloadAim::kernel},
    {"io-uring", PayloadAim::kernel},
    {"keyring", PayloadAim::kernel},
    {"modules", PayloadAim::kernel},
    {"clock-and-power", PayloadAim::kernel},
    {"file-handle", PayloadAim::kernel},
    {"ports-and-ldt", PayloadAim::kernel},
    {"int80", PayloadAim::kernel},
    {"x32", PayloadAim::kernel},
    {"unix-socket", PayloadAim::kernel},
    {"netlink-socket", PayloadAim::kernel},
    {"odd-sockets", PayloadAim::kernel},
    {"fork-bomb", PayloadAim::host},
    {"thread-bomb", PayloadAim::host},
    {"memory-bomb", PayloadAim::host},
    {"shared-memory-bomb", PayloadAim::host},
    {"memfd-bomb", PayloadAim::host},
    {"pipe-bomb", PayloadAim::host},
    {"fd-bomb", PayloadAim::host},
    {"timer-bomb", PayloadAim::host},
    {"zombies", PayloadAim::host},
    {"spin", PayloadAim::host},
    {"daemon", PayloadAim::host},
    {"ignore-signals", PayloadAim::host},
    {"background-sockets", PayloadAim::host},
    {"log-flood", PayloadAim::host},
    {"channel-flood", PayloadAim::host},
});

}  // namespace edge::launcher
