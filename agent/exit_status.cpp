#include "agent/exit_status.hpp"

#include <cstdio>

namespace edge::agent {

int complain(int status, const std::string& text) {
    std::fprintf(stderr, "edge-agent: %s\n", text.c_str());
    return status;
}

}  // namespace edge::agent
