// The node's lines as the link sees them: over which it may go, and where its sockets come from. An edge: the agent
// puts its launcher behind it, tests a fake.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/fd.hpp"
#include "protocol/ids.hpp"
#include "protocol/link/uplink.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

struct UplinkLine {
    bool up = true;        // false: it is known to be down
    std::string reason{};  // then
    std::vector<std::string> resolvers{};
    std::uint16_t resolver_port = 53;
    bool v4 = false, v6 = false;  // it has addresses of
    link::UplinkBound bound = link::UplinkBound::launcher;
};

enum class SocketKind { tcp, udp };

/// Executor: the one io_context.
class Uplinks {
  public:
    virtual ~Uplinks() = default;
    /// None: there is no such line, or nobody who knows.
    virtual std::optional<UplinkLine> line(const LineName& name) const = 0;
    /// A socket that leaves by the line, bound, not connected, non-blocking. May answer from inside the call.
    virtual void open(const LineName& line, bool v6, SocketKind kind, std::function<void(Result<Fd>)> done) = 0;
};

}  // namespace edge::agent
