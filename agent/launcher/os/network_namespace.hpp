// Network namespaces that somebody else made, by the file that each is bound to.
#pragma once
#include <string>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// The namespace that is bound to `path` now. Errors: not_found (nothing there), bad_value (something else).
Result<Fd> open_namespace(const std::string& path);

/// Do both stand for one namespace?
bool is_same_namespace(const Fd& one, const Fd& other);

/// While it lives, this thread and what it starts are in another network namespace. One that is empty changes nothing.
class NamespaceVisit {
  public:
    NamespaceVisit() = default;
    /// Errors: io.
    static Result<NamespaceVisit> enter(const Fd& to);
    NamespaceVisit(NamespaceVisit&&) noexcept = default;
    NamespaceVisit& operator=(NamespaceVisit&&) noexcept = default;  // to an empty one
    ~NamespaceVisit();

  private:
    Fd home_;
};

}  // namespace edge::launcher
