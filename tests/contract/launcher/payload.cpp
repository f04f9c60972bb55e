// Runs in a sandbox where edge-probe would, and does what it is told over fd 3: a line in, a line out. Each answer says
// what the kernel said: "ok ...", or the errno's name.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#ifdef EDGE_SANITIZED
// Not by ASAN_OPTIONS: the runtime reads it from /proc, which a sandbox has not; nor can it look for leaks there.
extern "C" const char* __asan_default_options() {
    return "detect_leaks=0";
}
#endif

namespace {

using Words = std::vector<std::string>;

std::string outcome(long result) {
    return result >= 0 ? "ok" : strerrorname_np(errno);
}

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Endpoint endpoint(const std::string& address, int port) {
    Endpoint to;
    auto* four = reinterpret_cast<sockaddr_in*>(&to.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&to.storage);
    if (inet_pton(AF_INET, address.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(static_cast<std::uint16_t>(port));
        to.size = sizeof *four;
    } else {
        inet_pton(AF_INET6, address.c_str(), &six->sin6_addr);
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(static_cast<std::uint16_t>(port));
        to.size = sizeof *six;
    }
    return to;
}

std::string answer_on(int fd, int timeout_ms) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, timeout_ms) == 0) return "silence";
    char buffer[512];
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) return strerrorname_np(errno);
    return "ok " + std::string(buffer, static_cast<std::size_t>(n));
}

/// udp|tcp ADDRESS PORT TIMEOUT_MS [DEVICE]: what the target answered; with DEVICE, to a socket that binds itself to
/// it.
std::string ask(const Words& words) {
    const auto to = endpoint(words[1], std::stoi(words[2]));
    const bool tcp = words[0] == "tcp";
    const int fd = socket(to.storage.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0) return std::string("socket ") + strerrorname_np(errno);
    std::string said;
    if (words.size() > 4 &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, words[4].c_str(), static_cast<socklen_t>(words[4].size())) != 0)
        said = strerrorname_np(errno);
    else if (connect(fd, to.get(), to.size) != 0)
        said = strerrorname_np(errno);
    // A datagram may be lost, and is sent again each second, as a resolver would.
    constexpr int kAgainMs = 1000;
    int left = said.empty() ? std::stoi(words[3]) : 0;
    for (bool again = left > 0; again; again = said == "silence" && left > 0) {
        const int wait = tcp ? left : std::min(left, kAgainMs);
        said = send(fd, "who", 3, MSG_NOSIGNAL) < 0 ? strerrorname_np(errno) : answer_on(fd, wait);
        left -= wait;
    }
    close(fd);
    return said;
}

/// ping ADDRESS
std::string ping(const Words& words) {
    const auto to = endpoint(words[1], 0);
    const bool v6 = to.storage.ss_family == AF_INET6;
    const int fd = socket(to.storage.ss_family, SOCK_DGRAM,
                          v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP));
    if (fd < 0) return std::string("socket ") + strerrorname_np(errno);
    unsigned char request[8] = {static_cast<unsigned char>(v6 ? 128 : 8), 0, 0, 0, 0, 0, 0, 1};
    std::string said;
    if (sendto(fd, request, sizeof request, 0, to.get(), to.size) < 0)
        said = strerrorname_np(errno);
    else
        said = answer_on(fd, 1000).substr(0, 2);
    close(fd);
    return said;
}

/// option device NAME | option mark NUMBER | option interface NAME
std::string option(const Words& words) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) return std::string("socket ") + strerrorname_np(errno);
    const auto& value = words[2];
    const int number = words[1] == "mark" ? std::stoi(value) : static_cast<int>(htonl(if_nametoindex(value.c_str())));
    int result = -1;
    if (words[1] == "device")
        result = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, value.c_str(), static_cast<socklen_t>(value.size()));
    if (words[1] == "mark") result = setsockopt(fd, SOL_SOCKET, SO_MARK, &number, sizeof number);
    const auto said = outcome(result);
    close(fd);
    return said;
}

