#include "agent/moment.hpp"

namespace edge::agent {

Moment moment_now() {
    using namespace std::chrono;
    const auto wall = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    return {steady_clock::now(), wall > 0 ? static_cast<std::uint64_t>(wall) : 0};
}

}  // namespace edge::agent
