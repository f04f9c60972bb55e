// The user ids that a launcher gives its workers are its alone on this host, whatever network namespace it runs in:
// what has the same uid may end it, and nftables would take it for the line's.
#pragma once
#include <cstdint>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Owns: a lock on a range of /run/edge-launcher/uids, a byte for each uid, and the file when it is the last.
class UidLock {
  public:
    /// Errors: unavailable (one of them is another launcher's), io.
    static Result<UidLock> take(std::uint32_t first, std::uint32_t count);
    /// Removes the file that a killed one left, unless somebody holds a part of it.
    static void clear_left();
    UidLock(UidLock&&) = default;
    UidLock& operator=(UidLock&&) = delete;
    ~UidLock();

  private:
    explicit UidLock(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

}  // namespace edge::launcher