/// What a datagram asks of the kernel beside its target: to leave by a device (0: none), or from an address (empty:
/// none).
std::string send_with(int fd, const Endpoint& to, int device, const Endpoint* source) {
    char control[128]{}, text[] = "stray";
    iovec data{text, sizeof text - 1};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to.get());
    message.msg_namelen = to.size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (to.storage.ss_family == AF_INET) {
        in_pktinfo info{};
        info.ipi_ifindex = device;
        if (source != nullptr) info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(source->get())->sin_addr;
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        in6_pktinfo info{};
        info.ipi6_ifindex = static_cast<unsigned>(device);
        if (source != nullptr) info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(source->get())->sin6_addr;
        header->cmsg_level = IPPROTO_IPV6;
        header->cmsg_type = IPV6_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(header), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
    }
    return outcome(sendmsg(fd, &message, 0));
}

/// stray udp|ping IFINDEX ADDRESS PORT | from udp SOURCE ADDRESS PORT
std::string stray(const Words& words) {
    const auto to = endpoint(words[3], std::stoi(words[4]));
    const bool v6 = to.storage.ss_family == AF_INET6;
    const int echo = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
    const int fd = socket(to.storage.ss_family, SOCK_DGRAM, words[1] == "ping" ? echo : 0);
    if (fd < 0) return std::string("socket ") + strerrorname_np(errno);
    const auto source = endpoint(words[2], 0);
    const bool by_device = words[0] == "stray";
    const auto said = send_with(fd, to, by_device ? std::stoi(words[2]) : 0, by_device ? nullptr : &source);
    close(fd);
    return said;
}

/// send ADDRESS PORT TIMES: datagrams that are not connected; how many left, and why no more.
std::string send_many(const Words& words) {
    const auto to = endpoint(words[1], std::stoi(words[2]));
    const int fd = socket(to.storage.ss_family, SOCK_DGRAM, 0);
    int sent = 0;
    std::string why = "ok";
    for (int i = 0; i < std::stoi(words[3]); ++i) {
        if (sendto(fd, "who", 3, 0, to.get(), to.size) >= 0) {
            ++sent;
        } else {
            why = strerrorname_np(errno);
        }
    }
    close(fd);
    return std::to_string(sent) + " " + why;
}

/// fastopen ADDRESS PORT: TCP whose first send connects.
std::string fast_open(const Words& words) {
    const auto to = endpoint(words[1], std::stoi(words[2]));
    const int fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const ssize_t sent = sendto(fd, "who", 3, MSG_FASTOPEN | MSG_NOSIGNAL, to.get(), to.size);
    const auto said = sent < 0 && errno == EINPROGRESS ? "ok" : outcome(sent);
    close(fd);
    return said;
}

/// bind udp|tcp ADDRESS PORT
std::string bind_to(const Words& words) {
    const auto to = endpoint(words[2], std::stoi(words[3]));
    const int fd = socket(to.storage.ss_family, words[1] == "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0);
    const auto said = outcome(bind(fd, to.get(), to.size));
    close(fd);
    return said;
}

std::string make_socket(const Words& words) {
    const int fd = socket(std::stoi(words[1]), std::stoi(words[2]), std::stoi(words[3]));
    const auto said = outcome(fd);
    if (fd >= 0) close(fd);
    return said;
}

int listen_once() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int result = listen(fd, 1);
    const int why = errno;
    close(fd);
    errno = why;
    return result;
}

