// One direction of a cable: decides which frames are lost and when the others leave.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <vector>

namespace edge::wire {

using Clock = std::chrono::steady_clock;
using Frame = std::vector<std::byte>;

struct Impairment {
    std::chrono::microseconds delay{0};
    std::chrono::microseconds jitter{0};  // a frame takes delay ± jitter, evenly spread
    std::uint32_t loss_ppm = 0;
};

struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t lost = 0;      // by the impairment's chance
    std::uint64_t overflow = 0;  // because `capacity` frames were under way
};

/// Frames leave in the order of arrival, each at or after its time. Owns: the frames under way.
class DelayLine {
  public:
    DelayLine(Impairment impairment, std::uint64_t seed, std::size_t capacity)
        : impairment_(impairment), random_(seed), capacity_(capacity) {}

    void offer(Clock::time_point now, Frame frame);

    /// When the next frame is due; nothing when the line is empty.
    [[nodiscard]] std::optional<Clock::time_point> next_due() const;

    /// The next frame, if it is due at `now`.
    [[nodiscard]] std::optional<Frame> take(Clock::time_point now);

    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    struct UnderWay {
        Clock::time_point due;
        Frame frame;
    };

    [[nodiscard]] bool is_lost();
    [[nodiscard]] std::chrono::microseconds travel_time();

    Impairment impairment_;
    std::mt19937_64 random_;
    std::size_t capacity_;
    std::deque<UnderWay> under_way_;
    Counters counters_;
};

}  // namespace edge::wire
