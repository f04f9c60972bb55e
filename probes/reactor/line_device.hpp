// The device that this process binds its sockets to by itself, where nothing in the kernel binds them as they are made.
#pragma once
#include <string>

namespace edge::probes {

/// Once, before the first socket. Never called: bind_to_line() does nothing, a guard has bound the socket already.
void bind_sockets_to(const std::string& device);

/// Before the socket is connected, or anything is sent. 0, or errno: then the socket must not be used.
/// SO_BINDTODEVICE of a socket that is not bound needs no capability. Source: socket(7); since Linux 5.7.
int bind_to_line(int fd);

}  // namespace edge::probes
