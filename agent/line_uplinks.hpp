// The node's lines as uplinks of its link: what the workers know of them, and sockets from edge-launcher.
#pragma once
#include "agent/link/uplinks.hpp"
#include "agent/workers/workers.hpp"

namespace edge::agent {

/// Borrows the workers, which outlive it. Executor: the one io_context.
class LineUplinks : public Uplinks {
  public:
    explicit LineUplinks(Workers& workers) : workers_(workers) {}

    std::optional<UplinkLine> line(const LineName& name) const override;
    void open(const LineName& line, bool v6, SocketKind kind, std::function<void(Result<Fd>)> done) override;

  private:
    Workers& workers_;
};

}  // namespace edge::agent
