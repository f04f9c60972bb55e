// What TLS would have made for both ends of a connection.
#pragma once
#include <string>

namespace edge::sim {

inline const std::string kExporter(32, 'x');

}  // namespace edge::sim
