// How the machine is doing now, from kernel files, statvfs(3) and sysinfo(2).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "protocol/link/facts.hpp"

namespace edge::agent {

/// Executor: any one thread; nothing blocks but the kernel's own files.
class HostReadings {
  public:
    /// `state_dir`: whose file system's space is told.
    explicit HostReadings(std::string state_dir) : state_dir_(std::move(state_dir)) {}

    /// `elapsed_us`: since the call before, for what the processors did meanwhile; 0 at first.
    link::HostFacts read(std::uint64_t elapsed_us);

  private:
    std::string state_dir_;
    std::optional<std::uint64_t> cpu_us_;
};

}  // namespace edge::agent