/// call NAME: something that no worker may do.
std::string call(const Words& words) {
    static const std::map<std::string, std::function<long()>> calls{
        {"mount", [] { return mount("none", "/", "tmpfs", 0, nullptr); }},
        {"umount", [] { return umount2("/", MNT_DETACH); }},
        {"open_tree", [] { return syscall(SYS_open_tree, AT_FDCWD, "/", 1U); }},
        {"fsopen", [] { return syscall(SYS_fsopen, "tmpfs", 0U); }},
        {"pivot_root", [] { return syscall(SYS_pivot_root, "/", "/"); }},
        {"chroot", [] { return chroot("/"); }},
        {"unshare_user", [] { return unshare(CLONE_NEWUSER); }},
        {"unshare_net", [] { return unshare(CLONE_NEWNET); }},
        {"setns", [] { return setns(0, CLONE_NEWNET); }},
        {"clone_newuser", [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }},
        {"clone3", [] { return syscall(SYS_clone3, nullptr, 0UL); }},
        {"ptrace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
        {"process_vm_readv", [] { return syscall(SYS_process_vm_readv, 1, nullptr, 0UL, nullptr, 0UL, 0UL); }},
        {"bpf", [] { return syscall(SYS_bpf, 0, nullptr, 0U); }},
        {"io_uring", [] { return syscall(SYS_io_uring_setup, 1U, nullptr); }},
        {"keyctl", [] { return syscall(SYS_keyctl, 0, -3, 1); }},
        {"add_key", [] { return syscall(SYS_add_key, "user", "a", "b", 1UL, -1); }},
        {"perf", [] { return syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0UL); }},
        {"userfaultfd", [] { return syscall(SYS_userfaultfd, 1); }},
        {"kexec", [] { return syscall(SYS_kexec_load, 0UL, 0UL, nullptr, 0UL); }},
        {"init_module", [] { return syscall(SYS_init_module, nullptr, 0UL, ""); }},
        {"open_by_handle_at", [] { return syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0); }},
        {"sethostname", [] { return sethostname("x", 1); }},
        {"listen", [] { return static_cast<long>(listen_once()); }},
        {"death_signal", [] { return syscall(SYS_prctl, PR_SET_PDEATHSIG, 0); }},
        {"datagram_pair",
         [] {
             int ends[2];
             return static_cast<long>(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
         }},
        {"setuid0", [] { return static_cast<long>(setuid(0)); }},
        {"capset", [] {
             __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
             const __user_cap_data_struct all[2]{{1U << CAP_NET_ADMIN, 1U << CAP_NET_ADMIN, 0}, {}};
             return syscall(SYS_capset, &header, all);
         }}};
    errno = 0;
    return outcome(calls.at(words[1])());
}

void list_into(const std::string& folder, std::vector<std::string>& files) {
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) {
        files.push_back(folder + "!" + strerrorname_np(errno));
        return;
    }
    for (const dirent* entry = readdir(dir); entry != nullptr; entry = readdir(dir)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        const std::string path = (folder == "/" ? "" : folder) + "/" + name;
        struct stat info {};
        lstat(path.c_str(), &info);
        if (S_ISDIR(info.st_mode))
            list_into(path, files);
        else
            files.push_back(path);
    }
    closedir(dir);
}

std::string list_files(const Words&) {
    std::vector<std::string> files;
    list_into("/", files);
    std::sort(files.begin(), files.end());
    std::string all;
    for (const auto& file : files) all += file + " ";
    return all;
}

std::string identity(const Words&) {
    uid_t r = 0, e = 0, s = 0;
    gid_t rg = 0, eg = 0, sg = 0;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct caps[2]{};
    syscall(SYS_capget, &header, caps);
    unsigned bounding = 0;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; ++cap)
        bounding += static_cast<unsigned>(prctl(PR_CAPBSET_READ, cap));
    rlimit files{}, core{};
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_CORE, &core);
    int deathsig = 0;
    prctl(PR_GET_PDEATHSIG, &deathsig);
    char host[64]{};
    gethostname(host, sizeof host - 1);
    std::ostringstream out;
    out << "uid=" << r << "," << e << "," << s << " gid=" << rg << "," << eg << "," << sg
        << " groups=" << getgroups(0, nullptr) << " pid=" << getpid() << " sid=" << getsid(0) << " ppid=" << getppid()
        << " effective=" << caps[0].effective + caps[1].effective
        << " permitted=" << caps[0].permitted + caps[1].permitted << " bounding=" << bounding
        << " no_new_privs=" << prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) << " seccomp=" << prctl(PR_GET_SECCOMP)
        << " nofile=" << files.rlim_max << " core=" << core.rlim_max << " deathsig=" << deathsig << " host=" << host
        << " fds=";
    for (int fd = 0; fd < 4096; ++fd)
        if (fcntl(fd, F_GETFD) >= 0) out << fd << ",";
    return out.str();
}

