#include "tests/lab/wire/delay_line.hpp"

#include <algorithm>
#include <utility>

namespace edge::wire {

void DelayLine::offer(Clock::time_point now, Frame frame) {
    if (is_lost()) {
        ++counters_.lost;
        return;
    }
    if (under_way_.size() >= capacity_) {
        ++counters_.overflow;
        return;
    }
    auto due = now + travel_time();
    if (!under_way_.empty()) due = std::max(due, under_way_.back().due);
    under_way_.push_back({due, std::move(frame)});
    ++counters_.accepted;
}

std::optional<Clock::time_point> DelayLine::next_due() const {
    if (under_way_.empty()) return std::nullopt;
    return under_way_.front().due;
}

std::optional<Frame> DelayLine::take(Clock::time_point now) {
    if (under_way_.empty() || under_way_.front().due > now) return std::nullopt;
    auto frame = std::move(under_way_.front().frame);
    under_way_.pop_front();
    return frame;
}

bool DelayLine::is_lost() {
    if (impairment_.loss_ppm == 0) return false;
    return std::uniform_int_distribution<std::uint32_t>(0, 999'999)(random_) < impairment_.loss_ppm;
}

std::chrono::microseconds DelayLine::travel_time() {
    const auto jitter = impairment_.jitter.count();
    if (jitter == 0) return impairment_.delay;
    return impairment_.delay +
           std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(-jitter, jitter)(random_));
}

}  // namespace edge::wire
