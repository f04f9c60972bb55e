#include "carriers.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace edge::launcher::test {
namespace {

Fd current_namespace() {
    return Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

Fd new_namespace() {
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
    Fd fd = current_namespace();
    sh("ip link set lo up");
    return fd;
}

void enter(const Fd& fd) {
    if (::setns(fd.get(), CLONE_NEWNET) != 0) throw std::runtime_error("setns");
}

const char* name_of(int line) {
    return line == 0 ? "telecom" : "unicom";
}

}  // namespace

void sh(const std::string& command) {
    const int status = std::system(command.c_str());
    if (status != 0) throw std::runtime_error(command + ": status " + std::to_string(status));
}

std::string output_of(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
    ::pclose(pipe);
    return text;
}

Carriers::Carriers() : home_(current_namespace()), stop_(::eventfd(0, EFD_CLOEXEC)) {
    for (auto& carrier : carriers_) carrier = new_namespace();
    elsewhere_ = new_namespace();
    node_ = new_namespace();
    for (int n = 0; n < 2; ++n) {
        in_carrier(n, std::string("ip addr add ") + kTarget4 + "/32 dev lo");
        in_carrier(n, std::string("ip addr add ") + kTarget6 + "/128 dev lo nodad");
        in_carrier(n, "sysctl -qw net.ipv4.conf.all.arp_ignore=1");  // as a carrier's gateway: it is not the target
        for (const int family : {AF_INET, AF_INET6})
            for (const int type : {SOCK_DGRAM, SOCK_STREAM}) ears_.push_back({n, type, listener(n, family, type)});
        plug_in(n);
    }
    sh("ip route add default via 100.64.1.1");  // the main table knows the first line only
    sh("ip -6 route add default via fd64:1::1");
    sh("sysctl -qw net.ipv4.ping_group_range='0 2147483647'");
    thread_ = std::thread([this] { answer(); });
}

Carriers::~Carriers() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    enter(home_);
}

Carriers& shared_carriers() {
    static Carriers carriers;
    return carriers;
}

void Carriers::elsewhere() {
    enter(elsewhere_);
}
void Carriers::back() {
    enter(node_);
}

void Carriers::in_carrier(int n, const std::string& command) const {
    enter(carriers_[static_cast<std::size_t>(n)]);
    sh(command);
    enter(node_);
}

bool Carriers::reaches(int n, const std::string& address, int port) const {
    enter(carriers_[static_cast<std::size_t>(n)]);
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    enter(node_);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    pollfd waiting{fd.get(), POLLOUT, 0};
    int why = ETIMEDOUT;
    socklen_t size = sizeof why;
    if (::poll(&waiting, 1, 500) == 1) ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &why, &size);
    return why == 0;
}

void Carriers::plug_in(int n) {
    const std::string wan = "wan" + std::to_string(n), net4 = "100.64." + std::to_string(n + 1),
                      net6 = "fd64:" + std::to_string(n + 1) + ":";
    const int carrier = carriers_[static_cast<std::size_t>(n)].get();
    sh("ip link add " + wan + " type veth peer name peer netns /proc/" + std::to_string(::getpid()) + "/fd/" +
       std::to_string(carrier));
    in_carrier(n, "ip addr add " + net4 + ".1/24 dev peer && ip -6 addr add " + net6 +
                      ":1/64 dev peer nodad && ip link set peer up");
    // No link-local address, and no return before the kernel has finished with the link: tests compare what stands
    // here.
    sh("ip link set " + wan + " addrgenmode none");
    sh("ip addr add " + net4 + ".2/24 dev " + wan + " && ip -6 addr add " + net6 + ":2/64 dev " + wan +
       " nodad && ip link set " + wan + " up");
    sh("until ip -6 route show table local | grep -q 'ff00::/8 dev " + wan + " '; do :; done");
}

Fd Carriers::socket_in_carrier(int n, int family, int type, int protocol) const {
    enter(carriers_[static_cast<std::size_t>(n)]);  // a socket stays in the namespace it was made in
    Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    enter(node_);
    return fd;
}

Fd Carriers::listener(int n, int family, int type) const {
    Fd fd = socket_in_carrier(n, family, type, 0);
    sockaddr_in six_or_four{};
    sockaddr_in6 six{};
    six_or_four.sin_family = AF_INET;
    six_or_four.sin_port = six.sin6_port = htons(kPort);
    six.sin6_family = AF_INET6;
    ::inet_pton(AF_INET, kTarget4, &six_or_four.sin_addr);
    ::inet_pton(AF_INET6, kTarget6, &six.sin6_addr);
    const auto* address =
        family == AF_INET ? reinterpret_cast<const sockaddr*>(&six_or_four) : reinterpret_cast<const sockaddr*>(&six);
    if (::bind(fd.get(), address, family == AF_INET ? sizeof six_or_four : sizeof six) != 0)
        throw std::runtime_error("bind");
    if (type == SOCK_STREAM && ::listen(fd.get(), 8) != 0) throw std::runtime_error("listen");
    return fd;
}

void Carriers::answer() {
    for (;;) {
        std::vector<pollfd> waiting{{stop_.get(), POLLIN, 0}};
        for (const auto& ear : ears_) waiting.push_back({ear.fd.get(), POLLIN, 0});
        ::poll(waiting.data(), waiting.size(), -1);
        if (waiting[0].revents != 0) return;
        for (std::size_t i = 0; i < ears_.size(); ++i) {
            if (waiting[i + 1].revents == 0) continue;
            auto& ear = ears_[i];
            sockaddr_storage peer{};
            socklen_t size = sizeof peer;
            char question[64], address[INET6_ADDRSTRLEN]{};
            Fd stream;
            if (ear.type == SOCK_STREAM)
                stream = Fd(::accept(ear.fd.get(), reinterpret_cast<sockaddr*>(&peer), &size));
            else if (::recvfrom(ear.fd.get(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&peer), &size) <
                     0)
                continue;
            ++arrived_[static_cast<std::size_t>(ear.line)];
            const void* bytes = peer.ss_family == AF_INET
                                    ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&peer)->sin_addr)
                                    : static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&peer)->sin6_addr);
            ::inet_ntop(peer.ss_family, bytes, address, sizeof address);
            const std::string said = std::string(name_of(ear.line)) + " " + address;
            if (ear.type == SOCK_STREAM)
                (void)!::send(stream.get(), said.data(), said.size(), MSG_NOSIGNAL);
            else
                ::sendto(ear.fd.get(), said.data(), said.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
        }
    }
}

}  // namespace edge::launcher::test
