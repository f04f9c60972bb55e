// What to do next to learn how a run goes on: follow its events, follow them again, ask now and then, give up. Pure:
// the shell carries out each action and says how it ended.
#pragma once
#include <chrono>

namespace edge::cli {

class FollowFsm {
  public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Action { stream, wait, poll, done, give_up };
    struct Next {
        Action action = Action::stream;
        std::chrono::milliseconds wait{0};  // before the action after it
    };
    /// How a stream or a poll ended. `refused`: the broker answered, with another status than 200.
    enum class Ended { clean, lost, refused };

    /// Without a word from the broker for this long, it is given up.
    static constexpr std::chrono::seconds kPatience{60};

    explicit FollowFsm(Time now) : last_word_(now) {}

    Next next(Time now);
    /// Bytes came: the broker lives.
    void heard(Time now);
    void stream_ended(Ended how, bool run_is_known, bool is_cut_off);
    void poll_ended(Ended how);
    void finished() { is_finished_ = true; }
    bool is_reconnecting() const { return failures_ > 0; }

  private:
    Time last_word_;
    unsigned failures_ = 0;  // since the last word
    bool owes_wait_ = false;
    bool polls_ = false;
    bool is_finished_ = false;
};

}  // namespace edge::cli