/// fork N: how many lived at once, and why no more.
std::string fork_many(const Words& words) {
    std::vector<pid_t> children;
    std::string why = "ok";
    for (int i = 0; i < std::stoi(words[1]); ++i) {
        const pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        if (pid < 0) {
            why = strerrorname_np(errno);
            break;
        }
        children.push_back(pid);
    }
    for (const auto pid : children) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }
    return std::to_string(children.size()) + " " + why;
}

/// leave N: so many children that are still there after the answer.
std::string leave_children(const Words& words) {
    for (int i = 0; i < std::stoi(words[1]); ++i) {
        const pid_t pid = fork();
        if (pid < 0) return strerrorname_np(errno);
        if (pid != 0) continue;
        for (;;) pause();
    }
    return "ok";
}

/// memory MIB: touches so much.
std::string use_memory(const Words& words) {
    const std::size_t size = std::stoul(words[1]) << 20;
    auto* bytes = static_cast<volatile char*>(std::malloc(size));
    for (std::size_t at = 0; at < size; at += 4096) bytes[at] = 1;
    return "ok";
}

/// spin MS: busy for so long by the clock; how much of it was processor time.
std::string spin(const Words& words) {
    const auto now = [](clockid_t clock) {
        timespec time{};
        clock_gettime(clock, &time);
        return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
    };
    const auto end = now(CLOCK_MONOTONIC) + std::stol(words[1]);
    const auto before = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_MONOTONIC) < end) {
    }
    return std::to_string(now(CLOCK_PROCESS_CPUTIME_ID) - before);
}

std::string say(const Words& words) {
    for (int i = 0; i < std::stoi(words[1]); ++i) (void)!write(2, (words[2] + "\n").data(), words[2].size() + 1);
    return "ok";
}

std::string run(const Words& words, int argc, char** argv, char** environment) {
    const auto& verb = words[0];
    if (verb == "udp" || verb == "tcp") return ask(words);
    if (verb == "ping") return ping(words);
    if (verb == "stray" || verb == "from") return stray(words);
    if (verb == "send") return send_many(words);
    if (verb == "fastopen") return fast_open(words);
    if (verb == "bind") return bind_to(words);
    if (verb == "option") return option(words);
    if (verb == "socket") return make_socket(words);
    if (verb == "call") return call(words);
    if (verb == "list") return list_files(words);
    if (verb == "identity") return identity(words);
    if (verb == "fork") return fork_many(words);
    if (verb == "leave") return leave_children(words);
    if (verb == "memory") return use_memory(words);
    if (verb == "spin") return spin(words);
    if (verb == "say") return say(words);
    if (verb == "create") return outcome(open(words[1].c_str(), O_CREAT | O_WRONLY, 0600));
    if (verb == "open") return outcome(open(words[1].c_str(), O_RDONLY));
    if (verb == "kill") return outcome(kill(std::stoi(words[1]), SIGKILL));
    if (verb == "exit") _exit(std::stoi(words[1]));
    if (verb == "crash") abort();
    std::string all;
    for (int i = 1; verb == "arguments" && i < argc; ++i) all += std::string(argv[i]) + " ";
    for (char** one = environment; verb == "environment" && *one != nullptr; ++one) all += std::string(*one) + " ";
    return all;
}

}  // namespace

int main(int argc, char** argv, char** environment) {
    std::string pending;
    char buffer[512];
    for (ssize_t n = 0; (n = read(3, buffer, sizeof buffer)) > 0;) {
        pending.append(buffer, static_cast<std::size_t>(n));
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            std::istringstream in(pending.substr(0, end));
            pending.erase(0, end + 1);
            Words words;
            for (std::string word; in >> word;) words.push_back(word);
            const std::string answer = run(words, argc, argv, environment) + "\n";
            if (write(3, answer.data(), answer.size()) < 0) return 1;
        }
    }
    return 0;
}
