// What another program prints, for the few facts that the kernel tells best by ip(8).
#pragma once
#include <string>
#include <vector>

namespace edge::agent {

/// Line by line, without what it says of errors; none where it cannot be run. Run by a shell: nothing that another
/// wrote may be in it. Blocks.
std::vector<std::string> lines_of_command(const std::string& command);

}  // namespace edge::agent
