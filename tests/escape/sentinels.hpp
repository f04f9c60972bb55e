// Who watches: packet sockets on both carriers' ends and on the node's loopback, before any filter of the node's can
// hide a packet. What a worker of one line must not send is seen here, or it was not sent.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "carriers.hpp"

namespace edge::escape {

/// What arrived in one place, as `UDP 100.64.1.2 > 10.0.0.1:80`.
using Packets = std::vector<std::string>;

class Sentinels {
  public:
    /// `ports`: what may be spoken to at the carriers' targets.
    explicit Sentinels(const launcher::test::Carriers& carriers, std::vector<int> ports = {launcher::test::kPort});

    /// Forgets what has arrived.
    void begin();
    /// What a worker of this line was not to send: all at the other carrier and on loopback; here what does not come
    /// from the line's addresses or does not go to the carriers' targets. Neighbour discovery is the kernel's own, and
    /// a refusal on loopback the guard's: the packet that it answers would have been seen as well.
    Packets strays(int line);
    /// What it was to send.
    Packets honest(int line);

  private:
    struct Seen {
        Packets honest, strays;
    };
    Seen read(int place, int line);

    std::vector<int> ports_;
    std::array<launcher::Fd, 3> fds_;  // carrier 0, carrier 1, the node's loopback
    std::array<Seen, 3> seen_;
};

}  // namespace edge::escape
