// What holds the sockets of a line's cgroup to the line. One implementation, BPF; programs that check connect, bind and
// egress join it behind the same call.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "agent/launcher/lines/socket_program.hpp"
#include "agent/launcher/os/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

class LineGuard {
  public:
    virtual ~LineGuard() = default;
    /// From now on the sockets made in the line's cgroup, and below it, are so bound. Idempotent; the first call comes
    /// before the first worker, later ones when the device came, went or was made anew. Errors: unsupported.
    virtual Result<> hold(const std::string& line, int cgroup, const Binding& binding) = 0;
    virtual Enforcement enforcement() const = 0;
};

/// The programs stay with the line's cgroup, not with this object: when the launcher dies, what it held stays held.
class BpfLineGuard final : public LineGuard {
  public:
    Result<> hold(const std::string& line, int cgroup, const Binding& binding) override;
    Enforcement enforcement() const override { return Enforcement::bpf_guard; }

  private:
    struct Held {
        Binding binding;
        Fd program;
    };
    std::map<std::string, Held> held_;
};

}  // namespace edge::launcher
