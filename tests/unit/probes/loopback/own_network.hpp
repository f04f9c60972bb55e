// A thread in a network namespace of its own, with loopback up and ICMP sockets allowed. Needs root; else the test is
// skipped.
#pragma once
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

namespace edge::probes {

inline bool enter_own_network() {
    if (unshare(CLONE_NEWNET) != 0) return false;
    std::ofstream range("/proc/sys/net/ipv4/ping_group_range");  // of the namespace of the thread that opens it
    range << "0 2147483647" << std::flush;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    const bool is_up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return range && is_up;
}

/// False when it could not: `body` was then not run.
template <class Body>
bool in_own_network(Body body) {
    bool has_run = false;
    std::thread thread([&] {
        if (!enter_own_network()) return;
        has_run = true;
        body();
    });
    thread.join();
    return has_run;
}

}  // namespace edge::probes
