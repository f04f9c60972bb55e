#include "cli/run/follow_fsm.hpp"

#include <algorithm>

namespace edge::cli {

FollowFsm::Next FollowFsm::next(Time now) {
    if (is_finished_) return {Action::done};
    if (failures_ > 0 && now - last_word_ > kPatience) return {Action::give_up};
    if (owes_wait_) {
        owes_wait_ = false;
        // 250 ms, 500 ms, 1 s, then each 2 s: one person's program, and a broker that restarts takes a second.
        const unsigned doublings = std::min(failures_ > 0 ? failures_ - 1 : 2u, 3u);
        return {Action::wait, std::chrono::milliseconds(250u << doublings)};
    }
    return {polls_ ? Action::poll : Action::stream};
}

void FollowFsm::heard(Time now) {
    last_word_ = now;
    failures_ = 0;
}

void FollowFsm::stream_ended(Ended how, bool run_is_known, bool is_cut_off) {
    owes_wait_ = true;
    if (how == Ended::lost) ++failures_;
    // A broker or a proxy that has no stream for us, or told too much for one: ask instead.
    if (how == Ended::refused || is_cut_off) polls_ = true;
    // A stream that ends in order without the run's end: the broker stopped. Without having said anything: no stream.
    if (how == Ended::clean) {
        ++failures_;
        if (!run_is_known) polls_ = true;
    }
    if (polls_) owes_wait_ = false;
}

void FollowFsm::poll_ended(Ended how) {
    owes_wait_ = true;
    if (how == Ended::lost || how == Ended::refused) ++failures_;
}

}  // namespace edge::cli
