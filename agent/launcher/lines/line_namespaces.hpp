// The network namespaces that lines are in: which are there, and what devices each has.
#pragma once
#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/launcher/config.hpp"
#include "agent/launcher/lines/network.hpp"
#include "agent/launcher/os/network_namespace.hpp"

namespace edge::launcher {

/// Removes every rule and route that carries our protocol number, and every device of our group: ours, or a crashed
/// launcher's.
Result<> remove_ours(Network& network, spdlog::logger& log);

/// Opens the network namespace at a path.
using OpenNetwork = std::function<Result<std::unique_ptr<Network>>(const std::string& path)>;

struct LineNamespace {
    std::string path;            // empty: the launcher's own
    Network* network = nullptr;  // null: it is not there
    std::vector<Line> lines{};
    std::unique_ptr<Network> opened{};
    Devices devices{};      // when it was looked at last
    std::string missing{};  // what was said of it last
};

/// Owns: the namespaces it opened, until they go. Borrows: the launcher's own.
class LineNamespaces {
  public:
    LineNamespaces(const std::vector<Line>& lines, Network& own, OpenNetwork open, spdlog::logger& log);

    /// Leaves those that went, opens those that came, and sees what devices there are; where that cannot be told, what
    /// there was stands. That one is not there is told, and no error. Errors: io, the first.
    Result<> look();

    /// The own one first.
    const std::vector<LineNamespace>& all() const { return all_; }
    LineNamespace& own() { return all_.front(); }
    const LineNamespace& of(const Line& line) const;
    const Device* device_of(const Line& line) const { return launcher::device_of(line, of(line).devices); }
    /// Every one that is there now; those from take_left() are in it no more.
    std::vector<Network*> networks() const;
    /// Those that went since the last call: what runs there is on no line.
    std::vector<LineNamespace> take_left() { return std::exchange(left_, {}); }
    /// The line's, for what is to be started in it. Errors: unavailable (it is not there), io.
    Result<NamespaceVisit> enter(const Line& line) const;

  private:
    void leave(LineNamespace& space);
    void open(LineNamespace& space);

    OpenNetwork open_;
    spdlog::logger& log_;
    std::vector<LineNamespace> all_;
    std::vector<LineNamespace> left_;
};

}  // namespace edge::launcher
