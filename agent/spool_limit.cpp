#include "agent/spool_limit.hpp"

#include <utility>

namespace edge::agent {
namespace {

// A broker that takes results makes room within milliseconds of a session's beginning.
constexpr std::chrono::seconds kPatience{30};
constexpr std::uint64_t kPartAbove = 8;  // of the limit: as far as the plan goes above it meanwhile

}  // namespace

bool SpoolLimit::look(bool is_live, Time now) {
    const bool is_changed = is_reached_ != (spool_.bytes() >= most_);
    if (is_changed) is_reached_ = !is_reached_;
    if (!is_reached_ || !is_live)
        since_.reset();
    else if (!since_)
        since_ = now;
    return is_changed;
}

bool SpoolLimit::session_must_end(Time now) const {
    return since_ && (now - *since_ >= kPatience || spool_.bytes() >= most_ + most_ / kPartAbove);
}

Result<> SpoolLimit::make_room() {
    while (spool_.bytes() >= most_) {
        const std::uint64_t before = spool_.bytes();
        const auto done = spool_.give_up_oldest();
        if (!done && done.error().code != Errc::unavailable) return done;
        if (!done || spool_.bytes() == before) break;
    }
    return ok();
}

}  // namespace edge::agent
