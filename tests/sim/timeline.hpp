// The simulated clock and what is to happen on it, in order; and the one source of chance of a run.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace edge::sim {

using Us = std::uint64_t;
inline constexpr Us kMs = 1'000;
inline constexpr Us kSecond = 1'000'000;
inline constexpr Us kMinute = 60 * kSecond;

class Timeline {
  public:
    Us now() const { return now_; }
    std::uint64_t wall() const { return kWallAtStart + now_; }
    std::chrono::steady_clock::time_point steady() const {
        return std::chrono::steady_clock::time_point(std::chrono::microseconds(kMonoAtStart + now_));
    }
    std::uint64_t mono() const { return kMonoAtStart + now_; }
    /// When a moment of steady() is; a past one is now.
    Us of(std::chrono::steady_clock::time_point moment) const {
        const auto at = std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch()).count();
        return of_mono(static_cast<std::uint64_t>(at));
    }
    Us of_mono(std::uint64_t mono) const { return mono > kMonoAtStart + now_ ? mono - kMonoAtStart : now_; }

    /// Of what is due at one moment the first that was asked for is the first that happens.
    void at(Us when, std::function<void()> what) { due_.push({std::max(when, now_), ++asked_, std::move(what)}); }
    void after(Us delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    /// The next of what is to happen. False: nothing is.
    bool step() {
        if (due_.empty()) return false;
        auto what = std::move(const_cast<Due&>(due_.top()).what);
        now_ = due_.top().when;
        due_.pop();
        what();
        return true;
    }

  private:
    static constexpr std::uint64_t kWallAtStart = 1'700'000'000'000'000;
    static constexpr std::uint64_t kMonoAtStart = 3'600'000'000;
    struct Due {
        Us when = 0;
        std::uint64_t asked = 0;
        std::function<void()> what;
        bool operator<(const Due& other) const { return when != other.when ? when > other.when : asked > other.asked; }
    };
    std::priority_queue<Due> due_;
    std::uint64_t asked_ = 0;
    Us now_ = 0;
};

/// The same seed gives the same run.
class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}
    /// Both ends may come.
    std::uint64_t between(std::uint64_t from, std::uint64_t to) { return from + engine_() % (to - from + 1); }
    /// So many times in a thousand.
    bool permille(std::uint64_t times) { return engine_() % 1'000 < times; }
    std::uint64_t bits() { return engine_(); }
    std::mt19937 other() { return std::mt19937(static_cast<std::uint32_t>(engine_())); }

  private:
    std::mt19937_64 engine_;
};

}  // namespace edge::sim
