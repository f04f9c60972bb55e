// Sockets that the service manager opened before it started us. Source: sd_listen_fds_with_names(3).
#pragma once
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/systemd/descriptor.hpp"

namespace edge::systemd {

struct ListenSocket {
    std::string name;  // FileDescriptorName= of the socket's unit
    Descriptor fd;
};

/// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which are taken out of the environment; the descriptors are closed on
/// execve. None where they are another process's. Call it before any descriptor is opened, and once.
/// Errors: bad_value (the variables contradict each other, or name a descriptor that is not open).
Result<std::vector<ListenSocket>> take_listen_sockets();

}  // namespace edge::systemd
