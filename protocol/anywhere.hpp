// Where a way out is looked up that leads to nowhere in particular. Nothing is sent there.
#pragma once

namespace edge {

/// Documentation's own addresses. Source: RFC 5737, RFC 3849.
inline constexpr const char* kAnywhere4 = "192.0.2.1";
inline constexpr const char* kAnywhere6 = "2001:db8::1";

}  // namespace edge
