// The flags of a probe are the fields of its spec: `interval_ms` is --interval-ms. None is written twice, so none is
// forgotten.
#pragma once
#include <memory>
#include <string>

#include "cli/exit_codes.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/probes/spec.hpp"

namespace CLI {
class App;
}

namespace edge::cli {

/// Flags added to a subcommand, and afterwards what was given by them.
class SpecFlags {
  public:
    virtual ~SpecFlags() = default;
    /// Errors: usage, naming the flag.
    virtual Answer<Json> params(const std::string& target) const = 0;
};

std::unique_ptr<SpecFlags> add_spec_flags(CLI::App& app, Service service);

}  // namespace edge::cli
